"""A lab as it is this moment: asked of every process, not remembered."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.lab.config import LabConfig
from pointsman.lab.controlplane import Lab
from pointsman.lab.gitops.processes import gitops
from pointsman.lab.gitops.remote import protected_as
from pointsman.lab.gitops.toolset import ARGO_CD
from pointsman.lab.identity import Identity
from pointsman.lab.probing import is_ready
from pointsman.lab.processes import ProcessSpec, etcd_and_api, rest
from pointsman.lab.toolchain import Toolchain
from pointsman.lab.toolchain.build import KUBERNETES_VERSION
from pointsman.lab.toolchain.toolset import CONTROL_PLANE

__all__ = ["describe", "versions"]


_NAMED = (
    ("kserve", "github.com/kserve/kserve", CONTROL_PLANE),
    ("etcd", "go.etcd.io/etcd/server/v3", CONTROL_PLANE),
    ("argo-cd", "github.com/argoproj/argo-cd/v3", ARGO_CD),
    ("helm", "helm.sh/helm/v3", ARGO_CD),
    ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", ARGO_CD),
)
"""What is named with its version, by its module and the toolset that has it."""


@dataclass(frozen=True, slots=True)
class _Process:
    name: str
    pid: int | None
    ready: bool
    restarts: int
    port: int | None


def describe(lab: Lab) -> dict[str, Any]:
    """The lab under stable names, for text and JSON alike."""
    config = lab.config
    return {
        "name": config.name,
        "phase": _phase(lab),
        "kubeconfig": str(config.kubeconfig),
        "home": str(config.home),
        "supervisor": lab.supervisor,
        "processes": [_as_dict(process) for process in _processes(lab)],
        "ports": dict(config.ports),
        "proxy": config.proxy_url,
        "addresses": f"10.{config.octet}.0.0/16",
        "nodes": [node.model_dump() for node in config.nodes],
        "engine": config.engine,
        "versions": versions(gitops=config.gitops),
        **(_remote(config) if config.gitops else {}),
    }


def _remote(config: LabConfig) -> dict[str, str]:
    return {"remote": config.remote.as_uri(), "protected": protected_as(config.remote)}


def versions(*, gitops: bool = False) -> dict[str, str]:
    """What the lab's programs are."""
    found = {
        name: match[1]
        for name, module, of in _NAMED
        if (gitops or of is CONTROL_PLANE)
        and (match := re.search(rf"{re.escape(module)} (v\S+)", (of.module / "go.mod").read_text("utf-8")))
    }
    return {"kubernetes": KUBERNETES_VERSION, **found}


def _phase(lab: Lab) -> str:
    if lab.supervisor is None:
        return "stopped"
    return lab.state.phase if lab.state else "starting"


def _processes(lab: Lab) -> list[_Process]:
    if lab.supervisor is None or lab.state is None:
        return []
    specs = _specs(lab)
    with ThreadPoolExecutor(max_workers=8) as pool:
        ready = dict(zip(specs, pool.map(lambda spec: is_ready(spec.ready), specs.values()), strict=True))
    return [
        _Process(
            found.name, found.pid, found.pid is not None and ready.get(found.name, False), found.restarts, found.port
        )
        for found in lab.state.processes
    ]


def _specs(lab: Lab) -> dict[str, ProcessSpec]:
    """What is asked of each process. The programs' place does not matter for asking."""
    who, nowhere = Identity(lab.config.home / "pki"), Toolchain(Path())
    argo = gitops(lab.config, nowhere, who) if lab.config.gitops else ()
    all_specs = (*etcd_and_api(lab.config, nowhere, who), *rest(lab.config, nowhere, who), *argo)
    return {spec.name: spec for spec in all_specs}


def _as_dict(process: _Process) -> dict[str, Any]:
    return {name: getattr(process, name) for name in ("name", "pid", "ready", "restarts", "port")}
