"""What a promote means by why the move stands still: it ends waits, and accepts only what a person was shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pointsman.errors import NeedsPersonError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.control import Control
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.journal import decode, digest, encode
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Request, Verb, leave
from pointsman.move.journal.states import Event
from pointsman.move.means import Result
from pointsman.report.contract import Happening, Topic
from pointsman.report.text import receipt_lines
from tests.move.test_control import SECOND, dead, heart, meanwhile
from tests.world.cluster import Write
from tests.world.world import World, quick

THIRD = "third@test/3"


def evidence(result: Result, step: str) -> Mapping[str, Any]:
    """What a shift was judged by."""
    found = next(one for one in result.receipt["steps"] if one["id"] == step)
    told: Mapping[str, Any] = found["evidence"]["evidence"]
    return told


async def ask(world: World, verb: Verb, holder: str = THIRD) -> Result:
    return await Control(world.conductor(holder)).ask(verb, "qwen")


async def pause(control: Control) -> Result:
    return await control.ask(Verb.PAUSE, "qwen")


async def promote(control: Control) -> Result:
    return await control.ask(Verb.PROMOTE, "qwen")


@pytest.mark.parametrize(
    ("during", "judged"), [("contract", "shift-10"), ("shift-10", "shift-50"), ("shift-50", "shift-100")]
)
async def test_a_promote_after_a_pause_that_was_asked_for_judges_the_next_shift_as_ever(
    during: str, judged: str
) -> None:
    world = World()
    moved, _ = await meanwhile(world, during, pause)
    assert moved.receipt["state"] == "paused"
    went_on = await ask(world, Verb.PROMOTE)
    assert went_on.receipt["state"] == "done"
    told = evidence(went_on, judged)
    assert (told["accepted"], told["verdict"]) == (False, "pass")
    assert told["probes"] > 0


async def test_a_promote_after_a_pause_that_was_asked_for_does_not_skip_the_hold() -> None:
    world = World()
    await meanwhile(world, "shift-100", pause, hold=40.0)
    done = await ask(world, Verb.PROMOTE)
    hold = next(one for one in done.receipt["steps"] if one["id"] == "hold")
    assert hold["evidence"]["held"] >= 40


async def test_a_verdict_that_is_undecided_after_a_pause_that_was_asked_for_is_shown_before_it_is_accepted() -> None:
    world = World()
    await meanwhile(world, "contract", pause, probe_budget=0)
    shown = await ask(world, Verb.PROMOTE)
    assert shown.error is not None
    assert (shown.error.code, shown.receipt["state"]) == ("shift-10.inconclusive", "paused")
    accepted = await ask(world, Verb.PROMOTE, "fourth@test/4")
    assert evidence(accepted, "shift-10")["accepted"] is True
    assert accepted.error is not None
    assert accepted.error.code == "shift-50.inconclusive"


async def test_a_dead_move_that_was_paused_is_judged_as_ever() -> None:
    world = World()
    await dead_in_a_shift(world)
    assert (await ask(world, Verb.PAUSE, SECOND)).receipt["state"] == "paused"
    done = await ask(world, Verb.PROMOTE)
    assert done.receipt["state"] == "done"
    assert evidence(done, "shift-10")["accepted"] is False
    assert evidence(done, "shift-10")["probes"] > 0


async def test_a_pause_that_comes_while_the_analysis_runs_shows_the_undecided_verdict() -> None:
    world = World()
    moved, _ = await meanwhile(world, "shift-10", pause, probe_budget=0)
    assert moved.error is not None
    assert moved.error.code == "shift-10.inconclusive"
    accepted = await ask(world, Verb.PROMOTE)
    assert evidence(accepted, "shift-10")["accepted"] is True


async def test_a_promote_while_the_analysis_runs_ends_its_wait_and_accepts_nothing() -> None:
    world = World()
    moved, _ = await meanwhile(world, "shift-10", tolerant(promote), probe_budget=0, evidence_timeout=1000.0)
    assert moved.error is not None
    assert (moved.error.code, moved.receipt["state"]) == ("shift-10.inconclusive", "paused")
    assert "its wait was ended by a promote" in moved.error.what
    assert moved.receipt["waits"].get("evidence", 0) < 100
    resumed = await Control(world.conductor(THIRD)).resume("qwen")
    assert resumed.error is not None
    assert resumed.error.code == "shift-10.inconclusive"
    assert resumed.receipt["waits"]["evidence"] >= 1000, "resume looks again, for as long as ever"
    accepted = await ask(world, Verb.PROMOTE, "fourth@test/4")
    assert evidence(accepted, "shift-10")["accepted"] is True


def tolerant(act: Callable[[Control], Any]) -> Callable[[Control], Any]:
    """The other process may be told that the move is paused."""

    async def tried(control: Control) -> Result:
        try:
            found: Result = await act(control)
            return found
        except NeedsPersonError as error:
            return Result({}, error)

    return tried


async def test_a_promote_that_comes_before_the_pause_that_was_asked_for_leaves_that_pause() -> None:
    world = World()

    async def both(control: Control) -> Result:
        heard, before = asyncio.Event(), world.seen.react

        def react(happening: Happening) -> None:
            before(happening)
            if "asks to pause" in happening.text:
                heard.set()

        world.seen.react = react
        paused = asyncio.create_task(Control(world.conductor(THIRD)).ask(Verb.PAUSE, "qwen"))
        await heard.wait()
        await control.ask(Verb.PROMOTE, "qwen")
        return await paused

    moved, paused = await meanwhile(world, "deploy", both)
    assert (moved.receipt["state"], paused.error) == ("paused", None)
    done = await ask(world, Verb.PROMOTE, "fourth@test/4")
    assert evidence(done, "shift-10")["accepted"] is False
    assert evidence(done, "shift-10")["probes"] > 0


async def dead_in_a_shift(world: World, **options: Any) -> None:
    """A move whose process dies when it is about to write how its first shift went."""

    class Died(BaseException):
        pass

    def die(write: Write) -> None:
        lines = (write.body.get("data") or {}) if write.verb == "patch" else {}
        if any('"step":"shift-10"' in one and '"event":"intent"' not in one for one in lines.values()):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick(**options))
    world.cluster.before = lambda write: None


async def test_a_verdict_that_came_after_the_promote_was_sent_is_not_accepted_by_it() -> None:
    world = World()
    await dead_in_a_shift(world, probe_budget=0)

    def late(write: Write) -> None:
        """The first process lives still: it writes its pause right before it loses the lock."""
        if write.ref.kind.name == "Lease" and write.body["spec"]["holderIdentity"] == SECOND:
            world.cluster.before = lambda write: None
            add(world, Event.PAUSED, "shift-10", {"code": "inconclusive", "what": "no verdict after 60 s"})

    world.cluster.before = late
    with pytest.raises(NeedsPersonError, match="no verdict after 60 s") as refused:
        await ask(world, Verb.PROMOTE, SECOND)
    assert refused.value.code == "paused-meanwhile"
    assert "pointsman promote qwen" in refused.value.next_action
    (one,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    assert one.progress.state.value == "paused"
    accepted = await ask(world, Verb.PROMOTE)
    assert evidence(accepted, "shift-10")["accepted"] is True


def add(world: World, event: Event, step: str, detail: Mapping[str, Any]) -> None:
    """A record more, by whoever wrote the last one."""
    ref = next(one for one in world.cluster.objects if one.namespace == NAMESPACE and one.name.startswith("qwen-2026"))
    assert ref.kind == kind_of("ConfigMap")
    data = world.cluster.objects[ref]["data"]
    last = decode(data[max(data)])
    record = last.model_copy(
        update={
            "seq": last.seq + 1,
            "event": event,
            "step": step,
            "detail": dict(detail),
            "previous": digest(data[max(data)]),
        }
    )
    found = {**world.cluster.objects[ref], "data": {**data, f"{record.seq:06d}": encode(record)}}
    world.put(json.loads(json.dumps(found)))
    assert ref == Ref(kind_of("ConfigMap"), record.move, NAMESPACE)


async def test_two_promotes_in_a_row_of_the_same_wait_are_both_answered() -> None:
    world = World()

    async def twice(control: Control) -> Result:
        await control.ask(Verb.PROMOTE, "qwen")
        return await control.ask(Verb.PROMOTE, "qwen")

    world.edge.gate = gate = asyncio.Event()
    beating = asyncio.create_task(heart(world))
    second: list[asyncio.Task[Result]] = []

    def begin(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-10" and not second:
            second.append(asyncio.create_task(twice(Control(world.conductor(SECOND)))))
            second[0].add_done_callback(lambda task: gate.set())

    world.seen.react = begin
    try:
        async with asyncio.timeout(10):
            await world.conductor().move(world.model, "kserve", quick(probe_budget=0))
        answered = await second[0]
    finally:
        beating.cancel()
    assert answered.error is None


async def test_the_sender_of_a_promote_is_told_what_became_of_it_and_what_runs() -> None:
    world = World()
    await meanwhile(world, "contract", pause)
    world.edge.gate = gate = asyncio.Event()
    sent: list[asyncio.Task[Result]] = []

    def begin(write: Write) -> None:
        lines = (write.body.get("data") or {}) if write.verb == "patch" else {}
        if any('"event":"intent"' in one and '"step":"shift-10"' in one for one in lines.values()) and not sent:
            sent.append(asyncio.create_task(ask(world, Verb.PROMOTE, SECOND)))
            sent[0].add_done_callback(lambda task: gate.set())

    world.seen.react, world.cluster.after = lambda happening: None, begin
    beating = asyncio.create_task(heart(world, THIRD))
    try:
        async with asyncio.timeout(10):
            await Control(world.conductor(THIRD)).resume("qwen")
        promoted = await sent[0]
    finally:
        beating.cancel()
    assert promoted.error is None
    notices = [one.text for one in world.seen.happenings if one.topic is Topic.NOTICE]
    assert "the wait of shift-10 was ended and the move goes on: pointsman status qwen shows it" in notices
    lines = receipt_lines(promoted.receipt)
    (shift,) = (line for line in lines if " shift-10 " in line and "paused" not in line)
    assert shift.split() == ["→", "shift-10", "-", "under", "way"]
    (paused,) = (line for line in lines if "paused" in line)
    assert paused.startswith("  was paused    shift-10: ")


async def test_a_receipt_of_a_paused_move_says_so_at_its_step_and_fails_nothing() -> None:
    world = World()
    moved, _ = await meanwhile(world, "shift-10", tolerant(promote), probe_budget=0, evidence_timeout=1000.0)
    lines = receipt_lines(moved.receipt)
    assert moved.receipt["state"] == "paused"
    assert not [line for line in lines if "✗" in line]
    (shift,) = (line for line in lines if line.split()[:2] == ["·", "shift-10"])
    assert "paused" in shift
    assert any(line.startswith("  paused        shift-10: ") for line in lines)


@pytest.mark.parametrize("on", ["drift", "edge-behind"])
async def test_a_promote_of_a_move_that_paused_for_something_else_judges_as_ever(on: str) -> None:
    world = World()

    def react(happening: Happening) -> None:
        if on == "drift" and happening.topic is Topic.STEP_DONE and happening.step == "shift-10":
            first, second = world.edge.members
            world.edge.members = (replace(first, weight=70), replace(second, weight=30))
        if on == "edge-behind" and happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            world.edge.late = [9.0] * 10_000

    world.seen.react = react
    stopped = await world.conductor().move(world.model, "kserve", quick(roll_timeout=30.0))
    assert stopped.error is not None
    assert stopped.error.code == f"shift-50.{on}"
    assert "promote" not in stopped.error.next_action
    world.seen.react = lambda happening: None
    first, second = world.edge.members
    world.edge.members = (replace(first, weight=90), replace(second, weight=10))
    world.edge.late = []
    done = await ask(world, Verb.PROMOTE)
    assert done.receipt["state"] == "done"
    assert evidence(done, "shift-50")["accepted"] is False
    assert evidence(done, "shift-50")["probes"] > 0


async def test_a_promote_of_a_drain_that_waits_for_the_edge_does_not_cut_what_runs_afterwards() -> None:
    world = World()
    options = quick(drain_timeout=20)

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            world.edge.deaf = {"edge-0"}
            for (namespace, _), engine in world.cluster.engines.items():
                engine.under_way = 2 if namespace == "serving" else 0

    world.seen.react = react
    stopped = await world.conductor().move(world.model, "kserve", options)
    assert stopped.error is not None
    assert stopped.error.code == "drain.drain-open"
    assert "promote" not in stopped.error.next_action
    world.seen.react = lambda happening: None
    world.edge.deaf = set()
    again = await ask(world, Verb.PROMOTE)
    assert again.error is not None
    assert again.error.code == "drain.drain-deadline"
    assert "pointsman promote qwen" in again.error.next_action
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1
    cut = await ask(world, Verb.PROMOTE, "fourth@test/4")
    assert (cut.receipt["state"], cut.receipt["traffic"]["cut"]) == ("done", 2)


async def test_a_pause_that_was_asked_for_offers_to_go_on_and_nothing_that_would_be_accepted() -> None:
    world = World()
    moved, _ = await meanwhile(world, "shift-10", pause)
    assert moved.error is not None
    assert moved.error.code == "paused"
    assert "pointsman resume qwen goes on" in moved.error.next_action
    assert "promote" not in moved.error.next_action


async def test_a_dead_move_is_left_where_it_is_found() -> None:
    world = World()
    await dead(world, 12)
    done = await ask(world, Verb.PROMOTE, SECOND)
    assert done.receipt["state"] == "done"
    assert {evidence(done, one)["accepted"] for one in ("shift-10", "shift-50", "shift-100")} == {False}


async def test_a_promote_that_was_meant_for_the_hold_cuts_nothing_of_the_drain() -> None:
    """It was sent while the hold waited, and is heard when the drain has begun."""
    world = World()
    moved = await in_the_drain(world, lambda: wish(world, "hold"))
    assert moved.error is not None
    assert moved.error.code == "drain.drain-deadline"
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    assert (move.progress.promotions, move.progress.late, move.progress.promoted) == (1, 1, frozenset())
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1


async def test_a_promote_that_did_not_see_the_drain_begin_is_told_that_it_changed_nothing() -> None:
    world, asked = World(), list[asyncio.Task[Result]]()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            asked.append(asyncio.create_task(Control(world.conductor(SECOND)).ask(Verb.PROMOTE, "qwen")))

    world.seen.react = react
    moved = await in_the_drain(world, None)
    assert moved.error is not None
    assert moved.error.code == "drain.drain-deadline"
    with pytest.raises(RefusedError, match="so it changed nothing; the move is at drain now") as told:
        await asked[0]
    assert (told.value.code, "pointsman promote qwen again" in told.value.next_action) == ("promote-late", True)


async def test_a_promote_that_saw_the_drain_cuts_what_runs() -> None:
    world = World()
    moved = await in_the_drain(world, lambda: wish(world, "drain"))
    assert (moved.receipt["state"], moved.receipt["traffic"]["cut"]) == ("done", 2)


async def wish(world: World, step: str) -> None:
    """A promote as a process leaves it that looked when ``step`` was under way."""
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen")
    ref = Ref(kind_of("ConfigMap"), move.progress.move, NAMESPACE)
    await leave(world.cluster, ref, Request(Verb.PROMOTE, SECOND, "1", step))


async def in_the_drain(world: World, act: Callable[[], Coroutine[Any, Any, None]] | None) -> Result:
    """A move whose engines stay busy; ``act`` is done once its drain waits for them."""
    before, acting = world.seen.react, list[asyncio.Task[None]]()

    def react(happening: Happening) -> None:
        before(happening)
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.under_way = 2 if namespace == "serving" else 0
        if happening.topic is Topic.STEP_NOTE and happening.step == "drain" and act is not None and not acting:
            acting.append(asyncio.create_task(act()))

    world.seen.react = react
    beating = asyncio.create_task(heart(world))
    try:
        moved = await world.conductor().move(world.model, "kserve", quick(hold=2.0, drain_timeout=30.0))
        await asyncio.gather(*acting)
        return moved
    finally:
        beating.cancel()
