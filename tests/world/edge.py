"""A tenant edge in memory: members with weights, replicas that roll, responses that say who answered."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pointsman.edge.awaited import Waiting, uncounted
from pointsman.edge.contract import (
    CLOSED,
    AliasState,
    Awaits,
    Member,
    Observation,
    Obstacle,
    Owe,
    Reacher,
    Reason,
    Replica,
    ShownKey,
)
from pointsman.errors import RefusedError, TemporaryError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import Right, rights
from pointsman.spec.apis import APIS, Api
from tests.world.cluster import MemoryCluster
from tests.world.engine import KEY, NAME

__all__ = ["MemoryEdge"]


@dataclass
class MemoryEdge:
    """Everything of ``pointsman.edge.contract.Edge``, and a tenant that is always there."""

    cluster: MemoryCluster
    namespaces: dict[str, str]
    """Layer id to the namespace its engines are in."""
    members: tuple[Member, ...] = ()
    writes: list[tuple[Member, ...]] = field(default_factory=list)
    fail_writes: int = 0
    fail_confirms: int = 0
    name: str = "edge-0"
    renews: bool = False
    """Is its replica another one after every roll, as those of a Deployment are?"""
    lagging: list[Replica] = field(default_factory=list)
    """Replicas beside the one that follows every change."""
    foreign: bool = False
    """Did somebody write the alias in a way that nobody understands?"""
    api: Api = APIS["chat"]
    """What its marked requests ask for."""
    running: tuple[Member, ...] | None = None
    """What its replica runs; None: whatever is declared."""
    mute: bool = False
    """Does its replica not say what it runs, until it is rolled?"""
    others: list[Reacher] = field(default_factory=list)
    """Names that reach engines and do not move."""
    stones: list[Obstacle] = field(default_factory=list)
    """Settings that a move cannot be made on."""
    sends: dict[str, int] | None = None
    """What it sent to the source since it started, by name."""
    shows: str | None = KEY
    """The key it shows engines."""
    aliases: tuple[str, ...] = ("qwen-local",)
    counted: Counter[str] | None = None
    """Requests answered by member, when the edge counts at all."""
    deaf: set[str] = field(default_factory=set)
    """Replicas that answer no marked request."""
    gate: asyncio.Event | None = None
    """While it is closed, no roll of the edge ends."""
    late: list[float] = field(default_factory=list)
    """How late its replicas answer, look by look; after that at once."""
    outages: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def begin(
        self,
        move: str,
        tell: Callable[[str], None],
        waiting: Waiting = uncounted,
        awaits: Awaits | None = None,
    ) -> None:
        """It keeps no record."""

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Nobody is asked."""

    async def read(self) -> AliasState:
        await asyncio.sleep(0)
        self.cluster.known()
        if self.foreign:
            raise RefusedError("the alias is written in a way that is not understood", where="edge")
        return AliasState("qwen-local", self.members, self._revision(), self.aliases)

    @property
    def names(self) -> tuple[str, ...]:
        return self.aliases

    async def obstacles(self) -> list[Obstacle]:
        return self.stones

    async def reaching(self, base_urls: Sequence[str]) -> list[Reacher]:
        return self.others

    async def shown_keys(self) -> list[ShownKey]:
        return [ShownKey("qwen-local", self.shows)]

    async def sent(self, base_urls: Sequence[str]) -> dict[str, int] | None:
        return None if self.sends is None else dict(self.sends)

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        assert sum(one.weight for one in members) > 0, "an alias that nobody serves"
        return await self._declare(members)

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        return await self.write(members, why)

    async def settle(self) -> str:
        return ""

    async def remove(self, why: Reason | None = None) -> str:
        return await self._declare(tuple(one for one in self.members if not one.ours))

    async def _declare(self, members: Sequence[Member]) -> str:
        await asyncio.sleep(0)
        self.cluster.known()
        if self.fail_writes:
            self.fail_writes -= 1
            raise TemporaryError("the edge's configuration cannot be written", where="edge")
        self.members = tuple(members)
        self.running, self.mute = None, False
        self.writes.append(self.members)
        if self.renews:
            self.name = f"edge-{len(self.writes)}"
        self.check()
        return self._revision()

    async def replicas(self) -> Sequence[Replica]:
        self.cluster.known()
        runs = self.members if self.running is None else self.running
        if self.mute:
            return [Replica(self.name, None, ready=True, terminating=False), *self.lagging]
        return [Replica(self.name, runs, ready=True, terminating=False), *self.lagging]

    async def names_of_replicas(self) -> list[str]:
        return [one.name for one in await self.replicas() if one.ready and not one.terminating]

    async def confirm(self, members: Sequence[Member], *, timeout: float) -> None:
        await asyncio.sleep(0)
        self.cluster.known()
        if self.gate is not None:
            await self.gate.wait()
        if self.fail_confirms:
            self.fail_confirms -= 1
            raise TemporaryError("replica edge-0 lags", where="edge-0")

    async def observe(self, requests: int) -> Observation:
        await asyncio.sleep(0)
        self.cluster.known()
        answered: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        if not self.members:
            failed["http-400"] = requests
        for _ in range(requests if self.members else 0):
            one = self.chance.choices(self.members, [member.weight for member in self.members])[0]
            engines = self.cluster.serving(self.namespaces.get(one.layer, ""))
            body = self.api.body(NAME, "probe", 1)
            status = self.chance.choice(engines).answer("POST", self.api.path, _AUTH, body).status if engines else 503
            if self.counted is not None and status == 200:
                self.counted[one.id] += 1
            (answered if status == 200 else failed)[one.id if status == 200 else f"http-{status}"] += 1
        ready = [one.name for one in await self.replicas() if one.ready and not one.terminating]
        heard = {name: dict(answered) for name in ready if name not in self.deaf}
        return Observation(dict(answered), dict(failed), heard, {"qwen-local": dict(answered)})

    def rights(self) -> list[Right]:
        return rights(["get", "patch"], kind_of("ConfigMap"), "llm-gateway")

    def means(self, name: str, asked: str) -> bool:
        return name == asked

    async def lags(self) -> dict[str, float]:
        self.cluster.known()
        late = self.late.pop(0) if self.late else 0.0
        return {one.name: late for one in await self.replicas() if one.ready and not one.terminating}

    async def answered(self) -> dict[str, dict[str, int] | None]:
        self.cluster.known()
        ready = [one.name for one in await self.replicas() if one.ready and not one.terminating]
        return {name: None if self.counted is None else dict(self.counted) for name in ready}

    def check(self) -> None:
        """Whoever gets tenants' requests must serve: anything else is an outage, kept for the test to find."""
        for one in self.members:
            engines = one.ours and one.layer != CLOSED
            if one.weight > 0 and engines and not self.cluster.serving(self.namespaces[one.layer]):
                self.outages.append(f"{one.id} gets {one.weight} and does not serve")

    def _revision(self) -> str:
        return hashlib.sha256(repr(self.members).encode()).hexdigest()


_AUTH = {"Authorization": f"Bearer {KEY}"}
