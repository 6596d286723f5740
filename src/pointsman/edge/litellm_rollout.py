"""Is every replica of the edge on one configuration? A judgement on objects, no I/O.

"No old replica" means: none that can be given a new request. An old pod that is ending stays until its last stream
is out, which may take long, and is no endpoint of the Service any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Object
from pointsman.edge.contract import Replica

__all__ = ["REVISION", "Rollout", "judge", "replica_of"]

REVISION = "pointsman.dev/edge-revision"
"""Annotation of the pod template; a change of it rolls the pods."""

_HOPELESS = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff"}


@dataclass(frozen=True, slots=True)
class Rollout:
    """A verdict; ``reason`` names what is missing and is empty when nothing is."""

    reason: str
    hopeless: bool = False
    """A replica of this revision fails to start; waiting will not change that."""

    @property
    def done(self) -> bool:
        """Every replica runs the revision."""
        return not self.reason


def replica_of(pod: Object) -> Replica:
    """A pod as a replica."""
    metadata = pod["metadata"]
    return Replica(
        name=str(metadata["name"]),
        revision=str((metadata.get("annotations") or {}).get(REVISION, "")),
        ready=_condition(pod, "Ready"),
        terminating="deletionTimestamp" in metadata,
    )


def judge(revision: str, deployment: Object, pods: Sequence[Object], slices: Iterable[Object]) -> Rollout:
    """Judge what was read; ``revision`` must be the one the Deployment's template carries."""
    live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    declared = _status_lag(deployment)
    if declared:
        return Rollout("; ".join([declared, *_kept(revision, live)]), hopeless=False)
    for pod in live:
        said = _pod_lag(revision, pod)
        if said:
            return Rollout(said, hopeless=_hopeless(pod) and replica_of(pod).revision == revision)
    return Rollout(_endpoint_lag({str(pod["metadata"]["name"]) for pod in live}, slices))


def _status_lag(deployment: Object) -> str:
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
    for one in (deployment.get("status") or {}).get("conditions") or []:
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            return f"{text}: {one.get('message', '')}"
    return text


def _kept(revision: str, pods: Sequence[Object]) -> list[str]:
    """What is said of the first pod that takes requests and was not started with this revision."""
    older = [pod for pod in pods if replica_of(pod).ready and replica_of(pod).revision != revision]
    return [_pod_lag(revision, pod) for pod in older][:1]


def _pod_lag(revision: str, pod: Object) -> str:
    replica = replica_of(pod)
    if replica.revision != revision:
        return f"pod {replica.name} runs {replica.revision[:12] or 'an unknown configuration'}"
    if not replica.ready:
        return f"pod {replica.name} is not ready{_why(pod)}"
    return ""


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


def _condition(pod: Object, name: str) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == name and one.get("status") == "True" for one in conditions)


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
