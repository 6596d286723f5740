"""A lab as it is this moment: asked of every process, not remembered."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.lab.controlplane import Lab
from pointsman.lab.identity import Identity
from pointsman.lab.probing import is_ready
from pointsman.lab.processes import ProcessSpec, etcd_and_api, rest
from pointsman.lab.toolchain import Toolchain
from pointsman.lab.toolchain.build import KUBERNETES_VERSION

__all__ = ["describe", "versions"]


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
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What the lab's programs are."""
    listed = (Path(__file__).parent / "go.mod").read_text()
    found = {
        name: match[1]
        for name, module in (("kserve", "github.com/kserve/kserve"), ("etcd", "go.etcd.io/etcd/server/v3"))
        if (match := re.search(rf"{re.escape(module)} (v\S+)", listed))
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
    return {spec.name: spec for spec in (*etcd_and_api(lab.config, nowhere, who), *rest(lab.config, nowhere, who))}


def _as_dict(process: _Process) -> dict[str, Any]:
    return {name: getattr(process, name) for name in ("name", "pid", "ready", "restarts", "port")}
