"""Argo CD, helm and kustomize, from a ``go.mod`` of their own: who never asks for git never builds them."""

from __future__ import annotations

import shutil
from pathlib import Path

from pointsman.lab.progress import Progress, Report
from pointsman.lab.toolchain.build import module_directory
from pointsman.lab.toolchain.golang import Go
from pointsman.lab.toolchain.toolset import Toolset

__all__ = ["ARGO_CD", "MANIFESTS"]

MANIFESTS = "argo-cd"
"""The folder of Argo CD's own manifests in a finished build."""
_MODULE = "github.com/argoproj/argo-cd/v3"
_TAKEN = (
    "crds/*-crd.yaml",
    "base/config/argocd-*.yaml",
    "base/*/argocd-*-sa.yaml",
    "base/*/argocd-*-role.yaml",
    "base/*/argocd-*-rolebinding.yaml",
    "cluster-rbac/*/argocd-*.yaml",
)
"""Definitions, settings, and who may do what; the lab has no use for Deployments, Services and network policies."""


def _collect(go: Go, draft: Path, report: Report) -> None:
    report(Progress("toolchain", "taking Argo CD's manifests"))
    source = module_directory(go, draft, _MODULE) / "manifests"
    target = draft / "manifests" / MANIFESTS
    target.mkdir(parents=True)
    for pattern in _TAKEN:
        for path in sorted(source.glob(pattern)):
            shutil.copyfile(path, target / path.name)


ARGO_CD = Toolset("argo-cd", Path(__file__).parent, {"cmd": "argocd"}, _collect, (Path(__file__),))
"""Three controllers in one program, and what renders repositories for them."""
