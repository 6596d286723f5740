"""A receipt's counts, held against the ledger of tenants in memory who call at every event of a move."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from pointsman.edge.contract import Replica
from pointsman.edge.litellm_counters import answered_by_member
from pointsman.errors import NotFoundError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.counting.history import history, receipt_of
from pointsman.move.counting.receipt import receipt_from
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.tally import ANNOTATION
from pointsman.move.judging.evidence import PARTS
from pointsman.report.contract import Happening, Topic
from pointsman.report.history import print_history
from pointsman.report.text import receipt_lines
from pointsman.spec.move import Evidence
from tests.docs.schemas.holding import held
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.tenants import Tenants
from tests.world.virtual import run_virtually
from tests.world.world import World, quick


def during(world: World, tenants: Tenants) -> None:
    """Tenants call from the first step on until the move is about to end."""

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "deploy":
            tenants.begin()
        if happening.step == "park" or (happening.topic is Topic.UNDO_DONE and happening.step == "deploy"):
            tenants.stop()

    world.seen.react = react


def counts(receipt: Mapping[str, Any], what: str = "tenants") -> dict[str, Any]:
    return {layer: row[what] for layer, row in receipt["traffic"]["layers"].items() if row[what] != 0}


@pytest.mark.parametrize("long", [0, 7])
async def test_the_receipt_counts_what_tenants_counted_to_the_request(long: int) -> None:
    world = World()
    tenants = Tenants(world, long=long)
    during(world, tenants)
    receipt = (await world.conductor().move(world.model, "kserve", quick(hold=30))).receipt
    assert receipt["state"] == "done"
    assert tenants.lost == 0
    assert sum(tenants.answered.values()) > 50
    assert set(tenants.answered) == {"raw-vllm", "kserve"}
    assert counts(receipt) == dict(tenants.answered)
    assert receipt["traffic"]["tenants"] == sum(tenants.answered.values())
    assert receipt["traffic"]["cut"] == 0


@pytest.mark.parametrize("told", [True, False], ids=["as-aborted", "as-nothing"])
async def test_tenants_that_leave_are_counted_whether_the_engine_counts_them_or_not(told: bool) -> None:
    world = World()
    for namespace in ("serving", "kserve"):
        world.cluster.faults[namespace] = Faults(counts_leaving=told)
    for engine in world.cluster.engines.values():
        engine.faults.counts_leaving = told
    tenants = Tenants(world, leaving=5)
    during(world, tenants)
    receipt = (await world.conductor().move(world.model, "kserve", quick(hold=30))).receipt
    assert receipt["state"] == "done"
    assert min(tenants.left.values()) > 3
    assert counts(receipt, "aborted") == dict(tenants.left)
    said = ", ".join(f"{layer} {tenants.left[layer]}" for layer in receipt["traffic"]["layers"])
    assert f"  unfinished    {said}: whoever asked left, or the engine gave up" in receipt_lines(receipt)
    assert counts(receipt) == dict(tenants.answered)


async def test_the_moves_own_requests_are_counted_apart() -> None:
    world = World()
    receipt = (await world.conductor().move(world.model, "kserve", quick())).receipt
    rows = receipt["traffic"]["layers"]
    assert receipt["traffic"]["tenants"] == 0
    assert rows["kserve"]["own"]["edge"] > 0
    assert rows["kserve"]["own"]["direct"] > 0
    assert rows["raw-vllm"]["own"]["direct"] > 0
    assert rows["kserve"]["answered"] == sum(rows["kserve"]["own"].values())


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_replica_of_the_edge_on_its_way_out_is_asked_for_again(leaves: bool) -> None:
    """While it is there and does not say what it runs, nobody knows who gets tenants; afterwards that is known."""
    world = World()
    tenants = Tenants(world)
    during(world, tenants)
    world.edge.lagging = [Replica("edge-old", None, ready=False, terminating=True)]
    mover, watch = world.conductor(), world.seen.react

    def react(happening: Happening) -> None:
        watch(happening)
        if happening.topic is Topic.STEP_DONE and happening.step == "serve-ready" and leaves:
            world.edge.lagging = []
        if happening.topic is Topic.STEP_DONE and happening.step == "contract":
            mover.interrupt()

    world.seen.react = react
    receipt = (await mover.move(world.model, "kserve", quick())).receipt
    row = receipt["traffic"]["layers"]["kserve"]
    assert receipt["state"] == "undone"
    assert row["tenants"] == (0 if leaves else "unknown")
    assert row["own"]["direct"] > 0


async def test_a_move_that_was_undone_counts_too() -> None:
    world = World()
    tenants = Tenants(world, long=3)
    during(world, tenants)
    watch = world.seen.react

    def react(happening: Happening) -> None:
        watch(happening)
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-50":
            world.edge.fail_confirms = 1

    world.seen.react = react
    done = await world.conductor().move(world.model, "kserve", quick())
    receipt = done.receipt
    assert receipt["state"] == "undone"
    assert done.error is not None
    held("receipt", {**receipt, "error": done.error.as_dict()})
    row = receipt["traffic"]["layers"]["raw-vllm"]
    assert row["tenants"] == tenants.answered["raw-vllm"]


def test_a_pod_that_dies_under_tenants_leaves_unknown_and_what_is_known_of_it() -> None:
    world = World()
    tenants = Tenants(world)
    during(world, tenants)
    watch = world.seen.react

    def react(happening: Happening) -> None:
        watch(happening)
        if happening.topic is Topic.STEP_BEGUN and happening.step == "hold":
            crash(world)

    world.seen.react = react
    receipt = run_virtually(world.conductor().move(world.model, "kserve", quick())).receipt
    row = receipt["traffic"]["layers"]["kserve"]
    assert row["tenants"] == "unknown"
    assert receipt["traffic"]["tenants"] == "unknown"
    assert row["range"]["atLeast"] in ("unknown", 0) or row["range"]["atLeast"] <= tenants.answered["kserve"]
    assert "was never read: it was not there long enough" in row["why"][0]


def crash(world: World) -> None:
    """The target's pod is gone and comes back as another one."""
    ref = next(one for one in world.cluster.objects if one.kind == kind_of("Pod") and one.namespace == "kserve")
    world.cluster.objects.pop(ref)
    world.cluster.engines.pop((ref.namespace or "", ref.name))
    world.cluster._control()


async def test_an_engine_that_never_says_is_unknown_and_not_zero() -> None:
    world = World()
    world.cluster.faults["serving"] = Faults()
    for (namespace, _), engine in world.cluster.engines.items():
        if namespace == "serving":
            engine.silent = True
    receipt = (await world.conductor().move(world.model, "kserve", quick(drain_timeout=3))).receipt
    row = receipt["traffic"]["layers"]["raw-vllm"]
    assert row["answered"] == row["tenants"] == row["cut"] == "unknown"
    assert row["range"] == {"atLeast": "unknown", "atMost": "unknown"}
    assert "was never read" in row["why"][0]


class Died(BaseException):
    """The process is gone."""


async def died_judging(world: World, step: str = "shift-10") -> str:
    """A move whose process dies with that step judged and nothing of it written down; nobody holds it now."""

    def die(write: Write) -> None:
        lines = (write.body.get("data") or {}) if write.verb == "patch" else {}
        if any('"event":"outcome"' in one and f'"step":"{step}"' in one for one in lines.values()):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.before = lambda write: None
    world.clock.seconds += 60
    return (await Ledger(world.cluster, world.clock).moves(model="qwen"))[0].progress.move


async def test_a_process_that_died_leaves_no_more_of_its_requests_unknown_than_it_was_allowed() -> None:
    world = World()
    tenants = Tenants(world)
    during(world, tenants)
    move = await died_judging(world)
    row = (await world.conductor("second@test/2").recover(move)).receipt["traffic"]["layers"]["raw-vllm"]
    known = row["range"]
    assert row["tenants"] == "unknown"
    assert row["answered"] != "unknown"
    assert known["atLeast"] <= tenants.answered["raw-vllm"] <= known["atMost"]
    assert 0 < known["atMost"] - known["atLeast"] <= 2 * Evidence().requests // (2 * PARTS)
    assert "died, with up to" in row["why"][0]


async def test_a_range_whose_ends_are_equal_is_a_number() -> None:
    world = World()
    move = await died_judging(world, "serve-ready")
    receipt = (await world.conductor("second@test/2").recover(move)).receipt
    row = receipt["traffic"]["layers"]["raw-vllm"]
    assert receipt["state"] == "undone"
    assert row["range"] == {"atLeast": 0, "atMost": 0}
    assert row["tenants"] == 0
    assert "raw-vllm 0" in next(line for line in receipt_lines(receipt) if line.startswith("  answered"))
    held_to_the_schema(receipt)


async def test_an_allowance_that_cannot_be_read_bounds_nothing() -> None:
    world = World()
    move = await died_judging(world)
    ref = Ref(kind_of("ConfigMap"), move, NAMESPACE)
    await world.cluster.patch(ref, {"metadata": {"annotations": {f"{ANNOTATION}1": "{"}}})
    row = (await world.conductor("second@test/2").recover(move)).receipt["traffic"]["layers"]["raw-vllm"]
    assert row["range"]["atLeast"] == "unknown"
    assert "an unknown number" in row["why"][0]


async def test_the_receipt_is_the_same_from_another_machine() -> None:
    world = World()
    tenants = Tenants(world)
    during(world, tenants)
    told = (await world.conductor().move(world.model, "kserve", quick())).receipt
    read = receipt_from((await Ledger(world.cluster, world.clock).load(told["move"])).progress)
    assert read["traffic"] == told["traffic"]
    assert read["engines"] == told["engines"]


def test_pods_in_the_memory_world_have_an_identity() -> None:
    world = World()
    pod = next(one for ref, one in world.cluster.objects.items() if ref.kind == kind_of("Pod"))
    assert pod["metadata"]["uid"]
    assert Ref(kind_of("Pod"), pod["metadata"]["name"], "serving") in world.cluster.objects


SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/receipt.schema.json").read_text(encoding="utf-8"))


def held_to_the_schema(receipt: Mapping[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(receipt)))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def silence(world: World) -> None:
    for engine in world.cluster.engines.values():
        engine.silent = True


def break_target(world: World) -> None:
    world.cluster.faults["kserve"] = Faults(broken=True)


def stick(world: World) -> None:
    next(iter(world.cluster.engines.values())).under_way = 2


def nothing(world: World) -> None:
    """An undisturbed move."""


@pytest.mark.parametrize("policy", ["wait", "give-back", "cut"])
@pytest.mark.parametrize("trouble", [nothing, silence, break_target, stick])
async def test_receipts_keep_the_published_schema(trouble: Callable[[World], None], policy: str) -> None:
    world = World()
    trouble(world)
    options = quick(drain_timeout=3, drain_policy=policy)
    receipt = (await world.conductor().move(world.model, "kserve", options)).receipt
    held_to_the_schema(receipt)
    assert "\n".join(receipt_lines(receipt))


async def test_a_move_that_stands_still_has_taken_as_long_as_its_steps_did() -> None:
    world = World()
    stick(world)
    receipt = (await world.conductor().move(world.model, "kserve", quick(drain_timeout=3, drain_policy="wait"))).receipt
    assert (receipt["state"], receipt["ended"]) == ("paused", "")
    assert receipt["seconds"] > 0
    assert receipt["seconds"] >= sum(one["seconds"] for one in receipt["steps"] if one["id"] != "preflight")
    told = await receipt_of(Ledger(world.cluster, world.clock), receipt["move"])
    assert told["seconds"] > 0


async def test_the_schema_does_not_take_a_guess_for_a_number() -> None:
    world = World()
    receipt = dict((await world.conductor().move(world.model, "kserve", quick())).receipt)
    receipt["traffic"] = {**receipt["traffic"], "tenants": None}
    with pytest.raises(ValidationError):
        held_to_the_schema(receipt)


async def test_receipt_and_history_find_moves_by_name_by_model_and_the_last_one() -> None:
    world = World()
    first = (await world.conductor().move(world.model, "kserve", quick())).receipt
    world.clock.seconds += 60
    second = (await world.conductor("second@test/2").move(world.model, "llm-d", quick())).receipt
    ledger = Ledger(world.cluster, world.clock)
    assert (await receipt_of(ledger, first["move"]))["to"] == "kserve"
    assert (await receipt_of(ledger, "qwen"))["move"] == second["move"]
    last = await receipt_of(ledger, "")
    assert last["move"] == second["move"]
    held_to_the_schema(last)
    told = await history(ledger, "qwen")
    assert [one["move"] for one in told["moves"]] == [first["move"], second["move"]]
    assert (await history(ledger, "other"))["moves"] == []
    with pytest.raises(NotFoundError):
        await receipt_of(ledger, "no-such-move")


async def test_a_torn_journal_is_named_and_hides_no_other() -> None:
    world = World()
    first = (await world.conductor().move(world.model, "kserve", quick())).receipt
    world.clock.seconds += 60
    second = (await world.conductor("second@test/2").move(world.model, "llm-d", quick())).receipt
    journal = world.cluster.objects[Ref(kind_of("ConfigMap"), first["move"], "pointsman-system")]
    del journal["data"]["000003"]
    told = await history(Ledger(world.cluster, world.clock), "")
    assert [one["move"] for one in told["moves"]] == [second["move"]]
    assert told["unreadable"][0]["code"] == "journal-torn"
    stream = io.StringIO()
    print_history(stream, told)
    assert second["move"] in stream.getvalue()
    assert first["move"] in stream.getvalue()


async def test_an_edge_that_counts_is_told_beside_the_engines() -> None:
    world = World()
    world.edge.counted = Counter({"qwen-raw-vllm": 40})
    receipt = (await world.conductor().move(world.model, "kserve", quick())).receipt
    rows, edge = receipt["traffic"]["layers"], receipt["traffic"]["edge"]
    assert edge["why"] == []
    assert edge["answered"] == {layer: rows[layer]["own"]["edge"] for layer in ("raw-vllm", "kserve")}


async def test_an_edge_that_does_not_count_is_unknown_and_one_that_is_replaced_is_at_least() -> None:
    world = World()
    mute = (await world.conductor().move(world.model, "kserve", quick())).receipt["traffic"]["edge"]
    assert (mute["answered"], mute["atLeast"]) == ({}, "unknown")
    world.edge.counted = Counter()

    def replaced(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-50":
            world.edge.name = "edge-1"

    world.seen.react = replaced
    told = (await world.conductor("second@test/2").move(world.model, "llm-d", quick())).receipt["traffic"]["edge"]
    assert set(told["answered"].values()) == {"unknown"}
    assert told["atLeast"]["llm-d"] > 0
    assert told["why"] == ["replica edge-0 ended after its last reading"]


def test_litellms_counters_are_read_by_member() -> None:
    text = (
        "# TYPE litellm_deployment_success_responses_total counter\n"
        'litellm_deployment_success_responses_total{api_base="http://a",model_id="qwen-kserve",team="x"} 12.0\n'
        'litellm_deployment_success_responses_total{api_base="http://a",model_id="qwen-kserve",team="y"} 3.0\n'
        'litellm_deployment_failure_responses_total{model_id="qwen-kserve"} 9.0\n'
    )
    assert answered_by_member(text) == {"qwen-kserve": 15}
    assert answered_by_member("<html>not found</html>") is None


async def test_an_engine_that_was_read_and_then_died_gives_a_lower_bound() -> None:
    world = World()
    tenants = Tenants(world)
    during(world, tenants)

    def kill(write: Write) -> None:
        line = "".join(((write.body or {}).get("data") or {}).values()) if write.verb == "patch" else ""
        if '"event":"commit"' in line:
            world.cluster.before = lambda write: None
            crash(world)

    world.cluster.before = kill
    row = (await world.conductor().move(world.model, "kserve", quick())).receipt["traffic"]["layers"]["kserve"]
    assert row["tenants"] == "unknown"
    assert 0 < row["range"]["atLeast"] <= tenants.answered["kserve"]
    assert "ended after its last reading" in row["why"][0]


async def test_an_edge_that_does_not_say_what_it_runs_confirms_nothing() -> None:
    """Nobody knows then who gets tenants, so the move stands still and no count is final."""
    world = World()
    journal: list[Ref] = []

    def react(happening: Happening) -> None:
        if happening.topic is Topic.MOVE_OPENED:
            journal.append(Ref(kind_of("ConfigMap"), happening.text, NAMESPACE))
            world.edge.mute = True

    world.seen.react = react
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert "does not say what it runs" in result.error.what
    records = [json.loads(line)["detail"] for line in world.cluster.objects[journal[0]]["data"].values()]
    entries = [entry for one in records for entry in one.get("captured", {}).get("engines", {}).values()]
    finals = [entry["final"] for entry in entries if entry["layer"] == "raw-vllm"]
    assert finals
    assert not any(finals)
