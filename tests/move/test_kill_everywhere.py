"""The process killed at every record of every directed move, then resumed in one run and rolled back in another.

Three moments per record: before it is written, right after, and with the act behind it done but not recorded (which is
the moment before the outcome's record). Printed at the end: how many deaths that were.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass

import pytest

from pointsman.errors import RefusedError
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import REVERSIBLE
from pointsman.move.means import Result
from pointsman.spec.loading import load_model
from tests.move.test_strategy import bridged
from tests.world.cluster import Write
from tests.world.tenants import Tenants
from tests.world.world import SPEC, World, lenient, quick


@dataclass(frozen=True)
class Way:
    """A move: from where to where, in which world, and how."""

    source: str
    target: str
    strategy: str = "side-by-side"
    gpus: int = 4
    replicas: int = 1
    allow_downtime: float = 0.0

    def __str__(self) -> str:
        return f"{self.source} → {self.target}, {self.strategy}"

    async def begin(self) -> World:
        """A world whose model is served from the source: a copy, for a move to the source takes as long as one away."""
        if self not in BEGUN:
            BEGUN[self] = await self._begin()
        return copy.deepcopy(BEGUN[self])

    async def _begin(self) -> World:
        world = World(gpus=self.gpus, replicas=self.replicas, model=lenient(load_model(SPEC)))
        if self.strategy == "bridge":
            world.model = bridged(world)
        if self.source != "raw-vllm":
            assert (await self.move(world, self.source, "zeroth@test/0")).error is None
        return world

    async def move(self, world: World, target: str, holder: str = "first@test/1") -> Result:
        """Move this way."""
        options = quick(allow_downtime=self.allow_downtime, ready_timeout=30.0)
        return await world.conductor(holder).move(world.model, target, options)


BEGUN: dict[Way, World] = {}
IDS = ("raw-vllm", "kserve", "llm-d")
WAYS = [
    *(Way(*pair) for pair in itertools.permutations(IDS, 2)),
    Way("raw-vllm", "llm-d", "replica-by-replica", gpus=4, replicas=3),
    Way("llm-d", "kserve", "replica-by-replica", gpus=2, replicas=2),
    Way("raw-vllm", "llm-d", "bridge", gpus=1),
    Way("raw-vllm", "kserve", "gap", gpus=1, allow_downtime=60.0),
]


def moments(usual: str, seldom: str) -> pytest.MarkDecorator:
    """Of the two moments around a record's write one in every run, the other with ``--soak all``."""
    return pytest.mark.parametrize("moment", [usual, pytest.param(seldom, marks=pytest.mark.soak)])


each_way = pytest.mark.parametrize("way", WAYS, ids=str)
SECOND = "second@test/2"


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass
class Felt:
    """What tenants felt of all the deaths."""

    calls: int = 0

    def take(self, way: Way, tenants: Tenants) -> None:
        """Of one more."""
        tenants.stop()
        self.calls += sum(tenants.answered.values())
        assert tenants.cut == 0
        assert tenants.lost == 0 or way.allow_downtime

    def __str__(self) -> str:
        return f"{self.calls} calls answered, 0 lost"


def records(world: World) -> int:
    """Records of the newest journal."""
    return max(
        (ref.name, len(one["data"])) for ref, one in world.cluster.objects.items() if ref.name.startswith("qwen-2026")
    )[1]


async def killed(way: Way, number: int, moment: str) -> tuple[World, Tenants] | None:
    """A move whose process died around record ``number``; None when the move had ended by then."""
    world = await way.begin()
    tenants = Tenants(world, long=20)
    tenants.begin()

    def die(write: Write) -> None:
        body = write.body if isinstance(write.body, dict) else {}
        if (
            write.verb == "patch"
            and write.ref.name.startswith("qwen-2026")
            and f"{number:06d}" in (body.get("data") or {})
        ):
            raise Died

    def after(write: Write) -> None:
        tenants.written(write)
        if moment == "after":
            die(write)

    if moment == "before":
        world.cluster.before = die
    world.cluster.after = after
    with pytest.raises(Died):
        await way.move(world, way.target)
    world.cluster.before, world.cluster.after = lambda write: None, tenants.written
    return (world, tenants) if await Ledger(world.cluster, world.clock).moves(model="qwen") else None


@moments("before", "after")
@each_way
async def test_a_killed_move_is_resumed_to_the_end_of_an_undisturbed_one(way: Way, moment: str) -> None:
    undisturbed = await way.begin()
    assert (await way.move(undisturbed, way.target)).receipt["strategy"] == way.strategy
    deaths, felt = 0, Felt()
    for number in range(2, records(undisturbed) + 1):
        found = await killed(way, number, moment)
        if found is None:
            continue
        world, tenants = found
        deaths += 1
        result = await Control(world.conductor(SECOND)).resume("qwen")
        assert result.error is None, (number, result.error)
        assert result.receipt["state"] == "done", number
        assert world.serving() == undisturbed.serving(), number
        assert world.workloads() == undisturbed.workloads(), number
        assert world.edge.outages == [], number
        felt.take(way, tenants)
    assert deaths >= 20
    print(f"{way}: {deaths} deaths {moment} a record, all resumed; {felt}")  # noqa: T201


@moments("after", "before")
@each_way
async def test_a_killed_move_is_rolled_back_to_the_state_before(way: Way, moment: str) -> None:
    start = await way.begin()
    before = (start.serving(), start.workloads())
    undisturbed = await way.begin()
    assert (await way.move(undisturbed, way.target)).receipt["strategy"] == way.strategy
    deaths, late, felt = 0, 0, Felt()
    for number in range(2, records(undisturbed) + 1):
        found = await killed(way, number, moment)
        if found is None:
            continue
        world, tenants = found
        deaths += 1
        result = await rolled_back(world)
        if result is None:
            late += 1
            assert world.serving() == undisturbed.serving(), number
            continue
        assert result.error is None, (number, result.error)
        assert result.receipt["state"] == "undone", number
        assert (world.serving(), world.workloads()) == before, number
        assert world.edge.outages == [], number
        felt.take(way, tenants)
    assert deaths >= 20
    assert late <= 6
    print(f"{way}: {deaths} deaths {moment} a record, {late} past the point of no return; {felt}")  # noqa: T201


async def rolled_back(world: World) -> Result | None:
    """Roll the open move back; None when it is refused because the move is past the point of no return."""
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    control = Control(world.conductor(SECOND))
    if move.progress.state in REVERSIBLE:
        return await control.ask(Verb.ROLLBACK, "qwen")
    with pytest.raises(RefusedError, match="point of no return"):
        await control.ask(Verb.ROLLBACK, "qwen")
    return None
