"""Who asks a layer after its tenants left: names of the edge that stayed behind, or somebody past the edge.

Once no replica of the edge can send a moved alias to the layer, and none of an older configuration is left, nothing of
the moved aliases is under way there any more. A request that the layer's engines count from then on is somebody
else's. The edge's own counters, where it keeps any, say for which name it sent how many; the rest came past it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pointsman.edge.contract import Reacher
from pointsman.errors import NeedsPersonError, PointsmanError
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.judging.drain import Watch
from pointsman.move.judging.growth import steepest
from pointsman.report.counting import count_of

__all__ = ["CALM", "Askers", "addresses", "is_left", "refuse_reached", "still_reached"]

WATCHED = 5.0
"""Seconds that a layer is watched at least before it counts as asked by nobody: a slow client is silent in between."""
CALM = 10.0
"""Seconds without a request, once one came that should not have, before nobody is taken to ask any more."""
GAPS = 3
"""Or so many times the longest time between two such requests."""
APART = 30.0
"""Seconds that names that are left are watched at least: whoever else comes every 10 s came several times by then."""
SELDOM = 1 / 20
"""Requests per second that nobody accounts for, below which they are the wavering of two counts. Of 120 moves in memory
with edges that count up to 6 s late, or later and later, all were parked; of 120 with somebody else every 2 or 5 s none
was, and 3 of 120 where they came in bursts, with a pause in the first 30 s."""
FIRST = 10.0
"""Seconds at the beginning: fewer requests were under way there, at some moment, than with a long one of somebody else.
"""


def addresses(context: Context, layer: Layer) -> list[str]:
    """Every address by which an alias reaches the layer: as its members say, and as the spec says."""
    said = [one.base_url for one in context.alias.members if one.layer == layer.id]
    return list(dict.fromkeys([*said, layer.endpoint(context.model).base_url]))


async def still_reached(context: Context, layer: Layer) -> list[Reacher]:
    """Names of the edge that reach the layer, do not move, and were not said to be left."""
    found = await context.edge.reaching(addresses(context, layer))
    return [one for one in found if not one.harmless and not is_left(context, one)]


def is_left(context: Context, reacher: Reacher) -> bool:
    """Was it said that this name may lose its engine? Another name of one that was said is meant with it."""
    return reacher.name in context.options.leave or reacher.another_of in context.options.leave


async def refuse_reached(context: Context, layer: Layer, known: Collection[str] = ()) -> None:
    """Raise NeedsPersonError when a name of the edge that does not move reaches the layer: it must not end then.

    ``known`` are names that found nothing there before the move.
    """
    reached = [one for one in await still_reached(context, layer) if one.name not in known]
    if reached:
        model, edge = context.model.name, context.model.spec.tenant.edge
        said = "; ".join(f"{one.name} ({one.how}, {one.place})" for one in reached)
        raise NeedsPersonError(
            f"{layer.title} is still reached by {said}, and would be gone for them",
            where=reached[0].place,
            next_action=f"point them elsewhere (kubectl edit -n {edge.namespace} configmap/{edge.config_map}), then "
            f"pointsman resume {model}; or pointsman rollback {model}, and move them along (spec.tenant.aliases) or "
            "leave them (--leave)",
            code="still-reached",
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What the engines and the edge counted at one moment."""

    at: float
    """By the move's clock, in seconds."""
    unexplained: int
    """Requests that ended since the first look and that the edge has not counted for a name that is left. Begins
    below 0 where the edge had still to count earlier ones."""
    under_way: int


@dataclass
class Askers:
    """Requests that came to a layer since it was closed, and who sent them."""

    context: Context
    layer: Layer
    before: Mapping[str, int] | None = None
    """What the edge had sent there when its counters were first read; None: it does not say. Looks that fail (an edge
    may be too busy to tell) are made again: one of them says nothing of the others."""
    sent: dict[str, int] | None = None
    """What it has sent since, by name, at the last look at which it said so; None: it never did."""
    missed: int = 0
    """Requests that had come before its counters were first read."""
    heard: int = 0
    """Requests that had come when they were last read."""
    came: int = 0
    """Requests that the engines counted since."""
    last: float | None = None
    """When the last one came, by the move's clock."""
    longest: float = 0.0
    """The longest time between two of them, in seconds."""
    begun: float = field(default=0.0)
    left: frozenset[str] = frozenset()
    """The names that were said to be left, and other names of theirs."""
    looks: list[Look] = field(default_factory=list)
    """What the looks showed at which the engines and the edge said all."""

    async def begin(self) -> None:
        """From now on nothing should come."""
        self.begun = self.context.clock.monotonic()
        found = await self.context.edge.reaching(addresses(self.context, self.layer))
        self.left = frozenset(self.context.options.leave) | {one.name for one in found if is_left(self.context, one)}
        if self.context.options.leave and self.context.capture is not None:
            self.context.capture.tally.leaky.add(self.layer.id)
        self.before = await self._counted()

    async def look(self, watch: Watch) -> None:
        """Take in what the last look at the layer's engines showed."""
        if watch.came > self.came:
            now = self.context.clock.monotonic()
            self.longest = max(self.longest, now - (self.begun if self.last is None else self.last))
            self.came, self.last = watch.came, now
            if self.context.capture is not None:
                self.context.capture.tally.leaky.add(self.layer.id)
        if not self.came and not self.left:
            return
        counted = await self._counted()
        if counted is None:
            return
        if self.before is None:
            self.before, self.missed = counted, self.came
        self.heard = self.came
        grown = {name: count - self.before.get(name, 0) for name, count in counted.items()}
        self.sent = {name: count for name, count in grown.items() if count > 0}
        if watch.under_way is not None:
            explained = sum(count for name, count in self.sent.items() if self._is_left(name))
            self.looks.append(Look(self.context.clock.monotonic(), watch.ended - explained, watch.under_way))

    @property
    def calm(self) -> bool:
        """Did nothing come for as long as it is watched, or nothing for long enough since something did?"""
        if self.last is None:
            return self.context.clock.monotonic() - self.begun >= WATCHED
        return self._since() >= max(CALM, GAPS * self.longest)

    def all_left(self) -> bool:
        """Is everything that comes known to be of names that were said to be left?

        The edge counts a request some time after its answer, later when it is busy, so the two counts are hardly ever
        equal at one moment. What tells is whether their difference grows. It says nothing of a long request that has
        not ended: with one, there is never as little under way as there was at first.
        """
        now = self.context.clock.monotonic()
        if not self.context.options.leave or self.sent is None or not self.came or not self.looks:
            return False
        begun = self.looks[0].at
        if now - begun < APART or steepest([(one.at, one.unexplained) for one in self.looks]) >= SELDOM:
            return False
        first = min(one.under_way for one in self.looks if one.at - begun <= FIRST)
        lately = [one.under_way for one in self.looks if one.at > now - FIRST]
        return bool(lately) and min(lately) <= first

    def said(self) -> str:
        """In words: how many came, and from whom; empty when none did."""
        if not self.came:
            return ""
        many = f"{count_of(self.came, 'request')} came to {self.layer.title} after the edge let go of it"
        if self.sent is None:
            return f"{many}; the edge's counters tell nothing, so nobody knows from whom"
        parts = [(count, f"for {name} through the edge") for name, count in sorted(self.sent.items())]
        past = self.heard - self.missed - sum(self.sent.values())
        parts.append((past, "past the edge, or not counted by it yet"))
        parts.append((self.missed + self.came - self.heard, "while the edge's counters could not be read"))
        return f"{many}: {', '.join(f'{count} {whose}' for count, whose in parts if count > 0)}"

    def as_dict(self) -> dict[str, object]:
        """For the journal."""
        return {"came": self.came, "throughTheEdge": self.sent, "said": self.said(), "left": sorted(self.left)}

    def _is_left(self, name: str) -> bool:
        return any(self.context.edge.means(one, name) for one in self.left)

    def _since(self) -> float:
        return self.context.clock.monotonic() - (self.last or 0.0)

    async def _counted(self) -> Mapping[str, int] | None:
        try:
            return await self.context.edge.sent(addresses(self.context, self.layer))
        except PointsmanError:
            return None
