"""Two operators, faults, crashes, frozen processes and wrong clocks against the real lock, journal and runner.

Time is virtual, so an example is short. Whatever happens: at most one process acts, the journal folds, and whoever
comes afterwards brings the move to an end. ``POINTSMAN_INTERLEAVINGS`` sets how many examples are tried.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pointsman.edge.contract import Member
from pointsman.errors import MoveFailedError, PointsmanError, TemporaryError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context
from pointsman.move.control import Control
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import State
from pointsman.move.means import Means
from pointsman.move.steps.contract import Description, Detail
from pointsman.report.contract import Quiet
from tests.world.cluster import MemoryCluster
from tests.world.engine import MemoryWire
from tests.world.layers import LAYERS
from tests.world.virtual import run_virtually
from tests.world.world import World, quick

EXAMPLES = int(os.environ.get("POINTSMAN_INTERLEAVINGS", "300"))
LEASE = Ref(kind_of("Lease"), "move-qwen", NAMESPACE)
PRISTINE = World()
SEEN: dict[str, int] = {}
NEVER = {"journal-impossible", "journal-torn", "internal"}
"""Errors that no interleaving may lead to."""


@dataclass
class Clock:
    """The loop's time, seen with a wrong time of day."""

    skew: float

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic() + self.skew)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Operator:
    """One person's processes, one per command: their clock, their way to the cluster, and whether they are frozen."""

    name: str
    cluster: MemoryCluster
    skew: float
    faults: list[str]
    frozen_until: float = 0.0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    conductors: list[Conductor] = field(default_factory=list)

    async def thaw(self) -> None:
        """A frozen process does nothing until it is let go."""
        while (left := self.frozen_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)

    def conductor(self, steps: tuple[Any, ...], edge: Any) -> Conductor:
        holder = f"{self.name}-{len(self.conductors)}"
        means = Means(
            cluster=Road(self, holder),
            wire=MemoryWire(self.cluster),
            clock=Clock(self.skew),
            edge_for=lambda model, place: edge,
            observer=Quiet(),
            holder=holder,
            steps=steps,
            layers=LAYERS,
        )
        made = Conductor(means)
        self.conductors.append(made)
        return made


class Road:
    """The cluster as one operator reaches it: slow when frozen, broken when a fault is drawn."""

    def __init__(self, operator: Operator, holder: str) -> None:
        self._operator = operator
        self.holder = holder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator.cluster, name)

    async def find(self, ref: Ref) -> Any:
        await self._operator.thaw()
        return await self._operator.cluster.find(ref)

    async def patch(self, ref: Ref, body: Any, **rest: Any) -> Any:
        return await self._write(lambda: self._operator.cluster.patch(ref, body, **rest))

    async def replace(self, manifest: Any, **rest: Any) -> Any:
        return await self._write(lambda: self._operator.cluster.replace(manifest, **rest))

    async def _write(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """A write may be lost on the way there, or on the way back."""
        await self._operator.thaw()
        await asyncio.sleep(0.01)
        fault = self._operator.faults.pop() if self._operator.faults else ""
        if fault == "there":
            raise TemporaryError("no answer", where="the road")
        done = await call()
        if fault == "back":
            raise TemporaryError("no answer", where="the road")
        return done


@dataclass
class Acts:
    """What was done to the world, and by whom."""

    cluster: MemoryCluster
    wrong: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def act(self, who: str, what: str) -> None:
        """Only the holder of the lock may act."""
        lease = self.cluster.objects.get(LEASE, {})
        holder = lease.get("spec", {}).get("holderIdentity")
        self.done.append(f"{who} {what}")
        if holder != who:
            self.wrong.append(f"{who} does {what} while {holder!r} holds the lock")


@dataclass(frozen=True)
class Stub:
    """A step that acts, takes a while, and may fail."""

    id: str
    acts: Acts
    operators: Mapping[str, Operator]
    fails: set[str]
    commits: bool = False
    shifts: bool = False

    def members(self, context: Context) -> Sequence[Member] | None:
        return None

    def describe(self, context: Context) -> Description:
        return Description("act", "none", "act back")

    async def validate(self, context: Context) -> Detail:
        return {}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        await asyncio.sleep(4.0)
        await self._act(context, self.id)
        if self.id in self.fails:
            self.fails.discard(self.id)
            raise MoveFailedError("it did not work", code="stub")
        return {}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        await asyncio.sleep(1.0)
        await self._act(context, f"undo {self.id}")
        return {}

    async def _act(self, context: Context, what: str) -> None:
        who = context.cluster.holder  # type: ignore[attr-defined]
        await self.operators[who.rsplit("-", 1)[0]].thaw()
        marker = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "marker", "namespace": "default"},
            "data": {"what": what},
        }
        await context.cluster.apply(marker)
        self.acts.act(who, what)


NAMES = ("first@test/1", "second@test/2")
ACTIONS = ("move", "resume", "rollback", "abort", "pause", "promote", "crash", "freeze", "interrupt", "wait")
happenings = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1), st.sampled_from([0.0, 0.1, 1.0, 3.0, 7.0, 20.0, 40.0])),
    max_size=9,
)
roads = st.lists(st.sampled_from(["", "", "", "there", "back"]), max_size=25)
skews = st.sampled_from([0.0, 0.0, 300.0, -300.0])


class Play:
    """One example."""

    def __init__(self, skew: tuple[float, float], road: tuple[list[str], list[str]], fails: set[str]) -> None:
        self.world = copy.copy(PRISTINE)
        self.cluster = MemoryCluster(
            objects=copy.deepcopy(PRISTINE.cluster.objects), engines=dict(PRISTINE.cluster.engines), version=1000
        )
        self.acts = Acts(self.cluster)
        self.broken: list[str] = []
        self.operators = {
            name: Operator(name, self.cluster, skew[number], list(road[number])) for number, name in enumerate(NAMES)
        }
        parts = (("one", False, False), ("two", False, True), ("three", False, False), ("four", True, False))
        self.steps = tuple(
            Stub(name, self.acts, self.operators, fails, commits, shifts) for name, commits, shifts in parts
        )

    async def run(self, script: list[tuple[str, int, float]]) -> None:
        await self._begin("move", self.operators[NAMES[0]])
        for action, number, pause in script:
            await self._begin(action, self.operators[NAMES[number]])
            await asyncio.sleep(pause)
        await self._end()

    async def _begin(self, action: str, operator: Operator) -> None:
        if action == "crash":
            for task in operator.tasks:
                task.cancel()
            await asyncio.gather(*operator.tasks, return_exceptions=True)
            operator.tasks.clear()
        elif action == "freeze":
            operator.frozen_until = asyncio.get_running_loop().time() + 33.0
        elif action == "interrupt":
            for conductor in operator.conductors:
                conductor.interrupt()
        elif action != "wait":
            operator.tasks.append(asyncio.create_task(self._do(action, operator)))

    async def _do(self, action: str, operator: Operator) -> None:
        conductor = operator.conductor(self.steps, self.world.edge)
        try:
            if action == "move":
                await conductor.move(self.world.model, "kserve", quick())
            elif action == "resume":
                await Control(conductor).resume("qwen")
            else:
                await Control(conductor).ask(Verb(action), "qwen")
        except PointsmanError as error:
            SEEN[error.code] = SEEN.get(error.code, 0) + 1
            if error.code in NEVER:
                self.broken.append(f"{action} of {operator.name}: {error}")

    async def _end(self) -> None:
        """Both are gone for good; somebody comes and brings the move to an end."""
        await asyncio.sleep(60)
        for operator in self.operators.values():
            await self._begin("crash", operator)
            operator.faults.clear()
        await asyncio.sleep(60)
        ledger = Ledger(self.cluster, Clock(0.0))
        janitor = Operator("third@test/3", self.cluster, 0.0, [])
        operators = {**self.operators, janitor.name: janitor}
        steps = tuple(Stub(one.id, self.acts, operators, set(), one.commits, one.shifts) for one in self.steps)
        for _ in range(3):
            if not await ledger.moves(model="qwen"):
                break
            await Control(janitor.conductor(steps, self.world.edge)).resume("qwen")
        moves = await ledger.moves(model="qwen", only_open=False)
        for one in moves:
            SEEN[one.progress.state.value] = SEEN.get(one.progress.state.value, 0) + 1
        assert [(one.progress.state, one.progress.failures) for one in moves if not one.progress.closed] == []
        assert {one.progress.state for one in moves} <= {State.DONE, State.UNDONE, State.ABORTED}
        assert self.acts.wrong == []
        assert self.broken == []


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("move", 0, 1.0), ("move", 0, 3.0), ("rollback", 0, 0.0)], 0.0, 0.0, [], [], {"one"})
@given(happenings, skews, skews, roads, roads, st.sets(st.sampled_from(["one", "two", "four"]), max_size=1))
def search(
    script: list[tuple[str, int, float]],
    skew_one: float,
    skew_two: float,
    road_one: list[str],
    road_two: list[str],
    fails: set[str],
) -> None:
    """One interleaving after the other."""
    play = Play((skew_one, skew_two), (road_one, road_two), fails)
    run_virtually(play.run(script))


def test_whatever_two_operators_do_one_acts_the_journal_folds_and_the_move_can_be_ended() -> None:
    search()
    print(f"{EXAMPLES} interleavings: {dict(sorted(SEEN.items()))}")  # noqa: T201
    assert {"done", "undone", "aborted"} <= set(SEEN)
    assert {"move-held", "point-of-no-return"} <= set(SEEN)
    assert not NEVER & set(SEEN)
