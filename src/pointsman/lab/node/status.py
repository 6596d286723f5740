"""A pod's status, as a kubelet writes it: a pure function of what its containers do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.lab.node.states import ContainerState
from pointsman.lab.node.times import rfc3339

__all__ = ["Verdict", "phase_of", "pod_status"]

_OURS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")


@dataclass(frozen=True, slots=True)
class Verdict:
    """An end that the node itself decided on (a deadline, an admission failure)."""

    reason: str
    message: str


def phase_of(states: Sequence[ContainerState], policy: str, *, ending: bool) -> str:
    """The phase, from containers and restart policy; ``ending`` when the pod is being taken down."""
    init = [state for state in states if state.role == "init"]
    main = [state for state in states if state.role == "main"]
    alive = any(state.running for state in states)
    if any(state.terminated and not state.succeeded for state in init) and policy == "Never" and not alive:
        return "Failed"
    if any(state.running for state in main):
        return "Running"
    if not all(state.terminated or state.last for state in main):
        return "Failed" if ending and not alive else "Pending"
    succeeded = all(state.succeeded for state in main)
    final = ending or (policy != "Always" and (succeeded or policy == "Never"))
    if alive or not final:
        return "Running"
    return "Succeeded" if succeeded else "Failed"


def pod_status(
    pod: Mapping[str, Any],
    states: Sequence[ContainerState],
    *,
    address: str,
    host: str,
    started: datetime,
    ending: bool,
    verdict: Verdict | None,
    at: datetime,
) -> dict[str, Any]:
    """The whole status (without what others own: qosClass, PodScheduled)."""
    generation = pod["metadata"].get("generation")
    phase = phase_of(states, pod["spec"].get("restartPolicy", "Always"), ending=ending or verdict is not None)
    if verdict is not None and phase == "Succeeded":
        phase = "Failed"
    init = [state.as_status() for state in states if state.role != "main"]
    return {
        "phase": phase,
        "conditions": _conditions(pod, states, phase, ending, generation, at),
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": rfc3339(started),
        "containerStatuses": [_shown(state, ending) for state in states if state.role == "main"],
        **({"initContainerStatuses": init} if init else {}),
        **({"reason": verdict.reason, "message": verdict.message} if verdict else {}),
        **({"observedGeneration": generation} if generation else {}),
    }


def _shown(state: ContainerState, ending: bool) -> dict[str, Any]:
    status = state.as_status()
    return {**status, "ready": False} if ending else status


def _conditions(
    pod: Mapping[str, Any],
    states: Sequence[ContainerState],
    phase: str,
    ending: bool,
    generation: int | None,
    at: datetime,
) -> list[dict[str, Any]]:
    """Our four conditions; a transition time only moves when the status of a condition does."""
    before = {entry["type"]: entry for entry in pod.get("status", {}).get("conditions") or []}
    finished = phase in ("Succeeded", "Failed")
    made = [("PodReadyToStartContainers", not finished, "", "")]
    waiting = [state.name for state in states if state.role != "main" and not _initialized(state, finished)]
    made.append(("Initialized", not waiting, *_because(waiting, "ContainersNotInitialized", "incomplete")))
    if finished:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        made += [("ContainersReady", False, reason, ""), ("Ready", False, reason, "")]
    else:
        unready = [state.name for state in states if state.role != "init" and (ending or not state.ready)]
        why = _because(unready, "ContainersNotReady", "unready")
        made.append(("ContainersReady", not unready, *why))
        made.append(_ready(pod, before, why, unready))
    return [_condition(entry, before.get(entry[0]), generation, at) for entry in made]


def _initialized(state: ContainerState, finished: bool) -> bool:
    if state.role == "sidecar":
        return state.started or finished
    return state.succeeded


def _because(names: Iterable[str], reason: str, word: str) -> tuple[str, str]:
    listed = " ".join(names)
    return (reason, f"containers with {word} status: [{listed}]") if listed else ("", "")


def _ready(
    pod: Mapping[str, Any], before: Mapping[str, Any], why: tuple[str, str], unready: list[str]
) -> tuple[str, bool, str, str]:
    if unready:
        return ("Ready", False, *why)
    for gate in pod["spec"].get("readinessGates") or []:
        if before.get(gate["conditionType"], {}).get("status") != "True":
            message = f'corresponding condition of pod readiness gate "{gate["conditionType"]}" does not exist.'
            return ("Ready", False, "ReadinessGatesNotReady", message)
    return ("Ready", True, "", "")


def _condition(
    entry: tuple[str, bool, str, str], before: Mapping[str, Any] | None, generation: int | None, at: datetime
) -> dict[str, Any]:
    name, value, reason, message = entry
    status = "True" if value else "False"
    same = before is not None and before.get("status") == status
    since = before["lastTransitionTime"] if same and before and before.get("lastTransitionTime") else rfc3339(at)
    return {
        "type": name,
        "status": status,
        "reason": reason or None,
        "message": message or None,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        **({"observedGeneration": generation} if generation else {}),
    }
