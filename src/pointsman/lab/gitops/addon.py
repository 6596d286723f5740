"""Argo CD's objects in the cluster: its definitions, its settings, who may do what."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from pointsman.lab.addons.install import read
from pointsman.lab.addons.names import ARGO_NAMESPACE
from pointsman.lab.addons.own import Manifest
from pointsman.lab.gitops.toolset import MANIFESTS
from pointsman.lab.kubectl import Kubectl
from pointsman.lab.progress import Progress, Report

__all__ = ["install"]

_CLUSTER_WIDE = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
_PROJECT: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "default", "namespace": ARGO_NAMESPACE},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}
"""What Argo CD's own server makes at its first start; the lab has no server."""


def install(kubectl: Kubectl, manifests: Path, report: Report) -> None:
    """Install everything; also over an older installation."""
    found = [_placed(one) for path in sorted((manifests / MANIFESTS).iterdir()) for one in read(path)]
    definitions = [one for one in found if one["kind"] == "CustomResourceDefinition"]
    report(Progress("add-ons", f"Argo CD: {len(found)} objects"))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ARGO_NAMESPACE}}
    kubectl.apply([namespace, *definitions])
    kubectl.wait_established(definitions)
    kubectl.apply([*(one for one in found if one not in definitions), _PROJECT])


def _placed(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest["kind"] not in _CLUSTER_WIDE:
        manifest["metadata"]["namespace"] = ARGO_NAMESPACE
    if manifest["metadata"]["name"] == "argocd-secret":
        manifest["stringData"] = {"server.secretkey": secrets.token_urlsafe(32)}
    return manifest
