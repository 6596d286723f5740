"""What every step of one move is given: who moves where, by which means, with which options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from pointsman.edge.contract import CLOSED, CLOSED_URL, AliasState, Edge, Member, Owe, Weight, member_id
from pointsman.edge.in_git import InGit
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Clock, Cluster, Wire
from pointsman.move.counting.capture import Capture
from pointsman.move.waits import Waits
from pointsman.spec.model import Model

__all__ = ["Context", "Options", "Promotions", "alias_data", "member_data", "members_from"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator chose; kept in the journal. Times are seconds."""

    hold: float = 5.0
    ready_timeout: float = 1800.0
    route_timeout: float = 60.0
    roll_timeout: float = 300.0
    drain_timeout: float = 600.0
    release_timeout: float = 300.0
    patience: float = 30.0
    """How long an engine's pod may say that it cannot start before it is believed."""
    drain_policy: str = "wait"
    """What happens when the source is busy past its deadline: ``wait`` for a person, ``give-back``, or ``cut``."""
    evidence_timeout: float = 60.0
    """How long a shift waits for tenants to tell more, before a person is asked. Its own requests take their time."""
    probe_budget: int | None = None
    """Marked requests of its own that one step may spend; ``spec.move.evidence.requests`` when None."""
    allow_downtime: float = 0.0
    """Seconds without any engine that the operator accepts; 0 forbids it."""
    strategy: str = "auto"
    """How the target gets its room; ``auto`` leaves it to ``pointsman.move.plan.strategy``."""
    first_replicas: int = 0
    """Replicas the target begins with, chosen by the strategy; 0 is all of them."""
    bridge: str = ""
    """The layer that tenants are served from on the way, chosen by the strategy."""
    in_git: InGit | None = None
    """Where git has the edge's configuration; None when the cluster's is changed directly."""
    shares: tuple[int, ...] = ()
    """Percent of the tenants on the target, step by step, the last one 100; empty: as ``plan.schedule`` has them."""
    leave: tuple[str, ...] = ()
    """Names of the edge that reach the source's engines, do not move, and may lose them."""

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        return {**asdict(self), "leave": list(self.leave), "shares": list(self.shares)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Options:
        """As ``as_dict`` wrote them; raises ValueError for anything else."""
        read: Options = _options().validate_python(dict(data))
        return read


@dataclass(frozen=True, slots=True)
class Promotions:
    """Steps of which a person said: go on. They skip their wait, not their checks."""

    steps: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    """Of these, the ones that a person was shown undecided."""
    prefix: str = ""

    def __contains__(self, step: str) -> bool:
        return self.prefix + step in self.steps

    def accepts(self, step: str) -> bool:
        """May the step's verdict stay open?"""
        return self.prefix + step in self.accepted

    def within(self, prefix: str) -> Promotions:
        """The same, as the steps of one leg of a move see it, who do not know their prefix."""
        return Promotions(self.steps, self.accepted, prefix)


async def _nowhere(owed: Mapping[str, Any]) -> None:
    """Nobody keeps a journal."""


def _silent(step: str, text: str, data: Mapping[str, Any]) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Context:
    """One move."""

    model: Model
    source: Layer
    target: Layer
    options: Options
    cluster: Cluster
    wire: Wire
    edge: Edge
    clock: Clock
    waits: Waits
    alias: AliasState
    """The alias before the move."""
    promoted: Promotions = field(default_factory=Promotions)
    outcomes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the steps that are done found, by id: from the journal, and from this process."""
    bridge: Layer | None = None
    """The layer in the middle, where the strategy has one."""
    capture: Capture | None = None
    """Reads what engines count, so that a pod's numbers outlive it."""
    exposed: set[str] = field(default_factory=set)
    """On the way back: layers that tenants were sent to, or may have been, by a step that was begun."""
    because: list[str] = field(default_factory=list)
    """On the way back: why, as the journal says it."""
    findings: list[Mapping[str, Any]] = field(default_factory=list)
    """What the catalogue of checks says of the target, as the preflight found it."""
    owe: Owe = field(default=_nowhere)
    """Keeps in the journal what a step's undo will leave to be done, before it does the rest."""
    note: Callable[[str, str, Mapping[str, Any]], None] = field(default=_silent)
    """Tell watchers something about a step: its id, a sentence, data."""

    @property
    def probe_budget(self) -> int:
        """Requests of its own that one step may spend."""
        chosen = self.options.probe_budget
        return self.model.spec.move.evidence.requests if chosen is None else chosen

    async def allow(self, count: int) -> None:
        """Before own requests whose time is taken: their allowance must cost them none."""
        if self.capture is not None:
            await self.capture.tally.allow(count)

    async def look_at_engines(self) -> None:
        """Read the engines' counters now: before pods are told to end."""
        if self.capture is not None:
            await self.capture.look()

    def alone(self, layer: Layer) -> tuple[Member, ...]:
        """All members, with all that is ours on one layer. Others keep their share."""
        return self._shared([(layer, 100)])

    def split(self, percent: int) -> tuple[Member, ...]:
        """All members, with ``percent`` of what is ours on the target and the rest on the source."""
        return self._shared([(self.source, 100 - percent), (self.target, percent)])

    def closed(self) -> tuple[Member, ...]:
        """All members, with nobody behind what is ours."""
        return self._shared([(None, 100)])

    def ids_of_ours(self) -> set[str]:
        """Ids of every member that leads to a layer of this move."""
        layers = [self.source, self.target, *([self.bridge] if self.bridge else [])]
        return {one.id for one in self._shared([(layer, 100) for layer in layers]) if one.ours}

    def _shared(self, parts: Sequence[tuple[Layer | None, int]]) -> tuple[Member, ...]:
        """Of every alias: others' members as they were, then ours with their parts, in percent, of what is ours."""
        found: list[Member] = []
        for alias, members in self._groups().items():
            ours = [one for one in members if one.ours]
            whole = sum(Fraction(str(one.weight)) for one in ours) or Fraction(100)
            found += [one for one in members if not one.ours]
            found += [self._member(layer, alias, ours, _number(whole * part / 100)) for layer, part in parts]
        return tuple(found)

    def _groups(self) -> Mapping[str, Sequence[Member]]:
        """The members of each alias before the move; an alias that has none yet is there too."""
        found: dict[str, list[Member]] = {name: [] for name in self.alias.groups}
        for one in self.alias.members:
            found.setdefault(one.alias, []).append(one)
        return found or {self.alias.alias: []}

    def _member(self, layer: Layer | None, alias: str, ours: Sequence[Member], weight: Weight) -> Member:
        """The member of one alias for a layer; the one that was there keeps its id and address."""
        named = CLOSED if layer is None else layer.id
        for known in ours:
            if known.layer == named:
                return replace(known, weight=weight)
        further = "" if alias == next(iter(self._groups())) else alias
        asked = next((one.served_name for one in ours if "*" in one.served_name), self.model.spec.served_model_name)
        base = CLOSED_URL if layer is None else layer.endpoint(self.model).base_url
        return Member(member_id(self.model.name, named, further), named, base, asked, weight, alias)


def _number(exact: Fraction) -> Weight:
    """A weight as it is written: whole where it can be, else the nearest float, which prints as the exact decimal."""
    return int(exact) if exact.denominator == 1 else float(exact)


def alias_data(alias: AliasState) -> dict[str, Any]:
    """An alias for the journal."""
    members = member_data(alias.members)
    return {"alias": alias.alias, "revision": alias.revision, "members": members, "groups": list(alias.groups)}


def member_data(members: Sequence[Member]) -> list[dict[str, Any]]:
    """Members for the journal."""
    return [asdict(member) for member in members]


def members_from(data: Mapping[str, Any]) -> tuple[Member, ...]:
    """Members as ``alias_data`` wrote them; before there were several aliases, they bore none.

    Raises ValueError, KeyError or TypeError for anything else.
    """
    told = [{"alias": data.get("alias", ""), **member} for member in data["members"]]
    return _members().validate_python(told)


@cache
def _options() -> TypeAdapter[Options]:
    return TypeAdapter(Options)


@cache
def _members() -> TypeAdapter[tuple[Member, ...]]:
    """Made once: that takes longer than to use it."""
    return TypeAdapter(tuple[Member, ...])
