"""Is there room for these pods? Counted as the scheduler counts: what nodes can give less what pods asked for.

Whole pods have to fit: two free accelerators on two nodes do not hold a pod that needs two. Pods that no node took yet
come first. Not looked at: affinity, topology spread, volumes' zones, priority; a pod held up by one of these is found
at the step ``serve-ready``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.kube.quantity import milli, whole
from pointsman.kube.resources import kind_of
from pointsman.layers.needs import GPU, PodNeed, Requests, need_of, requests_of
from pointsman.move.boundary import Cluster, Object
from pointsman.report.counting import count_of

__all__ = ["Node", "Room", "read_room", "room_from"]

_PODS = 110
"""Pods a node takes where it does not say (the kubelet's default)."""
_KEEPS_OUT = ("NoSchedule", "NoExecute")
_NAMES = (("gpus", GPU), ("memory", "memory"), ("cpu", "cpu"))


@dataclass(frozen=True, slots=True)
class Node:
    """A node that takes pods, and what of it nobody asked for."""

    name: str
    free: Requests
    total: Requests
    pods: int
    """Pods it can still take."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, Any]] = ()

    def refuses(self, need: PodNeed) -> str:
        """Why the pod cannot run here, as the scheduler would say it; empty when it can."""
        for key, value in need.node_selector.items():
            if self.labels.get(key) != value:
                return f"has not the label {key}={value}"
        for taint in self.taints:
            if taint.get("effect") in _KEEPS_OUT and not any(_tolerates(one, taint) for one in need.tolerations):
                return f"has the taint {taint.get('key')}={taint.get('value', '')}:{taint['effect']}"
        for attribute, name in _NAMES:
            wanted, free = getattr(need.asks, attribute), getattr(self.free, attribute)
            if wanted > max(0, free):
                total = getattr(self.total, attribute)
                return f"has {_said(attribute, max(0, free))} of {_said(attribute, total)} {name} free"
        return "" if self.pods > 0 else "takes no more pods"

    def with_pod(self, asks: Requests) -> Node:
        """The node with one pod more."""
        return replace(self, free=self.free.less(asks), pods=self.pods - 1)


@dataclass(frozen=True, slots=True)
class Room:
    """Nodes with what nobody asked for, and pods that wait for one."""

    nodes: tuple[Node, ...]
    waiting: tuple[PodNeed, ...] = ()
    placed: Mapping[str, tuple[str, Requests]] = field(default_factory=dict)
    """By uid: the node of each pod that runs, and what it asked for."""

    @property
    def free(self) -> int:
        """Accelerators nobody holds."""
        return sum(max(0, node.free.gpus) for node in self.nodes)

    @property
    def total(self) -> int:
        """Accelerators of all nodes that take pods."""
        return sum(node.total.gpus for node in self.nodes)

    @property
    def pending(self) -> int:
        """Accelerators asked for by pods that no node took yet."""
        return sum(need.gpus for need in self.waiting)

    @property
    def available(self) -> int:
        """Accelerators nobody holds or waits for."""
        return max(0, self.free - self.pending)

    @property
    def spare(self) -> Requests:
        """All that nobody holds, of every node together."""
        total = Requests()
        for node in self.nodes:
            total = total.plus(node.free.most(Requests()))
        return total

    def fits(self, needs: Sequence[PodNeed]) -> bool:
        """Do these pods all find a node, after those that wait already?"""
        return not self.missing(needs)

    def missing(self, needs: Sequence[PodNeed]) -> str:
        """Why the pods do not all find a node, one sentence about the first that does not; empty when they do."""
        nodes = _placed(self.nodes, self.waiting)[0]
        _, homeless = _placed(nodes, needs)
        if not homeless:
            return ""
        first = homeless[0]
        reasons = Counter(node.refuses(first) or "is taken by the others" for node in nodes)
        told = ", ".join(f"{count} {why}" for why, count in reasons.most_common()) or "none that takes pods"
        kind = [need for need in needs if need.role == first.role]
        lost = sum(need.role == first.role for need in homeless)
        return f"{lost} of {len(kind)} {first.role} pods find no node ({told}){_queue(self.waiting)}"

    def without(self, pods: Iterable[Object]) -> Room:
        """The room once these pods are gone."""
        uids = {str(pod["metadata"].get("uid", "")) for pod in pods}
        back: dict[str, list[Requests]] = {}
        for uid, (name, asks) in self.placed.items():
            if uid in uids:
                back.setdefault(name, []).append(asks)
        nodes = tuple(_freed(node, back.get(node.name, [])) for node in self.nodes)
        left = {uid: one for uid, one in self.placed.items() if uid not in uids}
        return Room(nodes, self.waiting, left)


async def read_room(cluster: Cluster) -> Room:
    """The room that the cluster has now."""
    nodes, pods = await asyncio.gather(cluster.list(kind_of("Node")), cluster.list(kind_of("Pod")))
    return room_from(nodes, pods)


def room_from(nodes: Iterable[Object], pods: Iterable[Object]) -> Room:
    """The room left by these pods on these nodes."""
    found = {node["metadata"]["name"]: _node(node) for node in nodes if _usable(node)}
    waiting: list[PodNeed] = []
    placed: dict[str, tuple[str, Requests]] = {}
    for pod in pods:
        phase, name = pod.get("status", {}).get("phase"), pod["spec"].get("nodeName") or ""
        if phase in ("Succeeded", "Failed"):
            continue
        if not name and phase != "Running":  # what runs without a node is played by somebody, and takes no room
            waiting.append(need_of("waiting", pod["spec"]))
        elif name in found:
            asks = requests_of(pod["spec"])
            found[name] = found[name].with_pod(asks)
            placed[str(pod["metadata"].get("uid", ""))] = (name, asks)
    return Room(tuple(found.values()), tuple(waiting), placed)


def _placed(nodes: Iterable[Node], needs: Sequence[PodNeed]) -> tuple[list[Node], list[PodNeed]]:
    """The nodes with the pods on them, the largest first, each where least is left over; and pods without a node."""
    left, homeless = list(nodes), list[PodNeed]()
    for need in sorted(needs, key=_size, reverse=True):
        able = [index for index, node in enumerate(left) if not node.refuses(need)]
        if not able:
            homeless.append(need)
            continue
        best = min(able, key=lambda index: (left[index].free.gpus, left[index].free.memory, left[index].free.cpu))
        left[best] = left[best].with_pod(need.asks)
    return left, homeless


def _size(need: PodNeed) -> tuple[int, int, int]:
    return need.asks.gpus, need.asks.memory, need.asks.cpu


def _freed(node: Node, back: Sequence[Requests]) -> Node:
    free = node.free
    for asks in back:
        free = free.plus(asks)
    return replace(node, free=free, pods=node.pods + len(back))


def _usable(node: Object) -> bool:
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not node.get("spec", {}).get("unschedulable")


def _node(node: Object) -> Node:
    can = node.get("status", {}).get("allocatable", {})
    total = Requests(milli(can.get("cpu", 0)), whole(can.get("memory", 0)), whole(can.get(GPU, 0)))
    metadata, spec = node["metadata"], node.get("spec", {})
    pods = whole(can.get("pods", _PODS))
    return Node(metadata["name"], total, total, pods, metadata.get("labels") or {}, spec.get("taints") or ())


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """As ``v1.Toleration.ToleratesTaint``: an empty key with Exists takes all, an empty effect every effect."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _said(attribute: str, amount: int) -> str:
    if attribute == "memory":
        return f"{amount / 2**30:.3g}Gi"
    return f"{amount / 1000:.3g}" if attribute == "cpu" else str(amount)


def _queue(waiting: Sequence[PodNeed]) -> str:
    verb = "waits" if len(waiting) == 1 else "wait"
    return f"; {count_of(len(waiting), 'pod')} {verb} for a node already" if waiting else ""
