"""Would a roll of the edge leave tenants without a replica, or lose requests? A judgement on objects, no I/O.

What Kubernetes does (1.34): a paused Deployment does not roll; a PodDisruptionBudget limits evictions, never a roll; at
SIGTERM a pod is still sent requests until every node has heard that it is no endpoint any more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Object
from pointsman.edge.roll_counts import Rolling, rolling
from pointsman.edge.roll_pods import endings, listening, obstacles, server_of

__all__ = ["Around", "Gap", "gaps"]


@dataclass(frozen=True, slots=True)
class Gap:
    """One sentence about rolls, and whether it forbids them."""

    what: str
    next_action: str = ""
    refuse: bool = False
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the Deployment."""

    config_map: str
    service: Object | None = None
    budgets: Sequence[Object] = ()
    claims: Sequence[Object] = ()
    """PersistentVolumeClaims that its pods mount."""
    nodes: int | None = None
    """Nodes that may take its pods; None when it was not counted."""
    per_second: float | None = None
    """Requests that all replicas together answer; None when nobody counts."""
    roll_timeout: float = math.inf
    """Seconds a move waits for a roll."""


def gaps(deployment: Object, around: Around) -> list[Gap]:
    """All that there is to say, what forbids a roll first."""
    roll = rolling(deployment)
    server = server_of(deployment, around.config_map)
    said = [
        *_never(deployment),
        *_all_at_once(deployment, roll),
        *_unheard(deployment, server, around.service),
        *_stuck(deployment, roll, around),
        *_slow(deployment, roll, around.roll_timeout),
        *_cut(deployment, server, around.per_second),
        *_budgets(deployment, around.budgets),
        *_few(roll),
    ]
    return sorted(said, key=lambda gap: (not gap.refuse, not gap.warn))


def _patch(deployment: Object, spec: Mapping[str, Any]) -> str:
    """The command that mends it."""
    metadata, body = deployment["metadata"], json.dumps({"spec": spec}, separators=(",", ":"))
    return f"kubectl patch deployment {metadata['name']} -n {metadata['namespace']} -p '{body}'"


def _in_container(deployment: Object, server: Mapping[str, Any], **fields: Any) -> str:
    change = {"template": {"spec": {"containers": [{"name": server.get("name"), **fields}]}}}
    return f"{_patch(deployment, change)}, or the same in its chart's values"


def _never(deployment: Object) -> Iterable[Gap]:
    if deployment["spec"].get("paused"):
        name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
        yield Gap(
            "it is paused, so a change of the configuration never rolls",
            f"kubectl rollout resume deployment/{name} -n {namespace}",
            refuse=True,
        )


def _all_at_once(deployment: Object, roll: Rolling) -> Iterable[Gap]:
    if roll.unavailable >= roll.replicas:
        asked = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
        said = f"maxSurge {asked.get('maxSurge', '25%')}, maxUnavailable {asked.get('maxUnavailable', '25%')}"
        which = "its one replica" if roll.replicas == 1 else f"all {roll.replicas} replicas"
        yield Gap(
            f"a roll may end {which} before a new one serves ({said})",
            _patch(deployment, {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}),
            refuse=True,
        )


def _unheard(deployment: Object, server: Mapping[str, Any], service: Object | None) -> Iterable[Gap]:
    """A new replica that is sent requests before it listens."""
    name = server.get("name")
    if not listening(server):
        probe = {"httpGet": {"path": "/health/readiness", "port": _port(server)}, "periodSeconds": 5}
        yield Gap(
            f"container {name} has no readinessProbe, so a new replica is sent requests, and an old one ended, "
            "before it listens (LiteLLM takes about 12 s to start)",
            _in_container(deployment, server, readinessProbe=probe),
            refuse=True,
        )
    if service is not None and (service.get("spec") or {}).get("publishNotReadyAddresses"):
        metadata = service["metadata"]
        yield Gap(
            f"Service {metadata['namespace']}/{metadata['name']} sends requests to replicas that are not ready "
            "(publishNotReadyAddresses)",
            f"kubectl patch service {metadata['name']} -n {metadata['namespace']} "
            """-p '{"spec":{"publishNotReadyAddresses":false}}'""",
            refuse=True,
        )


def _port(server: Mapping[str, Any]) -> int:
    ports = server.get("ports") or []
    return int(ports[0]["containerPort"]) if ports else 4000


def _stuck(deployment: Object, roll: Rolling, around: Around) -> Iterable[Gap]:
    """A new replica that finds no place while every old one stays."""
    if roll.unavailable:
        return
    for what, never in obstacles(deployment, around.claims):
        full = around.nodes is not None and around.nodes <= roll.replicas
        if never or full:
            room = "" if never else f", and {around.nodes} can take one"
            yield Gap(
                f"{what}{room}, so a roll that ends no replica first never starts one",
                "run two replicas or more with maxUnavailable 1, or take the limit away",
                refuse=True,
            )
        else:
            yield Gap(f"{what}, so a roll waits until there is such a place", warn=True)


def _slow(deployment: Object, roll: Rolling, timeout: float) -> Iterable[Gap]:
    least = int(deployment["spec"].get("minReadySeconds") or 0)
    turns = math.ceil(roll.replicas / max(1, roll.surge + roll.unavailable))
    if least and least * turns >= timeout:
        yield Gap(
            f"a roll takes {least * turns} s or more (minReadySeconds {least}, {turns} turns), "
            f"and a move waits {timeout:g} s for one",
            f"--roll-timeout {least * turns + 120}",
            refuse=True,
        )
    elif least * turns >= 60:
        yield Gap(f"a roll takes {least * turns} s or more (minReadySeconds {least})")


def _cut(deployment: Object, server: Mapping[str, Any], per_second: float | None) -> Iterable[Gap]:
    """What a replica that is told to end loses."""
    end = endings(deployment, server)
    hook = {"preStop": {"exec": {"command": ["sleep", "15"]}}}
    if end.hook is None:
        rate = "what arrives then" if per_second is None else f"about {per_second:.3g} requests for each second of it"
        grace = {"terminationGracePeriodSeconds": max(end.grace, 330)}
        change = {"template": {"spec": {**grace, "containers": [{"name": server.get("name"), "lifecycle": hook}]}}}
        yield Gap(
            f"container {server.get('name')} has no preStop: at each roll it stops listening at SIGTERM while nodes "
            f"send to it for a second or more, and {rate} is refused",
            f"{_patch(deployment, change)}, or the same in its chart's values",
            warn=True,
        )
    left = end.grace - (end.hook or 0)
    if left <= 30:
        yield Gap(
            f"a stream that takes more than {max(left, 0)} s after its replica was told to end is cut "
            f"(terminationGracePeriodSeconds {end.grace}, preStop included)",
            _patch(deployment, {"template": {"spec": {"terminationGracePeriodSeconds": 330}}}),
            warn=True,
        )


def _budgets(deployment: Object, budgets: Iterable[Object]) -> Iterable[Gap]:
    labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
    for one in budgets:
        selector = (one.get("spec") or {}).get("selector") or {}
        wanted = selector.get("matchLabels") or {}
        blocks = (one.get("status") or {}).get("disruptionsAllowed") == 0
        if blocks and selector.keys() <= {"matchLabels"} and wanted.items() <= labels.items():
            name = f"PodDisruptionBudget {one['metadata']['namespace']}/{one['metadata']['name']}"
            yield Gap(f"{name} allows no eviction now: it does not hold up rolls, but the drain of a node")


def _few(roll: Rolling) -> Iterable[Gap]:
    if roll.replicas == 1:
        yield Gap("one replica: a roll starts a second one beside it, but nobody serves tenants while its node is down")
    elif 0 < roll.unavailable < roll.replicas:
        yield Gap(f"during a roll {roll.replicas - roll.unavailable} of {roll.replicas} replicas carry all tenants")
    else:
        yield Gap(f"{roll.replicas} replicas, none of which is ended before a new one serves")
