"""Is there room for the target? Counted as the scheduler counts: what nodes can give less what pods asked for.

Whole pods have to fit: two free accelerators on two nodes do not hold a pod that needs two.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pointsman.kube.resources import kind_of
from pointsman.move.boundary import Cluster, Object

__all__ = ["GPU", "Room", "free_gpus", "room_from"]

GPU = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Room:
    """Accelerators by node that nobody asked for."""

    free: dict[str, int]
    total: int
    pending: int
    """Asked for by pods that no node took yet; they come first."""

    def fits(self, pods: int, each: int) -> bool:
        """Do ``pods`` pods with ``each`` accelerators fit, after those that already wait?"""
        if pods == 0 or each == 0:
            return True
        room = sum(free // each for free in self.free.values() if free > 0)
        return room * each - self.pending >= pods * each

    @property
    def available(self) -> int:
        """Accelerators nobody asked for."""
        return max(0, sum(max(0, free) for free in self.free.values()) - self.pending)


async def free_gpus(cluster: Cluster) -> Room:
    """The room that the cluster has now."""
    nodes, pods = await asyncio.gather(cluster.list(kind_of("Node")), cluster.list(kind_of("Pod")))
    return room_from(nodes, pods)


def room_from(nodes: Iterable[Object], pods: Iterable[Object]) -> Room:
    """The room left by these pods on these nodes."""
    free = {node["metadata"]["name"]: _allocatable(node) for node in nodes if _usable(node)}
    total = sum(free.values())
    asked: Counter[str] = Counter()
    for pod in pods:
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            asked[pod["spec"].get("nodeName") or ""] += _requested(pod["spec"])
    return Room({name: free[name] - asked[name] for name in free}, total, asked[""])


def _usable(node: Object) -> bool:
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not node.get("spec", {}).get("unschedulable")


def _allocatable(node: Object) -> int:
    return int(node.get("status", {}).get("allocatable", {}).get(GPU, 0))


def _requested(spec: dict[str, Any]) -> int:
    """What the scheduler reserves: containers together, or the largest init container, whichever is more."""
    running = sum(_of(container) for container in spec.get("containers", []))
    starting = max((_of(container) for container in spec.get("initContainers", [])), default=0)
    return max(running, starting)


def _of(container: dict[str, Any]) -> int:
    resources = container.get("resources", {})
    return int({**resources.get("limits", {}), **resources.get("requests", {})}.get(GPU, 0))
