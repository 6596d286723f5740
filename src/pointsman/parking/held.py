"""What a layer's pods hold on which node, and whether it is really free once they are gone.

A pod that is gone has let go of its GPU for the scheduler. It may still not be there to be had: the node is not ready,
or its device plugin withdrew the GPU. So what was free before is kept, and what is free afterwards is compared with it;
what pods of others took meanwhile counts as proof that it was free.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import kind_of
from pointsman.layers.contract import Layer
from pointsman.layers.needs import need_of, requests_of
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.plan.capacity import Room, room_from
from pointsman.report.counting import count_of

__all__ = ["Before", "Freed", "Held", "before", "freed", "of_layer"]

LOOK = 1.0
"""Seconds between two looks."""
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Held:
    """One engine pod of the layer."""

    pod: str
    """``serving/raw-vllm-0``."""
    uid: str
    node: str
    """Empty while no node took it: then it holds nothing."""
    gpus: int


@dataclass(frozen=True, slots=True)
class Before:
    """The nodes of a layer's pods, right before it is parked."""

    held: tuple[Held, ...] = ()
    free: Mapping[str, int] = field(default_factory=dict)
    """GPUs that nobody held there, by node."""
    beside: tuple[str, ...] = ()
    """Uids of pods of others with GPUs there."""

    @property
    def gpus(self) -> int:
        """GPUs that the layer holds."""
        return sum(one.gpus for one in self.held if one.node)

    def as_dict(self) -> dict[str, Any]:
        """For whoever goes on."""
        return {"held": [asdict(one) for one in self.held], "free": dict(self.free), "beside": list(self.beside)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Before:
        """As ``as_dict`` wrote it; raises KeyError or TypeError for anything else."""
        held = tuple(Held(**one) for one in data["held"])
        return cls(held, dict(data["free"]), tuple(data["beside"]))


@dataclass(frozen=True, slots=True)
class Freed:
    """What was proved."""

    gpus: int
    taken: tuple[str, ...] = ()
    """Pods that have some of them by now."""
    waiting: tuple[str, ...] = ()
    """Pods that waited for a GPU and find room now."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {"gpus": self.gpus, "takenBy": list(self.taken), "roomFor": list(self.waiting)}


async def of_layer(context: Context, layer: Layer) -> list[Held]:
    """What its engine pods hold, those on their way out too."""
    found: list[Held] = []
    for engines in layer.engines(context.model):
        for pod in await context.cluster.list(kind_of("Pod"), engines.namespace, engines.labels):
            if pod.get("status", {}).get("phase") not in _OVER:
                found.append(_held(pod))
    return sorted(found, key=lambda one: one.pod)


async def before(context: Context, layer: Layer) -> Before:
    """The same, with what is free beside it."""
    held = tuple(await of_layer(context, layer))
    room, pods = await _room(context)
    places, own = {one.node for one in held if one.gpus}, {one.uid for one in held}
    free = {node.name: node.free.gpus for node in room.nodes if node.name in places}
    others = [_held(pod) for pod in pods]
    return Before(
        held, free, tuple(one.uid for one in others if one.node in places and one.gpus and one.uid not in own)
    )


async def freed(context: Context, layer: Layer, then: Before) -> Freed:
    """Wait until what the layer held is there to be had, once its pods are gone.

    Raises NeedsPersonError when it is not within ``release_timeout``.
    """
    deadline = context.clock.monotonic() + context.options.release_timeout
    while True:
        room, pods = await _room(context)
        missing = _missing(room, pods, then)
        if not missing:
            return Freed(then.gpus, _taken(pods, then), _roomy(room, pods))
        if context.clock.monotonic() >= deadline:
            raise NeedsPersonError(
                f"{layer.title} is parked and its pods are gone, but {missing}",
                where=str(layer.reads(context.model)[0]),
                next_action="kubectl describe the node: its device plugin or its kubelet has more to say",
                code="park-not-free",
            )
        await context.clock.sleep(LOOK)


def _missing(room: Room, pods: Sequence[Object], then: Before) -> str:
    """What is not there yet, in words; empty when all of it is."""
    there = {_held(pod).uid for pod in pods}
    left = [one.pod for one in then.held if one.uid in there]
    if left:
        return f"pod {left[0]} is still there"
    free = {node.name: node.free.gpus for node in room.nodes}
    given: Counter[str] = Counter()
    for one in then.held:
        given[one.node] += one.gpus
    for node, earlier in then.free.items():
        taken = sum(one.gpus for one in map(_held, pods) if one.node == node and one.uid not in then.beside)
        if node not in free:
            return f"node {node} takes no pods now"
        if free[node] + taken < earlier + given[node]:
            return f"node {node} shows {free[node]} of {count_of(earlier + given[node], 'GPU')} free"
    return ""


def _taken(pods: Sequence[Object], then: Before) -> tuple[str, ...]:
    mine = {one.uid for one in then.held}
    found = [_held(pod) for pod in pods]
    return tuple(
        sorted(
            one.pod
            for one in found
            if one.gpus and one.node in then.free and one.uid not in then.beside and one.uid not in mine
        )
    )


def _roomy(room: Room, pods: Sequence[Object]) -> tuple[str, ...]:
    """Pods that wait for a GPU and that a node would take now."""
    alone = Room(room.nodes)
    waiting = [pod for pod in pods if not (pod.get("spec") or {}).get("nodeName") and _held(pod).gpus]
    return tuple(sorted(_held(pod).pod for pod in waiting if alone.fits([need_of("serve", pod["spec"])])))


async def _room(context: Context) -> tuple[Room, list[Object]]:
    nodes, pods = await asyncio.gather(context.cluster.list(kind_of("Node")), context.cluster.list(kind_of("Pod")))
    alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in _OVER]
    return room_from(nodes, alive), alive


def _held(pod: Object) -> Held:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    name = f"{metadata.get('namespace')}/{metadata['name']}"
    return Held(name, str(metadata.get("uid", "")), str(spec.get("nodeName") or ""), requests_of(spec).gpus)
