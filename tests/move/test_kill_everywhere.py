"""The process killed at every record of every directed move, then resumed in one run and rolled back in another.

Three moments per record: before it is written, right after, and with the act behind it done but not recorded (which is
the moment before the outcome's record). Printed at the end: how many deaths that were.
"""

from __future__ import annotations

import itertools

import pytest

from pointsman.errors import RefusedError
from pointsman.move.conductor import Result
from pointsman.move.control import Control
from pointsman.move.ledger import Ledger
from pointsman.move.requests import Verb
from pointsman.move.states import REVERSIBLE
from tests.world.cluster import Write
from tests.world.world import World, quick

IDS = ("raw-vllm", "kserve", "llm-d")
PAIRS = list(itertools.permutations(IDS, 2))
SECOND = "second@test/2"


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


async def at(source: str) -> World:
    """A world whose model is served from ``source``."""
    world = World()
    if source != "raw-vllm":
        await world.conductor("zeroth@test/0").move(world.model, source, quick())
    return world


def records(world: World) -> int:
    """Records of the newest journal."""
    return max(
        (ref.name, len(one["data"])) for ref, one in world.cluster.objects.items() if ref.name.startswith("qwen-2026")
    )[1]


async def killed(source: str, target: str, number: int, moment: str) -> World | None:
    """A move whose process died around record ``number``; None when the move had ended by then."""
    world = await at(source)

    def die(write: Write) -> None:
        body = write.body if isinstance(write.body, dict) else {}
        if (
            write.verb == "patch"
            and write.ref.name.startswith("qwen-2026")
            and f"{number:06d}" in (body.get("data") or {})
        ):
            raise Died

    setattr(world.cluster, moment, die)
    with pytest.raises(Died):
        await world.conductor().move(world.model, target, quick())
    setattr(world.cluster, moment, lambda write: None)
    return world if await Ledger(world.cluster, world.clock).moves(model="qwen") else None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_killed_move_is_resumed_to_the_end_of_an_undisturbed_one(source: str, target: str, moment: str) -> None:
    undisturbed = await at(source)
    await undisturbed.conductor().move(undisturbed.model, target, quick())
    deaths = 0
    for number in range(2, records(undisturbed) + 1):
        world = await killed(source, target, number, moment)
        if world is None:
            continue
        deaths += 1
        result = await Control(world.conductor(SECOND)).resume("qwen")
        assert result.error is None, (number, result.error)
        assert result.receipt["state"] == "done", number
        assert world.serving() == undisturbed.serving(), number
        assert world.workloads() == undisturbed.workloads(), number
        assert world.edge.outages == [], number
    assert deaths >= 20
    print(f"{source} → {target}: {deaths} deaths {moment} a record, all resumed")  # noqa: T201


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_killed_move_is_rolled_back_to_the_state_before(source: str, target: str, moment: str) -> None:
    start = await at(source)
    before = (start.serving(), start.workloads())
    undisturbed = await at(source)
    await undisturbed.conductor().move(undisturbed.model, target, quick())
    deaths = late = 0
    for number in range(2, records(undisturbed) + 1):
        world = await killed(source, target, number, moment)
        if world is None:
            continue
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
    assert deaths >= 20
    assert late <= 3
    print(f"{source} → {target}: {deaths} deaths {moment} a record, {late} past the point of no return")  # noqa: T201


async def rolled_back(world: World) -> Result | None:
    """Roll the open move back; None when it is refused because the move is past the point of no return."""
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    control = Control(world.conductor(SECOND))
    if move.progress.state in REVERSIBLE:
        return await control.ask(Verb.ROLLBACK, "qwen")
    with pytest.raises(RefusedError, match="point of no return"):
        await control.ask(Verb.ROLLBACK, "qwen")
    return None
