"""Pause, promote, resume, roll back, abort: of a move that runs, of one that nobody carries, from another process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pointsman.errors import MoveFailedError, NeedsPersonError, RefusedError
from pointsman.move.control import Control
from pointsman.move.holding.lock import Lock
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import State
from pointsman.move.means import Result
from pointsman.report.contract import Happening, Topic
from tests.world.cluster import Write
from tests.world.world import World, quick

SECOND = "second@test/2"


class Died(BaseException):
    """The process is gone."""


async def state(world: World) -> State:
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    return move.progress.state


async def meanwhile(
    world: World, step: str, act: Callable[[Control], Coroutine[Any, Any, Result]], **options: Any
) -> list[Result]:
    """Move to KServe; as ``step`` begins, another process acts. The mover's result, then the other's.

    The edge's roll waits until the other was heard: in memory a step takes no time.
    """
    other = Control(world.conductor(SECOND))
    tasks: list[asyncio.Task[Result]] = []
    gate = asyncio.Event()

    def begin(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == step and not tasks:
            world.edge.gate = gate
            tasks.append(asyncio.create_task(act(other)))
            tasks[0].add_done_callback(lambda task: gate.set())
        if happening.topic is Topic.NOTICE and "verb" in happening.data:
            gate.set()

    world.seen.react = begin
    beating = asyncio.create_task(heart(world))
    try:
        chosen = quick(**{"hold": 300.0 if step == "hold" else 2.0, **options})
        result = await world.conductor().move(world.model, "kserve", chosen)
        return [result, await tasks[0]]
    finally:
        beating.cancel()


async def heart(world: World, holder: str = "first@test/1") -> None:
    """That process renews its lock by the clock of this world, where the time of a move is nothing."""
    lock = Lock(world.cluster, world.clock, "qwen", holder)
    while True:
        await lock.renew()
        await asyncio.sleep(0)


async def dead(world: World, record: int) -> None:
    """A move to KServe whose process dies before it writes this record."""

    def die(write: Write) -> None:
        if write.verb == "patch" and f"{record:06d}" in (write.body.get("data") or {}):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.before = lambda write: None


async def test_a_pause_comes_after_the_step_and_leaves_tenants_split() -> None:
    world = World()
    moved, paused = await meanwhile(world, "shift-10", lambda control: control.ask(Verb.PAUSE, "qwen"))
    assert isinstance(moved.error, NeedsPersonError)
    assert moved.error.code == "paused"
    assert SECOND in moved.error.what
    assert paused.error is None
    assert await state(world) is State.PAUSED
    assert world.serving() == {"raw-vllm": 90, "kserve": 10}
    assert world.edge.outages == []


async def killed(world: World, record: int) -> None:
    """As ``dead``, and its lock was not given back either."""
    gone: list[bool] = []

    def die(write: Write) -> None:
        if gone or (write.verb == "patch" and f"{record:06d}" in (write.body.get("data") or {})):
            gone.append(True)
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.before = lambda write: None
    world.seen.happenings.clear()


@pytest.mark.parametrize("verb", [Verb.ROLLBACK, Verb.ABORT])
async def test_who_asks_a_dead_process_is_told_that_its_lock_is_watched_and_then_taken(verb: Verb) -> None:
    world = World()
    await killed(world, 8)
    await Control(world.conductor(SECOND)).ask(verb, "qwen")
    first, *rest = said(world)
    assert first == f"asked first@test/1 to {verb.value}"
    assert rest[:2] == [
        "nobody has answered yet: the lock of model qwen, held by first@test/1, is watched for 15 s for a sign of life",
        "first@test/1 gave no sign of life for 15 s: this process takes over",
    ]
    assert not [text for text in rest if "asks to" in text]


async def test_who_resumes_a_dead_move_or_recovers_it_is_told_what_is_waited_for() -> None:
    for on in ("resume", "recover"):
        world = World()
        await killed(world, 8)
        world.clock.seconds += 60
        conductor = world.conductor(SECOND)
        if on == "resume":
            await Control(conductor).resume("qwen")
        else:
            await conductor.move(world.model, "kserve", quick(), recover=True)
        assert said(world)[:2] == [
            "the lock of model qwen, held by first@test/1, is watched for 15 s for a sign of life",
            "first@test/1 gave no sign of life for 15 s: this process takes over",
        ]


def said(world: World) -> list[str]:
    return [one.text for one in world.seen.happenings if one.topic is Topic.NOTICE]


async def test_a_paused_move_is_resumed_by_another_process_and_ends_like_an_undisturbed_one() -> None:
    undisturbed = World()
    await undisturbed.conductor().move(undisturbed.model, "kserve", quick())
    world = World()
    await meanwhile(world, "shift-10", lambda control: control.ask(Verb.PAUSE, "qwen"))
    result = await Control(world.conductor("third@test/3")).resume("qwen")
    assert result.error is None
    assert result.receipt["state"] == "done"
    assert world.serving() == undisturbed.serving()
    assert world.workloads() == undisturbed.workloads()


async def test_a_rollback_is_heard_in_the_middle_of_a_step() -> None:
    world = World()
    before = world.workloads()
    moved, rolled = await meanwhile(world, "shift-50", lambda control: control.ask(Verb.ROLLBACK, "qwen"))
    assert isinstance(moved.error, MoveFailedError)
    assert f"rollback asked for by {SECOND}" in " ".join(moved.receipt["failures"])
    assert rolled.error is None
    assert rolled.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert world.workloads() == before


async def test_an_abort_puts_tenants_back_and_leaves_the_target() -> None:
    world = World()
    moved, aborted = await meanwhile(world, "shift-50", lambda control: control.ask(Verb.ABORT, "qwen"))
    assert isinstance(moved.error, MoveFailedError)
    assert moved.error.code == "move-aborted"
    assert aborted.error is None
    assert world.serving() == {"raw-vllm": 100}
    assert any("kserve" in name for name in world.workloads())
    again = await world.conductor("third@test/3").move(world.model, "kserve", quick())
    assert again.error is None


async def test_promote_ends_a_hold_and_not_its_checks() -> None:
    world = World()
    moved, promoted = await meanwhile(world, "hold", lambda control: control.ask(Verb.PROMOTE, "qwen"))
    assert promoted.error is None
    assert moved.error is None
    hold = next(one for one in moved.receipt["steps"] if one["id"] == "hold")
    assert hold["evidence"]["held"] < 300


async def test_a_second_operator_who_resumes_a_move_that_runs_reads_who_has_it_and_where() -> None:
    world = World()
    refused: list[RefusedError] = []

    async def resume(control: Control) -> Result:
        try:
            return await control.resume("qwen")
        except RefusedError as error:
            refused.append(error)
            return Result({})

    await meanwhile(world, "hold", resume)
    assert "first@test/1" in refused[0].what
    assert "at step hold" in refused[0].what


@pytest.mark.parametrize("verb", [Verb.ROLLBACK, Verb.ABORT, Verb.PAUSE])
async def test_a_move_that_nobody_carries_is_taken_over(verb: Verb) -> None:
    world = World()
    await dead(world, 12)
    assert await state(world) is State.FORWARD
    result = await Control(world.conductor(SECOND)).ask(verb, "qwen")
    assert result.error is None
    wanted = {Verb.ROLLBACK: "undone", Verb.ABORT: "aborted", Verb.PAUSE: "paused"}[verb]
    assert result.receipt["state"] == wanted


async def test_past_the_point_of_no_return_only_forward_is_offered() -> None:
    world = World()

    def die(write: Write) -> None:
        if write.verb == "patch" and '"event":"intent"' in str(write.body) and '"step":"park"' in str(write.body):
            raise Died

    world.cluster.after = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.after = lambda write: None
    assert await state(world) is State.COMMITTED
    for verb in (Verb.ROLLBACK, Verb.ABORT, Verb.PAUSE):
        with pytest.raises(RefusedError, match="point of no return") as refused:
            await Control(world.conductor(SECOND)).ask(verb, "qwen")
        assert "pointsman move qwen --to raw-vllm" in refused.value.next_action
    result = await Control(world.conductor(SECOND)).resume("qwen")
    assert result.receipt["state"] == "done"


async def test_without_an_open_move_there_is_nothing_to_control() -> None:
    for verb in Verb:
        with pytest.raises(RefusedError, match="no move of qwen is open"):
            await Control(World().conductor()).ask(verb, "qwen")


async def test_after_a_move_that_is_done_only_going_back_is_told_how_to_go_back() -> None:
    world = World()
    assert (await world.conductor().move(world.model, "kserve", quick())).error is None
    for verb in Verb:
        with pytest.raises(RefusedError, match="no move of qwen is open") as refused:
            await Control(world.conductor(SECOND)).ask(verb, "qwen")
        back = verb in (Verb.ROLLBACK, Verb.ABORT)
        assert refused.value.code == ("source-parked" if back else "no-open-move")
        assert ("pointsman history qwen" in refused.value.next_action) is not back
    with pytest.raises(RefusedError) as told:
        await Control(world.conductor(SECOND)).resume("qwen")
    assert told.value.code == "no-open-move"


async def test_a_source_that_stays_busy_is_cut_only_when_a_person_says_so_and_the_cut_is_counted() -> None:
    world = World()

    def busy(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.running = 2.0 if namespace == "serving" else 0.0

    world.seen.react = busy
    stuck = await world.conductor().move(world.model, "kserve", quick(drain_timeout=20))
    assert stuck.receipt["state"] == "paused"
    done = await Control(world.conductor(SECOND)).ask(Verb.PROMOTE, "qwen")
    assert done.receipt["state"] == "done"
    drain = next(one for one in done.receipt["steps"] if one["id"] == "drain")
    assert drain["evidence"]["cut"] == 2


async def test_a_source_that_stays_busy_gets_its_tenants_back_by_policy() -> None:
    world = World()
    before = world.workloads()

    def busy(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.running = 2.0 if namespace == "serving" else 0.0

    world.seen.react = busy
    options = quick(drain_timeout=20, drain_policy="give-back")
    result = await world.conductor().move(world.model, "kserve", options)
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert world.workloads() == before


async def test_an_alias_that_cannot_be_read_does_not_keep_a_dead_move_from_being_taken_back() -> None:
    """Nothing was written there yet, so nothing has to be read for the way back."""
    world = World()

    def die(write: Write) -> None:
        if write.verb == "patch" and "000006" in (write.body.get("data") or {}):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.before = lambda write: None
    world.edge.foreign = True
    result = await Control(world.conductor(SECOND)).ask(Verb.ROLLBACK, "qwen")
    assert result.receipt["state"] == "undone"
