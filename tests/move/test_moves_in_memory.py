"""Whole moves in the world in memory: all directions, what fails where, and processes that die at any record."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from pointsman.errors import MoveFailedError, NeedsPersonError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.states import State
from pointsman.report.contract import Happening, Topic
from pointsman.report.text import receipt_lines
from tests.docs.schemas.holding import held
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.world import World, quick

IDS = ("raw-vllm", "kserve", "llm-d")


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(IDS, 2)))
async def test_a_move_ends_on_the_target_with_the_source_parked(source: str, target: str) -> None:
    world = World()
    if source != "raw-vllm":
        await world.conductor().move(world.model, source, quick())
    result = await world.conductor("second@test/2").move(world.model, target, quick())
    assert result.error is None
    assert result.receipt["state"] == "done"
    assert world.serving() == {target: 100}
    assert world.edge.outages == []
    parked = [name for name, replicas in world.workloads().items() if replicas == 0]
    assert [name for name in parked if source in name]


async def test_the_receipt_tells_splits_waits_and_counters() -> None:
    world = World()
    receipt = (await world.conductor().move(world.model, "kserve", quick(hold=5))).receipt
    assert [one["askedPercent"] for one in receipt["split"]] == [10, 50, 100, 100]
    assert receipt["waits"]["hold"] == pytest.approx(5)
    assert receipt["overheadSeconds"] <= receipt["overheadGoalSeconds"]
    assert {"qwen-raw-vllm-0", "qwen-kserve-0"} <= {one["pod"] for one in receipt["engines"]}
    assert receipt["steps"][0]["id"] == "preflight"


async def test_tenants_are_shifted_in_three_steps_then_the_source_is_taken_out() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    weights = [tuple(one.weight for one in members) for members in world.edge.writes]
    assert weights == [(90, 10), (50, 50), (0, 100), (100,)]


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(never_ready=True), "serve-ready.not-ready"),
        (Faults(max_model_len=4096), "contract.context-length"),
        (Faults(ignore_key=True), "contract.no-key-refused"),
        (Faults(wrong_text=True), "contract.weights"),
        (Faults(nearby=0.18), "contract.weights"),
        (Faults(template="<|system|>"), "contract.template"),
        (Faults(wrong_text=True, says=frozenset()), "contract.weights"),
        (Faults(served_name="other"), "contract.served-name"),
        (Faults(broken=True), "serve-ready.completion"),
    ],
)
async def test_a_bad_target_is_taken_away_again_and_the_step_is_named(faults: Faults, code: str) -> None:
    world = World()
    before = world.workloads()
    world.cluster.faults["kserve"] = faults
    result = await world.conductor().move(world.model, "kserve", quick())
    assert isinstance(result.error, MoveFailedError)
    assert result.error.code == code
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert world.workloads() == before
    assert world.edge.outages == []


@pytest.mark.parametrize(("tokens", "code"), [(15, ""), (96, "contract.long-stream")])
async def test_a_target_that_cuts_streams_is_found_when_tenants_have_such_long_ones(tokens: int, code: str) -> None:
    world = World()
    for engine in world.cluster.engines.values():
        engine.counted.request_generation.add(tokens)
    world.cluster.faults["kserve"] = Faults(cut_after=60)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert (result.error.code if result.error else "") == code
    assert world.serving() == {"raw-vllm" if code else "kserve": 100}
    if code:
        assert "a stream of 100 tokens" in str(result.error)


async def test_a_target_that_was_parked_before_is_parked_again() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    await world.conductor("second@test/2").move(world.model, "raw-vllm", quick())
    before = world.workloads()
    world.cluster.faults["kserve"] = Faults(never_ready=True)
    result = await world.conductor("third@test/3").move(world.model, "kserve", quick())
    assert result.receipt["state"] == "undone"
    assert world.workloads() == before


async def test_a_target_that_breaks_under_traffic_gives_tenants_back() -> None:
    world = World()

    def break_it(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.broken = namespace == "kserve"

    world.seen.react = break_it
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == "shift-50.errors"
    assert world.serving() == {"raw-vllm": 100}


@pytest.mark.parametrize("step", ["shift-10", "shift-50", "shift-100"])
async def test_a_source_that_dies_during_a_shift_is_not_gone_back_to(step: str) -> None:
    world = World()

    def die(happening: Happening) -> None:
        if (happening.topic, happening.step) == (Topic.STEP_BEGUN, step):
            for where in [where for where in world.cluster.engines if where[0] == "serving"]:
                del world.cluster.engines[where]

    world.seen.react = die
    result = await world.conductor().move(world.model, "kserve", quick(drain_timeout=20.0))
    # Nobody can say that nothing runs on what is dead, so the drain asks a person; tenants are served.
    assert isinstance(result.error, NeedsPersonError), result.error
    assert result.error.code == "drain.drain-deadline"
    assert world.serving() == {"kserve": 100}
    said = [one["evidence"]["sourceLost"] for one in result.receipt["steps"] if "sourceLost" in one["evidence"]]
    assert said
    assert set(said) == {"no engine of raw vLLM says anything any more"}
    row = result.receipt["traffic"]["layers"]["raw-vllm"]
    assert (row["tenants"], row["range"]["atMost"], row["cut"]) == ("unknown", "unknown", "unknown")


async def test_somebody_else_changing_the_alias_is_noticed_and_named() -> None:
    world = World()

    def meddle(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-10":
            world.edge.members = world.edge.members[:1]

    world.seen.react = meddle
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == "shift-50.drift"
    assert result.receipt["state"] == "paused"


async def test_an_undo_that_fails_reports_both_errors_and_asks_for_a_person() -> None:
    world = World()

    def break_edge(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            world.edge.fail_confirms = 9
            world.edge.fail_writes = 9

    world.seen.react = break_edge
    result = await world.conductor().move(world.model, "kserve", quick())
    assert isinstance(result.error, NeedsPersonError)
    assert "cannot be written" in result.error.what
    assert "undoing shift-50" in result.error.what
    assert result.receipt["state"] == "undo-stuck"
    world.edge.fail_confirms = world.edge.fail_writes = 0
    world.seen.react = lambda happening: None
    again = await world.conductor("second@test/2").move(world.model, "kserve", quick(), recover=True)
    assert again.receipt["state"] == "done"
    assert world.edge.outages == []


async def test_an_engine_that_hides_its_running_requests_is_never_drained() -> None:
    world = World()

    def hide(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            for (namespace, _), engine in world.cluster.engines.items():
                if namespace == "serving":
                    engine.faults.running = None

    world.seen.react = hide
    result = await world.conductor().move(world.model, "kserve", quick(drain_timeout=20))
    assert isinstance(result.error, NeedsPersonError)
    assert "does not say how many requests run" in result.error.what
    assert result.error.code == "drain.drain-deadline"
    assert result.receipt["state"] == "paused"
    assert world.serving() == {"kserve": 100}
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1


async def test_a_move_to_the_layer_it_is_on_is_refused_and_nothing_is_written() -> None:
    world = World()
    before = set(world.cluster.objects)
    with pytest.raises(RefusedError, match="on raw vLLM already") as refused:
        await world.conductor().move(world.model, "raw-vllm", quick())
    assert refused.value.code == "preflight.target-differs"
    assert set(world.cluster.objects) == before


async def test_a_right_that_is_missing_is_named_before_anything_is_written() -> None:
    world = World()
    world.cluster.denied = {"create pods", "list deployments"}
    before = set(world.cluster.objects)
    with pytest.raises(RefusedError) as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.rights"
    assert "list deployments.apps qwen-kserve in namespace kserve" in refused.value.what
    assert "pointsman rights qwen" in refused.value.next_action
    assert set(world.cluster.objects) == before


async def test_a_foreign_object_with_the_targets_name_is_refused() -> None:
    world = World()
    world.put({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "qwen-kserve", "namespace": "kserve"}})
    with pytest.raises(RefusedError) as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.no-foreign-objects"


async def test_a_cluster_without_free_gpus_is_refused() -> None:
    world = World()
    spec = {"nodeName": "node-0", "containers": [{"name": "x", "resources": {"limits": {"nvidia.com/gpu": "3"}}}]}
    pod = {"kind": "Pod", "metadata": {"name": "other", "namespace": "x"}, "spec": spec, "status": {"phase": "Running"}}
    world.cluster.objects[Ref(kind_of("Pod"), "other", "x")] = pod
    with pytest.raises(RefusedError, match=r"0 of 4 nvidia\.com/gpu free") as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.room"


async def test_a_second_move_of_the_same_model_is_told_who_holds_it_and_at_which_step() -> None:
    world = World()
    refusals: list[RefusedError] = []

    async def second() -> None:
        try:
            await world.conductor("second@test/2").move(world.model, "llm-d", quick())
        except RefusedError as error:
            refusals.append(error)

    tasks = []

    def begin(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-10":
            tasks.append(asyncio.create_task(second()))

    world.seen.react = begin
    await world.conductor().move(world.model, "kserve", quick())
    await tasks[0]
    assert refusals[0].code == "move-held"
    assert "first@test/1" in refusals[0].what
    assert "at step shift-" in refusals[0].what


async def test_an_interrupt_before_the_point_of_no_return_puts_tenants_back() -> None:
    world = World()
    before = world.workloads()
    conductor = world.conductor()

    def interrupt(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-100":
            conductor.interrupt()

    world.seen.react = interrupt
    result = await conductor.move(world.model, "kserve", quick())
    assert result.interrupted
    assert result.receipt["state"] == "undone"
    assert result.receipt["failures"] == ["shift-100: interrupted by the operator"]
    assert world.serving() == {"raw-vllm": 100}
    assert world.workloads() == before


async def test_an_interrupt_after_it_finishes_the_move() -> None:
    world = World()
    conductor = world.conductor()

    def interrupt(happening: Happening) -> None:
        if happening.topic is Topic.STEP_NOTE and happening.step == "park":
            conductor.interrupt()

    world.seen.react = interrupt
    result = await conductor.move(world.model, "kserve", quick())
    assert result.interrupted
    assert result.receipt["state"] == "done"


async def test_an_interrupt_while_the_point_of_no_return_is_written_is_no_failure() -> None:
    world = World()
    conductor = world.conductor()
    world.at_commit(conductor.interrupt)
    result = await conductor.move(world.model, "kserve", quick())
    assert result.interrupted
    assert (result.receipt["state"], result.error) == ("done", None)
    assert result.receipt["failures"] == []
    assert result.receipt["interruptions"] == ["at park, past the point of no return: finished first"]
    assert "  interrupted   at park, past the point of no return: finished first" in receipt_lines(result.receipt)
    held("receipt", json.loads(json.dumps(result.receipt)))
    notices = [one.text for one in world.seen.happenings if one.topic is Topic.NOTICE]
    assert "what is left of the move is finished first; interrupt again to stop at once" in notices


async def test_a_second_interrupt_past_the_point_of_no_return_names_no_way_back() -> None:
    world = World()
    conductor = world.conductor()

    def twice() -> None:
        conductor.interrupt()
        conductor.interrupt()

    world.at_commit(twice)
    result = await conductor.move(world.model, "kserve", quick())
    assert result.receipt["state"] == "committed"
    assert result.error is not None
    assert (result.error.code, result.error.next_action) == ("left-open", "pointsman resume qwen finishes it")


async def test_a_second_interrupt_leaves_at_once_and_the_journal_says_what_is_open() -> None:
    world = World()
    conductor = world.conductor()

    def interrupt(happening: Happening) -> None:
        if (happening.topic, happening.step) in ((Topic.STEP_BEGUN, "shift-100"), (Topic.UNDO_BEGUN, "shift-50")):
            conductor.interrupt()

    world.seen.react = interrupt
    result = await conductor.move(world.model, "kserve", quick())
    assert result.interrupted
    assert result.error is not None
    assert result.error.code == "left-open"
    moves = await Ledger(world.cluster, world.clock).moves(model="qwen")
    assert [one.progress.state for one in moves] == [State.UNDOING]
    with pytest.raises(RefusedError, match="left open") as refused:
        await world.conductor("second@test/2").move(world.model, "kserve", quick())
    assert "--recover" in refused.value.next_action


async def _undisturbed_records() -> int:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    journal = next(one for ref, one in world.cluster.objects.items() if ref.name.startswith("qwen-2026"))
    return len(journal["data"])


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_process_that_dies_at_any_record_leaves_a_move_that_another_brings_to_an_end(moment: str) -> None:
    for number in range(2, await _undisturbed_records() + 1):
        world = World()
        before = world.workloads()

        def die(write: Write, number: int = number) -> None:
            if write.verb == "patch" and f"{number:06d}" in (write.body.get("data") or {}):
                raise Died

        setattr(world.cluster, moment, die)
        with pytest.raises(Died):
            await world.conductor().move(world.model, "kserve", quick())
        setattr(world.cluster, moment, lambda write: None)
        world.clock.seconds += 60
        moves = await Ledger(world.cluster, world.clock).moves(model="qwen")
        if not moves:
            assert world.serving() == {"kserve": 100}
            continue
        result = await world.conductor("second@test/2").recover(moves[0].progress.move)
        if result.receipt["state"] == "undone":
            assert world.serving() == {"raw-vllm": 100}, number
            assert world.workloads() == before, number
        else:
            assert result.receipt["state"] == "done"
            assert world.serving() == {"kserve": 100}, number
        assert world.edge.outages == []
