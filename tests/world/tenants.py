"""Tenants of the world in memory: they call whenever anything happens, and keep a ledger of every request."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.world.cluster import Write
from tests.world.engine import KEY, Engine
from tests.world.world import World

__all__ = ["Tenants"]

BODY = {"messages": [{"role": "user", "content": "tenant"}]}
AUTH = {"Authorization": f"Bearer {KEY}"}


@dataclass
class Stream:
    """A request under way."""

    layer: str
    engine: Engine
    left: int


@dataclass
class Tenants:
    """One call at every write to the cluster and at every wait; some of them take a while."""

    world: World
    long: int = 0
    """Events that a long request lasts; every third request is long. 0: none is."""
    leaving: int = 0
    """Every so manieth leaves before it is answered; 0: none does."""
    left: Counter[str] = field(default_factory=Counter)
    """Those, by layer."""
    answered: Counter[str] = field(default_factory=Counter)
    """By layer."""
    lost: int = 0
    """Calls that nobody answered."""
    cut: int = 0
    """Long ones whose layer went away under them."""
    calling: bool = False
    streams: list[Stream] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    _count: int = 0

    def begin(self) -> None:
        """Call from now on."""
        self.calling = True
        self.world.cluster.after = self.written
        self.world.clock.passing = self._passing

    def stop(self) -> None:
        """Call no more; what is under way ends now."""
        self.calling = False
        for stream in list(self.streams):
            self._end(stream)

    def written(self, write: Write) -> None:
        """Something was written: an event."""
        lines = ((write.body or {}).get("data") or {}).values() if write.verb == "patch" else ()
        if any(f'"event":"{event}"' in line for line in lines for event in ("finished", "undone", "aborted")):
            self.calling = False
            self.streams.clear()
        self._event()

    def _passing(self, seconds: float) -> None:
        self._event()

    def _event(self) -> None:
        for stream in list(self.streams):
            stream.left -= 1
            if stream.left <= 0 or stream.engine not in self.world.cluster.engines.values():
                self._end(stream)
        if self.calling:
            self._call()

    def _call(self) -> None:
        self._count += 1
        members = self.world.edge.members
        one = self.chance.choices(members, [member.weight for member in members])[0]
        engines = self.world.cluster.serving(self.world.edge.namespaces.get(one.layer, ""))
        if not engines:
            self.lost += 1
            return
        engine = self.chance.choice(engines)
        if self.leaving and self._count % self.leaving == 0:
            engine.left += 1
            self.left[one.layer] += 1
        elif self.long and self._count % 3 == 0:
            engine.under_way += 1
            self.streams.append(Stream(one.layer, engine, self.long))
        elif engine.answer("POST", "/v1/chat/completions", AUTH, BODY).status == 200:
            self.answered[one.layer] += 1
        else:
            self.lost += 1

    def _end(self, stream: Stream) -> None:
        self.streams.remove(stream)
        gone = stream.engine not in self.world.cluster.engines.values()
        # One of several that is not wanted any more finishes what it has; a layer that goes whole takes it along.
        if gone and not self.world.cluster.serving(self.world.edge.namespaces[stream.layer]):
            self.cut += 1
            return
        stream.engine.under_way -= 1
        stream.engine.end()
        self.answered[stream.layer] += 1
