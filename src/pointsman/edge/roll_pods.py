"""What a pod of the edge says about rolls: when it listens, how it ends, and what keeps a second one from starting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Object

__all__ = ["Ending", "bound_to_nodes", "claim_names", "endings", "listening", "obstacles", "server_of"]

_SLEEP = re.compile(r"\bsleep\s+(\d+)")
_HOSTNAME = "kubernetes.io/hostname"


@dataclass(frozen=True, slots=True)
class Ending:
    """How long a pod has to end, in seconds."""

    grace: int
    """From the order to end until it is killed; a preStop hook is part of it."""
    hook: int | None
    """What its preStop hook waits; 0 when that does not show, None without one."""


def server_of(deployment: Object, config_map: str) -> Mapping[str, Any]:
    """The container that mounts the configuration."""
    pod = deployment["spec"]["template"]["spec"]
    volumes = {str(one["name"]) for one in pod.get("volumes") or [] if config_map in _config_maps(one)}
    containers: list[Mapping[str, Any]] = pod.get("containers") or [{}]
    mounting = (
        one for one in containers if volumes & {str(mount.get("name")) for mount in one.get("volumeMounts") or []}
    )
    return next(mounting, containers[0])


def _config_maps(volume: Mapping[str, Any]) -> Iterator[str]:
    for part in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
        yield str((part.get("configMap") or {}).get("name"))


def listening(server: Mapping[str, Any]) -> bool:
    """Is it not ready before it was asked? A container with a startupProbe is not ready before that succeeds."""
    return bool(server.get("readinessProbe") or server.get("startupProbe"))


def endings(deployment: Object, server: Mapping[str, Any]) -> Ending:
    """By the pod's grace period and the container's hook."""
    grace = deployment["spec"]["template"]["spec"].get("terminationGracePeriodSeconds")
    hook = (server.get("lifecycle") or {}).get("preStop")
    return Ending(30 if grace is None else int(grace), None if not hook else _seconds(hook))


def _seconds(hook: Mapping[str, Any]) -> int:
    if "sleep" in hook:
        return int(hook["sleep"].get("seconds") or 0)
    found = _SLEEP.search(" ".join(str(word) for word in (hook.get("exec") or {}).get("command") or []))
    return int(found[1]) if found else 0


def bound_to_nodes(deployment: Object) -> str:
    """Why each of its pods needs a node of its own; empty when none does."""
    pod = deployment["spec"]["template"]["spec"]
    if pod.get("hostNetwork"):
        return "hostNetwork"
    ports = [port for one in pod.get("containers") or [] for port in one.get("ports") or []]
    if any(port.get("hostPort") for port in ports):
        return f"hostPort {next(port['hostPort'] for port in ports if port.get('hostPort'))}"
    labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
    terms = ((pod.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or []
    return "podAntiAffinity" if any(_keeps_off(term, labels) for term in terms) else ""


def _keeps_off(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = (term.get("labelSelector") or {}).get("matchLabels") or {}
    return term.get("topologyKey") == _HOSTNAME and bool(wanted) and wanted.items() <= labels.items()


def claim_names(deployment: Object) -> list[str]:
    """PersistentVolumeClaims its pods mount."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
    return [str(one["persistentVolumeClaim"]["claimName"]) for one in volumes if one.get("persistentVolumeClaim")]


def obstacles(deployment: Object, claims: Iterable[Object]) -> Iterator[tuple[str, bool]]:
    """What a second pod would need, and whether it can never have it."""
    reason = bound_to_nodes(deployment)
    if reason:
        yield f"each replica needs a node of its own ({reason})", False
    for claim in claims:
        modes = set(claim["spec"].get("accessModes") or [])
        name = f"PersistentVolumeClaim {claim['metadata']['namespace']}/{claim['metadata']['name']}"
        if modes == {"ReadWriteOncePod"}:
            yield f"{name} is for one pod at a time (ReadWriteOncePod)", True
        elif modes == {"ReadWriteOnce"}:
            yield f"{name} binds a new replica to the node of the old one (ReadWriteOnce)", False
