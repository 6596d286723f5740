"""The pods that run a layer's engines, as the cluster sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pointsman.kube.resources import kind_of
from pointsman.layers.contract import EnginePods, Layer
from pointsman.move.boundary import Cluster, Object
from pointsman.spec.model import Model

__all__ = ["EnginePod", "engine_pods", "pod_of"]

_HOPELESS = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff"}


@dataclass(frozen=True, slots=True)
class EnginePod:
    """One pod with an engine."""

    namespace: str
    name: str
    port: int
    role: str
    ready: bool
    terminating: bool
    restarts: int
    problem: str
    """Why a container cannot start, as the kubelet says it; empty when nothing is wrong."""
    uid: str = ""
    """Tells pods of the same name apart."""
    unplaced: str = ""
    """Why no node takes it, as the scheduler says it; empty when one did."""
    died: str = ""
    """A container that ended in failure and is started again; empty when none did."""
    ending: str = ""
    """How that container ended: its reason where that says more than its exit code, and the code."""
    since: str = ""
    """When the last of its containers started; empty when none runs."""

    @property
    def process(self) -> str:
        """One engine process: a pod with the name of an earlier one is another pod, a restart another process."""
        return f"{self.name}/{self.uid[:8]}#{self.restarts}"

    @property
    def serving(self) -> bool:
        """Ready, and not on its way out."""
        return self.ready and not self.terminating


def pod_of(pod: Object, engines: EnginePods) -> EnginePod:
    """What matters of a Pod object."""
    status = pod.get("status", {})
    conditions = {item["type"]: item["status"] for item in status.get("conditions", [])}
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return EnginePod(
        namespace=pod["metadata"]["namespace"],
        name=pod["metadata"]["name"],
        port=engines.port,
        role=engines.role,
        ready=conditions.get("Ready") == "True",
        terminating="deletionTimestamp" in pod["metadata"],
        restarts=sum(int(item.get("restartCount", 0)) for item in containers),
        problem=next((text for text in map(_problem, containers) if text), ""),
        uid=str(pod["metadata"].get("uid", "")),
        unplaced=next((text for text in map(_unplaced, status.get("conditions", [])) if text), ""),
        died=next((str(item["name"]) for item in containers if _failed(item)), ""),
        ending=next((_ending(item) for item in containers if _failed(item)), ""),
        since=max((_since(item) for item in status.get("containerStatuses", [])), default=""),
    )


def _since(container: dict[str, Any]) -> str:
    return str((container.get("state", {}).get("running") or {}).get("startedAt") or "")


def _unplaced(condition: dict[str, Any]) -> str:
    if condition["type"] != "PodScheduled" or condition.get("reason") != "Unschedulable":
        return ""
    return str(condition.get("message") or "unschedulable")


def _problem(container: dict[str, Any]) -> str:
    waiting = container.get("state", {}).get("waiting") or {}
    if waiting.get("reason") not in _HOPELESS:
        return ""
    message = f": {waiting['message']}" if waiting.get("message") else ""
    return f"container {container['name']} is in {waiting['reason']}{message}"


def _failed(container: dict[str, Any]) -> dict[str, Any]:
    """How it ended in failure before it was started again; empty when it did not."""
    ended: dict[str, Any] = container.get("lastState", {}).get("terminated") or {}
    return ended if ended.get("exitCode") else {}


def _ending(container: dict[str, Any]) -> str:
    ended = _failed(container)
    reason = ended.get("reason") or "Error"
    return f"{'' if reason == 'Error' else f'{reason}, '}exit code {ended['exitCode']}"


async def engine_pods(cluster: Cluster, layer: Layer, model: Model) -> list[EnginePod]:
    """All pods that run the layer's engines, terminating ones included, serving ones first."""
    pods = []
    for engines in layer.engines(model):
        listed = await cluster.list(kind_of("Pod"), engines.namespace, engines.labels)
        alive = [pod for pod in listed if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
        pods += [pod_of(pod, engines) for pod in sorted(alive, key=lambda pod: str(pod["metadata"]["name"]))]
    return pods
