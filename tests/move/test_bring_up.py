"""Bringing a model up: whole, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.errors import MoveFailedError, NeedsPersonError, PermanentError, RefusedError, StoppedError
from pointsman.move.bring_up import bring_up
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.records import known_models, remember
from pointsman.report.contract import Happening, Topic
from pointsman.spec.model import Model
from tests.docs.schemas.holding import held
from tests.move.test_catalogue_in_preflight import installed
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.world import World, quick


def on_kserve(world: World) -> Model:
    """The example model declared on KServe, where nothing of it is yet; no tenant is served."""
    world.edge.members = ()
    spec = world.model.spec.model_copy(update={"layer": "kserve"})
    return world.model.model_copy(update={"spec": spec})


def stopping(world: World, topic: Topic, step: str) -> asyncio.Event:
    """Set when that happens."""
    stop = asyncio.Event()

    def react(happening: Happening) -> None:
        if (happening.topic, happening.step) == (topic, step):
            stop.set()

    world.seen.react = react
    return stop


def everything(world: World) -> set[str]:
    """Every object, our own included, less the lock."""
    return {str(ref) for ref in world.cluster.objects if ref.kind.name != "Lease" and ref.name != NAMESPACE}


@pytest.mark.parametrize("step", ["deploy", "serve-ready", "contract", "alias"])
async def test_ctrl_c_takes_back_what_was_not_there_before(step: str) -> None:
    world = World()
    model = on_kserve(world)
    before = everything(world)
    with pytest.raises(StoppedError, match="what was not there before is gone again") as told:
        await bring_up(world.conductor(), model, quick(), stopping(world, Topic.STEP_BEGUN, step))
    assert told.value.exit_code == 130
    assert everything(world) == before
    assert world.edge.members == ()
    assert Topic.UNDO_DONE in [one.topic for one in world.seen.happenings]
    await bring_up(world.conductor("second@test/2"), model, quick())
    assert world.serving() == {"kserve": 100}


async def test_what_the_layer_needs_and_is_missing_refuses_as_it_does_for_a_move() -> None:
    world = installed(World(), without="gateway")
    before = everything(world)
    with pytest.raises(RefusedError) as caught:
        await bring_up(world.conductor(), on_kserve(world), quick())
    assert (caught.value.code, everything(world)) == ("preflight.PM707", before)


async def test_ctrl_c_while_it_only_looks_changes_nothing() -> None:
    world = World()
    model = on_kserve(world)
    before = dict(world.cluster.objects)
    with pytest.raises(StoppedError, match="before anything was changed"):
        await bring_up(world.conductor(), model, quick(), stopping(world, Topic.STEP_NOTE, "preflight"))
    assert world.cluster.objects == before


async def test_the_spec_that_was_known_before_is_known_again() -> None:
    world = World()
    model = on_kserve(world)
    earlier = model.model_copy(update={"spec": model.spec.model_copy(update={"replicas": 3})})
    await remember(world.cluster, earlier)
    with pytest.raises(StoppedError):
        await bring_up(world.conductor(), model, quick(), stopping(world, Topic.STEP_BEGUN, "contract"))
    assert await known_models(world.cluster) == [earlier]


async def test_ctrl_c_on_a_model_that_tenants_are_served_from_takes_nothing_away() -> None:
    world = World()
    held("up", await bring_up(world.conductor(), world.model, quick()))
    before, members = everything(world), world.edge.members
    with pytest.raises(StoppedError, match="tenants are served as before"):
        await bring_up(
            world.conductor("second@test/2"), world.model, quick(), stopping(world, Topic.STEP_BEGUN, "contract")
        )
    assert (everything(world), world.edge.members, world.edge.outages) == (before, members, [])


async def test_when_taking_back_fails_both_reasons_are_told() -> None:
    world = World()
    model = on_kserve(world)

    def refuse(write: Write) -> None:
        if write.verb == "delete":
            raise PermanentError("deleting is forbidden", where=str(write.ref))

    world.cluster.before = refuse
    with pytest.raises(NeedsPersonError) as told:
        await bring_up(world.conductor(), model, quick(), stopping(world, Topic.STEP_BEGUN, "contract"))
    assert told.value.code == "up-left"
    assert told.value.what == "interrupted; then taking back what was applied failed: deleting is forbidden"
    assert Topic.UNDO_FAILED in [one.topic for one in world.seen.happenings]


async def test_a_second_ctrl_c_does_not_wait_and_gives_the_lock_back() -> None:
    world = World()
    model = on_kserve(world)
    conductor = world.conductor()
    stop = stopping(world, Topic.STEP_BEGUN, "contract")
    work = asyncio.ensure_future(bring_up(conductor, model, quick(), stop))

    def cancel(write: Write) -> None:
        if write.verb == "delete":
            work.cancel()

    world.cluster.after = cancel
    with pytest.raises(asyncio.CancelledError):
        await work
    lock = await conductor.lock_of(model).read()
    assert lock is not None
    assert lock.holder == ""
    assert Topic.UNDO_DONE not in [one.topic for one in world.seen.happenings]


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
