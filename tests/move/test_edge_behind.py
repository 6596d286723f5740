"""An edge that is behind with what tenants ask is not rolled: a replica that ends then loses what it did not read."""

from __future__ import annotations

import pytest

from pointsman.errors import RefusedError
from pointsman.move.control import Control
from pointsman.move.steps.alias import PATIENCE
from pointsman.report.contract import Happening, Topic
from tests.world.world import World, quick

FOR_EVER = [9.0] * 10_000


def late_at(world: World, step: str, late: list[float]) -> None:
    """From the beginning of a step on, replicas answer late."""

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == step:
            world.edge.late = list(late)

    world.seen.react = react


@pytest.mark.parametrize("step", ["shift-10", "shift-50", "detach"])
async def test_a_move_waits_until_the_edge_has_caught_up(step: str) -> None:
    world = World()
    late_at(world, step, [12.0, float("inf"), 3.5])
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is None
    assert world.edge.late == []
    waits = next(one["waits"] for one in result.receipt["steps"] if one["id"] == step)
    assert waits["edge-roll"] >= 3


async def test_a_move_stands_still_when_it_does_not_and_goes_on_when_it_did() -> None:
    world = World()
    late_at(world, "shift-50", FOR_EVER)
    stopped = await world.conductor().move(world.model, "kserve", quick(roll_timeout=30.0))
    assert stopped.error is not None
    assert (stopped.error.code, stopped.error.exit_code) == ("shift-50.edge-behind", 4)
    assert "replica edge-0 answers after 9.0 s" in stopped.error.what
    assert (stopped.receipt["state"], world.serving()) == ("paused", {"raw-vllm": 90, "kserve": 10})
    world.edge.late = []
    world.seen.react = lambda happening: None
    again = await Control(world.conductor("second@test/2")).resume("qwen")
    assert again.error is None
    assert world.serving() == {"kserve": 100}


async def test_a_move_does_not_begin_on_an_edge_that_is_behind() -> None:
    world = World()
    world.edge.late = list(FOR_EVER)
    with pytest.raises(RefusedError, match="does not catch up") as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.edge-healthy"
    assert world.edge.writes == []


async def test_the_way_back_waits_a_little_and_then_goes() -> None:
    world = World()
    seconds: list[float] = []

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.broken = namespace == "kserve"
        if happening.topic is Topic.UNDO_BEGUN and not seconds:
            world.edge.late = list(FOR_EVER)
            seconds.append(world.clock.monotonic())

    world.seen.react = react
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert PATIENCE <= world.clock.monotonic() - seconds[0] <= 3 * PATIENCE
