"""Reading what engines count while a move goes on, so that a pod's numbers outlive the pod.

A look lists the engine pods of every layer and reads each one's counters. Looks happen before every record that ends
something, right before pods are told to end, and once a second beside the steps. What was learnt goes into the next
record; a pod that is gone keeps its last reading, and whether that was its final one is decided by what was known
when it was taken: idle, and out of the alias on every replica of the edge.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.edge.contract import Edge, Member
from pointsman.errors import PointsmanError
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import EnginePods, Layer
from pointsman.move.boundary import Clock, Cluster, Wire
from pointsman.move.counting.own import CountedEdge, counted
from pointsman.move.journal.readings import CAPTURED
from pointsman.move.journal.tally import EVERY, OTHERS, Tally, keep_on
from pointsman.move.probes.counters import Reading, read_all
from pointsman.move.probes.pods import EnginePod, engine_pods, pod_of
from pointsman.spec.model import Model

__all__ = ["LOOK", "Capture", "capturing"]

LOOK = 1.0
"""Seconds between two looks beside the steps."""
LONGEST = 10.0
"""Seconds one look may take; numbers are worth less than a move that goes on."""
MANY = 24
"""Engine processes beyond which only those that ended are written into every record; all of them into the last ones."""

Entry = dict[str, Any]


@dataclass
class Capture:
    """What one process of ours has read and asked so far."""

    cluster: Cluster
    edge: Edge
    clock: Clock
    model: Model
    layers: Sequence[Layer]
    tally: Tally = field(default_factory=Tally)
    entries: dict[str, Entry] = field(default_factory=dict)
    pods: dict[tuple[str, str], str] = field(default_factory=dict)
    """Layer by namespace and pod."""
    replicas: dict[str, str] = field(default_factory=dict)
    """The edge's replicas, by name; the value is nothing (journals of before keep a digest there)."""
    answered: dict[str, Mapping[str, int] | None] = field(default_factory=dict)
    """What each replica of the edge answered, by member; None: it does not say."""
    _edge_told: dict[str, Mapping[str, int] | None] = field(default_factory=dict)
    _looked: float | None = None
    _told: dict[str, Entry] = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self, *, old: float = 0.0) -> None:
        """Read every engine, unless that was done less than ``old`` seconds ago.

        Never raises: what cannot be read is said to be unread.
        """
        loop = asyncio.get_running_loop()
        async with self._looking:
            if self._looked is not None and loop.time() - self._looked < old:
                return
            self._looked = loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await asyncio.gather(*(self._look_at(layer) for layer in self.layers), self._look_at_edge())
                    return
            for entry in self.entries.values():
                if not entry["gone"]:
                    entry["unread"] = f"no answer within {LONGEST:g} s"

    def reopen(self, layers: frozenset[str]) -> None:
        """These layers are asked again, by tenants or by us: what was read of them is final no more."""
        for entry in self.entries.values():
            if (entry["layer"] in layers or EVERY in layers) and not entry["gone"]:
                entry["final"] = False

    def confirmed(self, named: frozenset[str]) -> None:
        """Every replica of the edge gives tenants to these layers alone, as somebody made sure of just now."""
        self.tally.named = named

    async def see_replicas(self) -> None:
        """Take note of the edge's replicas after a roll of our own: those that it made are nobody else's."""
        async with self._looking:
            with contextlib.suppress(PointsmanError):
                self.replicas = dict.fromkeys(await self.edge.names_of_replicas(), "")

    async def see_who_runs(self) -> None:
        """Ask every replica of the edge what it runs: if all say the same, it is known who gets tenants.

        Once an alias was declared by this process it is not: a replica that has not been rolled yet says what was.
        """
        running = [one.members for one in await self.edge.replicas()]
        same = running and None not in running and len({frozenset(one or ()) for one in running}) == 1
        if same and not self.tally.declared:
            self.confirmed(frozenset(one.layer for one in running[0] or () if one.ours))

    async def follow(self) -> None:
        """Look for ever, and take note of every engine that serves between two looks."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_on())
            for layer in self.layers:
                for engines in layer.engines(self.model):
                    group.create_task(self._notice(layer, engines))

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def _notice(self, layer: Layer, engines: EnginePods) -> None:
        """An engine that came and went without being read must be known of, or its requests would count as none."""
        pods = kind_of("Pod")
        while True:
            try:
                async for event in self.cluster.watch(pods, engines.namespace, engines.labels):
                    if event.type != "SYNCED" and event.object.get("metadata"):
                        self._noticed(layer, pod_of(event.object, engines))
            except PointsmanError:
                await asyncio.sleep(LOOK)

    def _noticed(self, layer: Layer, pod: EnginePod) -> None:
        self.pods[pod.namespace, pod.name] = _place(layer, pod.role)
        if pod.ready and pod.process not in self.entries:
            self.entries[pod.process] = {**_blank(pod, layer.id), "unread": "it was not there long enough"}

    def news(self, *, everything: bool) -> dict[str, Any]:
        """What a record should say in ``captured``: what changed since the last one that was written."""
        changed = {key: dict(one) for key, one in self.entries.items() if self._told.get(key) != one}
        if len(self.entries) > MANY and not everything:
            changed = {key: one for key, one in changed.items() if one["gone"]}
        fresh = {name: one for name, one in self.answered.items() if name not in self._edge_told}
        fresh |= {name: one for name, one in self.answered.items() if self._edge_told.get(name, one) != one}
        told = self.tally.news()
        return {CAPTURED: {"engines": changed, **told, "edge": dict(self.replicas), "answered": fresh}}

    def written(self, news: Mapping[str, Any]) -> None:
        """The record with this news is in the journal."""
        self._told.update(news[CAPTURED]["engines"])
        self._edge_told.update(news[CAPTURED]["answered"])

    def carry(self, journal: Ref, epoch: int, last: Mapping[str, Mapping[str, Any]]) -> None:
        """From now on for this move, in this epoch; goes on from what was read ``last``, by whomever."""
        self.tally.keep = keep_on(self.cluster, journal, epoch)
        for key, entry in last.items():
            self.entries.setdefault(key, dict(entry))
            self._told.setdefault(key, dict(entry))

    async def layer_at(self, namespace: str, pod: str) -> str:
        """The layer of a pod, as ``own`` counts it; empty when it runs no engine of ours."""
        known = self.pods.get((namespace, pod))
        if known is not None:
            return known
        found = await self.cluster.find(Ref(kind_of("Pod"), pod, namespace))
        has = ((found or {}).get("metadata") or {}).get("labels") or {}
        for layer in self.layers:
            for one in layer.engines(self.model):
                if one.namespace == namespace and one.labels.items() <= has.items():
                    return _place(layer, one.role)
        return ""

    async def _look_at(self, layer: Layer) -> None:
        left = self.tally.takes_no_tenants(layer.id)
        try:
            pods = await engine_pods(self.cluster, layer, self.model)
            readings = await read_all(self.cluster, pods)
        except PointsmanError as error:
            for entry in self.entries.values():
                if entry["layer"] == layer.id and not entry["gone"]:
                    entry["unread"] = error.what
            return
        present = set()
        for pod, reading in zip(pods, readings, strict=True):
            key = pod.process
            present.add(key)
            self.pods[pod.namespace, pod.name] = _place(layer, pod.role)
            self._take(key, pod, layer.id, reading, left=left)
        for key, entry in self.entries.items():
            if entry["layer"] == layer.id and key not in present:
                entry["gone"] = True

    def _take(self, key: str, pod: EnginePod, layer: str, reading: Reading, *, left: bool) -> None:
        """``left``: tenants had left the layer before it was read; that it is idle means nothing more comes then."""
        known = self.entries.get(key)
        if reading.counters is None:
            if known is not None:
                known["unread"] = reading.why
            elif pod.ready:
                self.entries[key] = {**_blank(pod, layer), "unread": reading.why}
            return
        counters = reading.counters
        self.entries[key] = {
            **_blank(pod, layer),
            "running": counters.running,
            "waiting": counters.waiting,
            "finished": {reason: count for reason, count in counters.finished.items() if count},
            "answered": {status: count for status, count in counters.answered.items() if count},
            "final": counters.idle and left and self.tally.takes_no_tenants(layer),
        }

    async def _look_at_edge(self) -> None:
        try:
            if self.tally.named is None and not self.tally.declared:
                await self.see_who_runs()  # a replica that was on its way out when the move began is gone by now
            self.replicas = dict.fromkeys(await self.edge.names_of_replicas(), "")
            answered = {} if self._edge_is_mute() else await self.edge.answered()
        except PointsmanError:
            return
        for name in self.replicas:
            counts = answered.get(name)
            if counts is not None or name not in self.answered:
                self.answered[name] = counts

    def _edge_is_mute(self) -> bool:
        """Did no replica say anything so far? Then asking every second would only be a burden to it."""
        return bool(self.answered) and all(one is None for one in self.answered.values())


def _place(layer: Layer, role: str) -> str:
    """Engines that only prefill answer no tenant, so what is asked of them counts in a row of its own."""
    return layer.id if role == "serve" else f"{layer.id}/{role}"


def _blank(pod: EnginePod, layer: str) -> Entry:
    return {"layer": layer, "pod": pod.name, "role": pod.role, "gone": False, "final": False}


def capturing(
    cluster: Cluster,
    wire: Wire,
    edge: Edge,
    clock: Clock,
    model: Model,
    layers: Sequence[Layer],
    known: Sequence[Member],
) -> tuple[Capture, Cluster, Wire, Edge]:
    """A capture, and the means that count what a move asks of engines itself."""
    tally = Tally()
    capture = Capture(cluster, edge, clock, model, layers, tally)
    tally.reopened = capture.reopen
    ids = {one.id: one.layer if one.ours else OTHERS for one in known}
    paths: dict[str, str] = {}
    for layer in layers:
        point = layer.endpoint(model)
        for service, port, path in {(point.service, point.port, point.path), *([point.road] if point.road else [])}:
            proxy = Ref(service.kind, f"http:{service.name}:{port}", service.namespace).path("proxy")
            paths[f"{proxy}{path}/v1/"] = layer.id

    watched, counted_wire = counted(cluster, wire, tally, capture.layer_at, paths)

    def layer_of(member: str) -> str:
        made = (one.id for one in layers if member.partition("@")[0] == f"{model.name}-{one.id}")
        return ids.get(member) or next(made, "")

    return capture, watched, counted_wire, CountedEdge(edge, tally, layer_of)
