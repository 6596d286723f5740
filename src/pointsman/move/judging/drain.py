"""Is a layer drained? Two things are observed: that nobody sends it requests any more, and that it has none left.

The first is asked of every replica of the edge: its configuration, and who answers a marked request sent through it.
Replicas on their way out count too, for a request they still hold may be sent to the source at its next try. The
second is asked of every engine, several times in a row, because one moment of silence proves nothing. A reading
that is missing, or a metric that is missing in it, means busy. A pod that is gone has nothing running.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.edge.contract import CLOSED, AliasState, Member, Observation, Replica, said
from pointsman.errors import NeedsPersonError, TemporaryError
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.counting.traffic import UNKNOWN
from pointsman.move.probes.counters import Counters, Reading, read_all
from pointsman.move.probes.pods import engine_pods
from pointsman.move.waits import Wait

__all__ = ["LOOK", "READINGS", "Closed", "Watch", "closed_to", "run_out"]

READINGS = 3
LOOK = 0.5
"""Seconds between two readings."""
EACH = 2
"""Marked requests through every replica of the edge."""


@dataclass(slots=True)
class Arrivals:
    """Requests that came to one engine, by what ended and what is under way.

    The sum of both grows by what comes, but no engine is exact: it may count a request as ended a moment before it
    stops to show it as running, or leave out one that was broken off. So a sum counts once it has lasted some looks.
    """

    came: int = 0
    ended: int = 0
    """Requests that ended since the first look."""
    level: int = 0
    """The sum that lasts; what it grew by came."""
    counted: int | None = None
    """What the engine had counted as ended at the last look."""
    sums: deque[int] = field(default_factory=lambda: deque(maxlen=READINGS))
    known: bool = False
    """Has there been a sum that lasted?"""

    def look(self, ended: int, under_way: int) -> None:
        """Take in one look."""
        if self.counted is not None and ended < self.counted:  # it was started again, and counts from nothing
            self.sums.clear()
            self.known = False
        elif self.counted is not None:
            self.ended += ended - self.counted
        self.counted = ended
        self.sums.append(ended + under_way)
        low, high = min(self.sums), max(self.sums)
        if not self.known:
            self.level, self.known = low, len(self.sums) == READINGS
        elif low > self.level:
            self.came, self.level = self.came + low - self.level, low
        elif high < self.level:
            self.level = high


@dataclass(slots=True)
class Watch:
    """The readings so far."""

    quiet: int = 0
    """Consecutive quiet looks over all pods."""
    work: dict[str, tuple[float, float]] = field(default_factory=dict)
    last: dict[str, Counters] = field(default_factory=dict)
    """The last numbers of each pod, kept when it dies."""
    unread: set[str] = field(default_factory=set)
    """Pods that did not answer the last look."""
    arrivals: dict[str, Arrivals] = field(default_factory=dict)
    """What came to each pod, look by look."""
    why: str = "no reading yet"

    @property
    def arrived(self) -> dict[str, int]:
        """Requests that came to each pod since its first look."""
        return {pod: one.came for pod, one in self.arrivals.items()}

    @property
    def came(self) -> int:
        """Requests that came to any pod."""
        return sum(self.arrived.values())

    @property
    def ended(self) -> int:
        """Requests that ended on any pod since its first look."""
        return sum(one.ended for one in self.arrivals.values())

    @property
    def drained(self) -> bool:
        """Was it quiet for long enough?"""
        return self.quiet >= READINGS

    @property
    def under_way(self) -> int | None:
        """Requests running or waiting at the last look; None when an engine did not say."""
        known = [(one.running, one.waiting) for pod, one in self.last.items() if pod not in self.unread]
        if self.unread or any(None in pair for pair in known):
            return None
        return round(sum((running or 0) + (waiting or 0) for running, waiting in known))

    def look(self, readings: Sequence[Reading]) -> bool:
        """Take in one reading of every pod; True when all were quiet."""
        busy = [why for one in readings if (why := self._busy(one))]
        self.unread = {one.pod for one in readings if one.counters is None}
        for one in readings:
            if one.counters:
                self._count_arrivals(one.pod, one.counters)
                self.work[one.pod] = one.counters.work
                self.last[one.pod] = one.counters
        for pod in set(self.last) - {one.pod for one in readings}:
            self.last[pod] = Counters(0, 0, self.last[pod].finished, self.last[pod].answered)
        self.why = busy[0] if busy else "idle"
        self.quiet = 0 if busy else self.quiet + 1
        return not busy

    def _count_arrivals(self, pod: str, now: Counters) -> None:
        if now.running is not None and now.waiting is not None:
            self.arrivals.setdefault(pod, Arrivals()).look(round(now.ended), round(now.under_way))

    def _busy(self, one: Reading) -> str:
        if one.counters is None:
            return f"{one.pod} does not say ({one.why})"
        if one.counters.running is None or one.counters.waiting is None:
            return f"{one.pod} does not say how many requests run and wait"
        if not one.counters.idle:
            return f"{one.pod} has {one.counters.running:g} running and {one.counters.waiting:g} waiting"
        before = self.work.get(one.pod)
        if before is not None and one.counters.work != before:
            return f"{one.pod} still answers"
        return ""


async def run_out(context: Context, layer: Layer, step: str) -> int | str:
    """Let a layer that tenants have left finish what it has, as long as a drain may take; returns what is cut off then.

    That is a count, or ``unknown``. An engine that is not ready and does not answer is not waited for.
    """
    mute = 0
    watch, deadline = Watch(), context.clock.monotonic() + context.options.drain_timeout
    with context.waits.during(Wait.DRAIN):
        while pods := await engine_pods(context.cluster, layer, context.model):
            seen = zip(pods, await read_all(context.cluster, pods), strict=True)
            heard = [reading for pod, reading in seen if reading.counters or pod.ready]
            mute = len(pods) - len(heard)
            watch.look(heard)
            if watch.drained or context.clock.monotonic() >= deadline:
                break
            await context.clock.sleep(LOOK)
    if not pods or (watch.drained and not mute):
        return 0
    cut: int | str = UNKNOWN if mute or watch.under_way is None else watch.under_way
    why = f"{mute} of its engines say nothing" if mute else watch.why
    context.note(step, f"{layer.title} is cut off with {cut} requests under way: {why}", {"cut": cut})
    return cut


@dataclass(frozen=True, slots=True)
class Closed:
    """What the edge's replicas showed; ``why`` is empty when none of them can send anything to the layer."""

    why: str
    evidence: dict[str, Any] = field(default_factory=dict)


async def closed_to(context: Context, layer: Layer) -> Closed:
    """Does no replica of the edge send tenants to ``layer`` any more? Observed on every one of them.

    Raises NeedsPersonError when the alias names the layer again: somebody edited it.
    """
    alias = await context.edge.read()
    _refuse_named(context, alias, layer)
    try:
        replicas = list(await context.edge.replicas())
        why = _other(replicas, alias.members)
        if why:
            return Closed(why)
        ready = [one.name for one in replicas if one.ready and not one.terminating]
        seen = await context.edge.observe(EACH * len(ready))
    except TemporaryError as error:
        return Closed(f"the edge does not say: {error.what}")
    members = {one.id for one in alias.members}
    strangers = sorted(set(seen.answered) - members)
    unheard = [name for name in ready if not seen.replicas.get(name)]
    if strangers:
        return Closed(f"a request through the edge was answered by {strangers[0]}")
    if any(one.layer == CLOSED for one in alias.members):
        return _turned_away(context, alias.revision, seen, ready)
    if seen.failed or unheard:
        return Closed(f"replica {unheard[0]} of the edge did not answer" if unheard else "marked requests failed")
    if context.capture is not None:
        context.capture.confirmed(frozenset(one.layer for one in alias.members if one.ours))
    return Closed("", {"revision": alias.revision, "replicas": {name: dict(seen.replicas[name]) for name in ready}})


def _turned_away(context: Context, revision: str, seen: Observation, ready: Sequence[str]) -> Closed:
    """An alias behind which is nobody of ours: that none of ours answers is what there is to see."""
    ours = sorted(set(seen.answered) & context.ids_of_ours())
    if ours:
        return Closed(f"a request through the edge was answered by {ours[0]}, though the alias names nobody")
    if context.capture is not None:
        context.capture.confirmed(frozenset({CLOSED}))
    return Closed("", {"revision": revision, "replicas": {name: dict(seen.failed) for name in ready}})


def _refuse_named(context: Context, alias: AliasState, layer: Layer) -> None:
    named = [one for one in alias.members if one.layer == layer.id]
    if named or not alias.members:
        said = f"names {layer.title} again" if named else "names nobody any more"
        raise NeedsPersonError(
            f"somebody edited alias {alias.alias} during the drain: it {said}",
            where=f"alias {alias.alias}",
            next_action="find out who did (kubectl get configmap --show-managed-fields); "
            f"then pointsman rollback {context.model.name}",
            code="drift",
        )


def _other(replicas: Sequence[Replica], members: Sequence[Member]) -> str:
    """Why not every process of the edge is known to run these members.

    A replica on its way out that does not say what it runs may still hold requests for the layer.
    """
    for one in replicas:
        if not one.runs(members):
            going = ", on its way out," if one.terminating else ""
            runs = f"runs {said(one.members)}" if one.members is not None else "does not say what it runs"
            return f"replica {one.name} of the edge{going} {runs}"
    ready = [one for one in replicas if one.ready and not one.terminating]
    return "" if ready else "no replica of the edge is ready"
