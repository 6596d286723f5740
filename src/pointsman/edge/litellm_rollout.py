"""Does every replica of the edge run the same members? A judgement on what was read, no I/O.

What a replica runs is what it says it has loaded. "No other replica" means: none that can be given a new request. An
old pod that is ending stays until its last stream is out, which may take long, and is no endpoint of the Service any
more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Object
from pointsman.edge.contract import Member, Replica, said

__all__ = ["REVISION", "ROLLED", "Rollout", "judge", "settled"]

REVISION = "pointsman.dev/edge-revision"
"""Annotation of the pod template: digest of the configuration that a roll of ours was for. A hint, no proof."""
ROLLED = "pointsman.dev/edge-rolled-at"
"""Annotation of the pod template that changes with every roll of ours."""

_HOPELESS = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff"}


@dataclass(frozen=True, slots=True)
class Rollout:
    """A verdict; ``reason`` names what is missing and is empty when nothing is."""

    reason: str
    hopeless: bool = False
    """A replica fails to start; waiting will not change that."""
    paused: bool = False
    """The Deployment is paused, so that nothing is rolled."""
    mute: bool = False
    """A replica that is ready does not say what it has loaded; a new process may."""
    stale: bool = False
    """The rollout is over, and a replica runs something else: it has to be rolled again."""

    @property
    def done(self) -> bool:
        """Every replica runs the members."""
        return not self.reason


def judge(
    members: Sequence[Member],
    deployment: Object,
    pods: Sequence[Object],
    replicas: Sequence[Replica],
    slices: Iterable[Object],
) -> Rollout:
    """Judge the edge; ``replicas`` are the ``pods``, each with what it has loaded."""
    staying = [one for one in replicas if not one.terminating]
    lagging = [one for one in staying if one.ready and not one.runs(members)]
    moving = settled(deployment)
    if moving and not (deployment["spec"].get("paused") and not lagging):
        broken = next((pod for pod in pods if _current(pod, deployment) and _hopeless(pod)), None)
        kept = [f"replica {one.name} runs {said(one.members)}" for one in lagging[:1]]
        reason = f"pod {broken['metadata']['name']} is not ready{_why(broken)}" if broken else ""
        paused = bool(deployment["spec"].get("paused"))
        return Rollout("; ".join([reason or moving, *kept]), hopeless=broken is not None, paused=paused)
    for one in staying:
        if not one.ready:
            return Rollout(f"pod {one.name} is not ready")
        if one.members is None:
            return Rollout(f"replica {one.name} does not say what it has loaded: {one.why}", mute=True)
    if lagging:
        return Rollout(f"replica {lagging[0].name} runs {said(lagging[0].members)}", stale=True)
    if not staying:
        return Rollout("no replica of the edge is there", paused=bool(deployment["spec"].get("paused")))
    return Rollout(_endpoint_lag({one.name for one in staying}, slices))


def settled(deployment: Object) -> str:
    """What the Deployment controller has still to do; empty when its rollout is over."""
    status: Mapping[str, Any] = deployment.get("status") or {}
    wanted = int(deployment["spec"].get("replicas", 1))
    if int(status.get("observedGeneration", 0)) < int(deployment["metadata"].get("generation", 0)):
        return "the Deployment controller has not seen the change yet"
    for key, word in (("updatedReplicas", "started"), ("availableReplicas", "available")):
        if int(status.get(key, 0)) < wanted:
            return _waiting(deployment, f"{int(status.get(key, 0))} of {wanted} replicas are {word}")
    if int(status.get("replicas", 0)) > wanted:
        return f"{int(status['replicas']) - wanted} replicas of an older configuration are left"
    return ""


def _waiting(deployment: Object, text: str) -> str:
    if deployment["spec"].get("paused"):
        return f"{text}: the Deployment is paused, so nothing is rolled"
    for one in (deployment.get("status") or {}).get("conditions") or []:
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            return f"{text}: {one.get('message', '')}"
    return text


def _endpoint_lag(names: set[str], slices: Iterable[Object]) -> str:
    served: set[str] = set()
    for one in slices:
        for endpoint in one.get("endpoints") or []:
            target = endpoint.get("targetRef") or {}
            if (endpoint.get("conditions") or {}).get("ready") is not False and target.get("kind") == "Pod":
                served.add(str(target.get("name")))
    if served - names:
        return f"pod {sorted(served - names)[0]} still takes requests"
    if names - served:
        return f"pod {sorted(names - served)[0]} is no endpoint of the Service yet"
    return ""


def _current(pod: Object, deployment: Object) -> bool:
    """Was it made from the Deployment's template as it is now, and not told to end?"""
    wanted = ((deployment["spec"]["template"].get("metadata") or {}).get("annotations") or {}).items()
    has = (pod["metadata"].get("annotations") or {}).items()
    return "deletionTimestamp" not in pod["metadata"] and wanted <= has


def _waiting_reasons(pod: Object) -> list[tuple[str, int]]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    found = []
    for one in statuses:
        waiting = (one.get("state") or {}).get("waiting") or {}
        found.append((str(waiting.get("reason", "")), int(one.get("restartCount", 0))))
    return found


def _hopeless(pod: Object) -> bool:
    return any(
        reason in _HOPELESS and (reason != "CrashLoopBackOff" or times >= 2) for reason, times in _waiting_reasons(pod)
    )


def _why(pod: Object) -> str:
    named = [reason for reason, _ in _waiting_reasons(pod) if reason]
    return f" ({named[0]})" if named else ""
