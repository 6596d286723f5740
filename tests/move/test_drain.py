"""When a layer counts as drained, what happens when it does not get so, and what a warm hold is good for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pointsman.edge.contract import Replica
from pointsman.errors import MoveFailedError, NeedsPersonError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.control import Control
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.judging.drain import READINGS, Watch
from pointsman.move.means import Result
from pointsman.move.probes.counters import RUNNING, WAITING, Counters, Reading, parse
from pointsman.report.contract import Happening, Topic
from tests.world.engine import Engine, Faults
from tests.world.world import World, quick

IDLE = Counters(running=0, waiting=0, finished={"stop": 5}, answered={"2xx": 5})


def reading(counters: Counters | None) -> Reading:
    return Reading("pod", "serve", counters, "" if counters else "no answer")


def test_several_quiet_readings_in_a_row_are_needed() -> None:
    watch = Watch()
    for _ in range(READINGS - 1):
        assert watch.look([reading(IDLE)])
        assert not watch.drained
    watch.look([reading(IDLE)])
    assert watch.drained


@pytest.mark.parametrize(
    "busy",
    [
        None,
        Counters(None, 0, {}, {}),
        Counters(0, None, {}, {}),
        Counters(1, 0, {"stop": 5}, {"2xx": 5}),
        Counters(0, 2, {"stop": 5}, {"2xx": 5}),
        Counters(0, 0, {"stop": 6}, {"2xx": 6}),
    ],
)
def test_anything_else_starts_the_count_again(busy: Counters | None) -> None:
    watch = Watch()
    for _ in range(READINGS - 1):
        watch.look([reading(IDLE)])
    assert not watch.look([reading(busy)])
    assert watch.quiet == 0
    assert watch.why != "idle"


def test_the_last_numbers_of_a_pod_that_died_are_kept() -> None:
    watch = Watch()
    watch.look([reading(IDLE)])
    watch.look([])
    assert watch.last == {"pod": IDLE}


def test_health_checks_are_not_taken_for_tenants() -> None:
    counters = parse(
        'http_requests_total{handler="/health",method="GET",status="2xx"} 90\n'
        'http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 3\n'
        'http_requests_total{handler="/v1/completions",method="POST",status="503"} 1\n'
    )
    assert counters.answered == {"2xx": 3, "5xx": 1}
    assert counters.running is None


def test_a_metric_without_a_number_is_missing() -> None:
    counters = parse(
        f'{RUNNING}\n{RUNNING}x 7\n# {WAITING} 3\n  {WAITING} 3\n{WAITING}{{engine="0"}}\t2.0 1700000000000\n'
    )
    assert (counters.running, counters.waiting) == (None, 2.0)


def arrived(*looks: tuple[int, int]) -> int:
    """Requests that came, by what ran and what had ended at each look."""
    watch = Watch()
    for running, ended in looks:
        watch.look([reading(Counters(running, 0, {"stop": ended}, {"2xx": ended}))])
    return watch.came


def test_what_came_between_two_looks_is_counted() -> None:
    assert arrived((0, 5), (2, 6), (0, 8), (0, 8), (0, 8)) == 3


def test_what_an_engine_has_ended_and_still_shows_did_not_come_twice() -> None:
    assert arrived((2, 6), (2, 8), (0, 8), (0, 8), (0, 8)) == 0
    assert arrived((1, 6), (1, 7), (1, 8), (0, 8), (0, 8), (0, 8)) == 1
    assert arrived((1, 6), (1, 6), (1, 6), (0, 6), (0, 7), (0, 7), (0, 7)) == 0


def test_an_engine_that_starts_again_takes_nothing_back() -> None:
    watch = Watch()
    for ended in (7, 7, 7, 9, 9, 9, 0, 0, 1, 1, 1):
        watch.look([reading(Counters(0, 0, {"stop": ended}, {"2xx": ended}))])
        assert watch.ended >= 0
    assert (watch.came, watch.ended) == (3, 3)


def test_what_was_broken_off_and_not_counted_hides_nobody() -> None:
    assert arrived((2, 6), (2, 6), (2, 6), (1, 6), (1, 6), (1, 6), (1, 7), (1, 7), (1, 7)) == 1


def test_what_is_under_way_is_not_known_of_an_engine_that_does_not_say() -> None:
    watch = Watch()
    watch.look([reading(Counters(2, 1, {}, {}))])
    assert watch.under_way == 3
    watch.look([reading(None)])
    assert watch.under_way is None


def source_of(world: World) -> Engine:
    return next(engine for (namespace, _), engine in world.cluster.engines.items() if namespace == "serving")


async def with_stuck_request(world: World, policy: str) -> Result:
    """A move whose source has two requests that never end."""

    def stick(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            source_of(world).under_way = 2

    world.seen.react = stick
    return await world.conductor().move(world.model, "kserve", quick(drain_timeout=20, drain_policy=policy))


async def test_a_stuck_request_asks_a_person_who_can_wait_on() -> None:
    world = World()
    result = await with_stuck_request(world, "wait")
    assert isinstance(result.error, NeedsPersonError)
    assert result.error.code == "drain.drain-deadline"
    assert "2 running" in result.error.what
    assert result.receipt["state"] == "paused"
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1
    source_of(world).under_way = 0
    world.seen.react = lambda happening: None
    ended = await Control(world.conductor("second@test/2")).resume("qwen")
    assert ended.error is None
    assert ended.receipt["traffic"]["cut"] == 0


async def test_a_person_who_promotes_a_stuck_drain_cuts_and_the_cut_is_counted() -> None:
    world = World()
    await with_stuck_request(world, "wait")
    world.seen.react = lambda happening: None
    ended = await Control(world.conductor("second@test/2")).ask(Verb.PROMOTE, "qwen")
    assert ended.receipt["state"] == "done"
    assert ended.receipt["traffic"]["cut"] == 2


async def test_give_back_puts_tenants_on_the_source_again() -> None:
    world = World()
    before = world.workloads()
    result = await with_stuck_request(world, "give-back")
    assert isinstance(result.error, MoveFailedError)
    assert result.error.code == "drain.drain-deadline-back"
    assert world.serving() == {"raw-vllm": 100}
    assert world.workloads() == before
    assert world.edge.outages == []


async def test_cut_goes_on_and_counts_what_was_under_way() -> None:
    world = World()
    result = await with_stuck_request(world, "cut")
    assert result.error is None
    assert result.receipt["traffic"]["cut"] == 2
    assert result.receipt["traffic"]["layers"]["raw-vllm"]["answered"] == "unknown"
    drain = next(one for one in result.receipt["steps"] if one["id"] == "drain")
    assert drain["evidence"]["cut"] == 2
    assert drain["evidence"]["quiet"] is False


async def test_the_drain_names_every_replica_of_the_edge_that_it_asked() -> None:
    world = World()
    receipt = (await world.conductor().move(world.model, "kserve", quick())).receipt
    edge = next(one for one in receipt["steps"] if one["id"] == "drain")["evidence"]["edge"]
    assert list(edge["replicas"]) == ["edge-0"]
    assert list(edge["replicas"]["edge-0"]) == ["qwen-kserve"]


def old(world: World) -> None:
    world.edge.lagging = [Replica("edge-old", (), ready=True, terminating=True)]


def deaf(world: World) -> None:
    world.edge.deaf = {"edge-0"}


@pytest.mark.parametrize(("trouble", "said"), [(old, "on its way out, runs nothing"), (deaf, "edge-0 of the edge did")])
@pytest.mark.parametrize("policy", ["wait", "cut"])
async def test_an_edge_that_may_still_send_to_the_source_is_waited_for_and_never_cut(
    trouble: Callable[[World], None], said: str, policy: str
) -> None:
    world = World()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            trouble(world)

    world.seen.react = react
    options = quick(drain_timeout=20, drain_policy=policy)
    result = await world.conductor().move(world.model, "kserve", options)
    assert isinstance(result.error, NeedsPersonError)
    assert said in result.error.what
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1


async def test_an_old_replica_of_the_edge_that_ends_lets_the_drain_go_on() -> None:
    world = World()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            old(world)
        if happening.topic is Topic.STEP_NOTE and happening.step == "drain" and "on its way out" in happening.text:
            world.edge.lagging = []

    world.seen.react = react
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is None
    assert result.receipt["waits"]["drain"] > 10


async def test_a_roll_back_during_the_hold_costs_one_roll_of_the_edge() -> None:
    world = World()
    conductor = world.conductor()
    rolls = [0]

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "hold":
            rolls[0] = len(world.edge.writes)
            conductor.interrupt()

    world.seen.react = react
    result = await conductor.move(world.model, "kserve", quick(hold=600))
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert len(world.edge.writes) - rolls[0] == 1


async def test_a_source_that_is_not_warm_any_more_is_told_and_is_no_failure() -> None:
    world = World()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "hold":
            for ref, one in world.cluster.objects.items():
                if ref.kind.name == "Pod" and ref.namespace == "serving":
                    one["status"]["conditions"] = [{"type": "Ready", "status": "False"}]

    world.seen.react = react
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is None
    hold = next(one for one in result.receipt["steps"] if one["id"] == "hold")
    assert hold["evidence"]["sourceCold"] == "qwen-raw-vllm-0 is not ready"


async def test_a_roll_back_after_parking_names_the_command_that_goes_back() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    with pytest.raises(RefusedError) as refused:
        await Control(world.conductor("second@test/2")).ask(Verb.ROLLBACK, "qwen")
    assert refused.value.code == "source-parked"
    assert "pointsman move qwen --to raw-vllm" in refused.value.next_action


async def test_a_target_that_tenants_never_had_is_not_waited_for_on_the_way_back() -> None:
    world = World()
    world.cluster.faults["kserve"] = Faults(running=None, ignore_key=True)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == "contract.no-key-refused"
    assert result.receipt["state"] == "undone"
    assert "drain" not in result.receipt["waits"]


async def test_a_target_that_says_nothing_is_cut_off_at_the_deadline_and_nobody_knows_how_much() -> None:
    world = World()
    options = quick(drain_timeout=7)

    def hush(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            for (namespace, _), engine in world.cluster.engines.items():
                if namespace == "kserve":
                    engine.faults = replace(engine.faults, running=None, broken=True)

    world.seen.react = hush
    result = await world.conductor().move(world.model, "kserve", options)
    assert result.receipt["state"] == "undone"
    assert result.receipt["waits"]["drain"] >= 7
    (move,) = await Ledger(world.cluster, world.clock).moves(model="qwen", only_open=False)
    lines = world.cluster.objects[Ref(kind_of("ConfigMap"), move.progress.move, NAMESPACE)]["data"].values()
    undone = [json.loads(line) for line in lines if '"event":"undo-outcome"' in line and '"step":"deploy"' in line]
    assert [one["detail"]["cut"] for one in undone] == ["unknown"]
