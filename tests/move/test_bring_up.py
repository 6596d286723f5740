"""Bringing a model up: whole, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.errors import MoveFailedError
from pointsman.move.bring_up import bring_up
from pointsman.report.contract import Happening, Topic
from pointsman.spec.model import Model
from tests.world.engine import Faults
from tests.world.world import World, quick


def on_kserve(world: World) -> Model:
    """The example model declared on KServe, where nothing of it is yet; no tenant is served."""
    world.edge.members = ()
    spec = world.model.spec.model_copy(update={"layer": "kserve"})
    return world.model.model_copy(update={"spec": spec})


@pytest.mark.parametrize("step", ["deploy", "serve-ready", "contract", "alias"])
async def test_ctrl_c_takes_back_what_was_not_there_before(step: str) -> None:
    world = World()
    model = on_kserve(world)
    before = world.workloads()
    work: list[asyncio.Task[object]] = []

    def interrupt(happening: Happening) -> None:
        if (happening.topic, happening.step) == (Topic.STEP_BEGUN, step):
            work[0].cancel()

    world.seen.react = interrupt
    work.append(asyncio.ensure_future(bring_up(world.conductor(), model, quick())))
    with pytest.raises(asyncio.CancelledError):
        await work[0]
    assert world.workloads() == before
    assert world.edge.members == ()
    assert Topic.UNDO_DONE in [one.topic for one in world.seen.happenings]


async def test_an_engine_that_breaks_the_promise_is_taken_away_again() -> None:
    world = World()
    model = on_kserve(world)
    before = world.workloads()
    world.cluster.faults["kserve"] = Faults(max_model_len=4096)
    with pytest.raises(MoveFailedError, match="4096"):
        await bring_up(world.conductor(), model, quick())
    assert world.workloads() == before


async def test_a_model_that_tenants_are_served_from_is_left_alone_when_a_second_time_fails() -> None:
    world = World()
    await bring_up(world.conductor(), world.model, quick())
    before, members = world.workloads(), world.edge.members
    for engine in world.cluster.engines.values():
        engine.faults = Faults(max_model_len=4096)
    with pytest.raises(MoveFailedError):
        await bring_up(world.conductor("second@test/2"), world.model, quick())
    assert (world.workloads(), world.edge.members) == (before, members)
