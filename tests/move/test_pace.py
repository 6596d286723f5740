"""Evidence at the engines' own pace: what a verdict takes is known before a move, and a slow engine gets one too."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import RefusedError
from pointsman.move.context import Options
from pointsman.report.plan import plan_lines
from tests.move.test_evidence import all_take
from tests.world.world import World, quick

OPTIONS = Options(hold=2.0)


def judged(world: World, **evidence: Any) -> None:
    """The model's evidence has these fields."""
    spec = world.model.spec
    changed = spec.move.evidence.model_copy(update=evidence)
    move = spec.move.model_copy(update={"evidence": changed})
    world.model = world.model.model_copy(update={"spec": spec.model_copy(update={"move": move})})


def used(world: World, ttft: float, itl: float) -> None:
    """The source's engines have answered a hundred requests at this pace."""
    for engine in world.cluster.engines.values():
        for _ in range(100):
            engine.counted.ttft.add(ttft)
            engine.counted.itl.add(itl)


async def test_a_slow_engine_gets_its_verdict_in_the_end() -> None:
    world = World()
    all_take(world, 2.0)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is None, result.error
    steps = {one["id"]: one for one in result.receipt["steps"]}
    assert steps["shift-10"]["waits"]["evidence"] > 300, "longer than a fast engine is given"
    assert result.receipt["overheadSeconds"] <= result.receipt["overheadGoalSeconds"]


async def test_a_bound_in_minutes_ends_it_and_is_named() -> None:
    world = World()
    all_take(world, 2.0)
    judged(world, minutes=2.0)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == "shift-10.inconclusive"
    assert "requests of its own took 2 minutes, spec.move.evidence.minutes" in str(result.error)
    evidence = next(one for one in result.receipt["steps"] if one["id"] == "shift-10")["waits"]["evidence"]
    assert evidence < 2 * 60 + 60 * 2.0 + 1, "no round begins past the bound"


@pytest.mark.parametrize("requests", [0, 60, 200])
async def test_a_shift_spends_no_more_requests_than_it_may(requests: int) -> None:
    world = World()
    judged(world, requests=requests)
    result = await world.conductor().move(world.model, "kserve", quick())
    told = [one.data["probes"] for one in world.seen.happenings if "probes" in one.data]
    assert told
    assert max(told) <= requests
    assert (result.error is None) == (requests == 200), result.error


async def test_a_plan_says_how_long_a_verdict_takes_at_the_sources_pace_and_how_sure_it_is() -> None:
    world = World()
    used(world, ttft=1.6, itl=0.2)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    told = plan.checks["evidence"]
    assert told.startswith("240 requests of our own a shift (at most 300), 3 min at 3 s each; ")
    assert "fails an equal target in 0.8%, passes one at a margin in 3.0% at most" in told
    assert any(line.startswith("  evidence      240 requests of our own") for line in plan_lines(plan.as_dict()))


async def test_what_tenants_send_meanwhile_is_counted_in() -> None:
    world = World()
    used(world, ttft=1.6, itl=0.2)
    for engine in world.cluster.engines.values():
        engine.ended = 60_000
    world.clock.seconds = 1000.0
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    told = plan.checks["evidence"]
    assert told.startswith(
        "180 requests of our own a shift (at most 300), 2 min at 3 s each, beside tenants' 60 a second"
    )


async def test_a_plans_time_is_that_of_the_sources_pace() -> None:
    world = World()
    used(world, ttft=1.6, itl=0.2)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    shift = next(one for one in plan.prediction.steps if one.step == "shift-10")
    assert (shift.seconds, shift.source) == (187.0, "no move there yet: as the source's engine answers")
    result = await world.conductor().move(world.model, "kserve", OPTIONS)
    assert result.error is None, result.error


async def test_a_plan_says_that_the_pace_is_not_known_where_nobody_asked_the_source() -> None:
    world = World()
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "how long these take is not known: nobody asked the source yet" in plan.checks["evidence"]


async def test_a_verdict_that_cannot_be_had_in_time_is_refused_before_anything_begins() -> None:
    world = World()
    used(world, ttft=10.0, itl=1.0)
    before = world.workloads()
    with pytest.raises(RefusedError) as refused:
        await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert refused.value.code == "preflight.evidence"
    assert "17 min at 17 s each" in str(refused.value)
    assert "spec.move.evidence.minutes allows 15 minutes" in str(refused.value)
    assert "raise spec.move.evidence.minutes to 18" in str(refused.value)
    assert world.workloads() == before
    judged(world, minutes=18.0)
    assert (await world.conductor().plan(world.model, "kserve", OPTIONS)).checks["evidence"]


async def test_too_few_requests_are_told_and_not_refused() -> None:
    world = World()
    used(world, ttft=0.1, itl=0.01)
    judged(world, requests=50)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "tenants have to tell the rest of what shows that errors stay within 0.05" in plan.checks["evidence"]
    judged(world, requests=60, errors=0.2, ttft_p50=5.0, ttft_p95=10.0)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "and times within their margins, or a person" in plan.checks["evidence"], "so many tell of errors alone"
    judged(world, errors=0.3, ttft_p50=50.0, ttft_p95=50.0, itl_p50=50.0, itl_p95=50.0)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "tenants have to tell the rest" in plan.checks["evidence"], "a p95 hides from 30, however wide its margin"
    judged(world, requests=160)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "fails an equal target in" in plan.checks["evidence"]
    judged(world, requests=0)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "tenants have to tell all of it, or a person" in plan.checks["evidence"]


@pytest.mark.parametrize(("miss", "requests"), [(0.2, 90), (0.1, 110), (0.03, 160), (0.01, 180)])
async def test_what_a_plan_calls_decidable_is_decided_however_wide_the_margins(miss: float, requests: int) -> None:
    world = World()
    all_take(world, 0.1)
    used(world, ttft=0.1, itl=0.01)
    wide = dict.fromkeys(("ttft_p50", "ttft_p95", "itl_p50", "itl_p95"), 50.0)
    judged(world, **wide, miss=miss, errors=0.3, requests=requests)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert "fails an equal target in" in plan.checks["evidence"]
    result = await world.conductor().move(world.model, "kserve", quick(probe_budget=requests))
    assert result.error is None, result.error
    judged(world, requests=requests // 2)
    fewer = await world.conductor().plan(world.model, "raw-vllm", OPTIONS)
    assert "tenants have to tell the rest" in fewer.checks["evidence"]


async def test_a_gap_has_no_shift_to_judge() -> None:
    world = World(gpus=1)
    used(world, ttft=10.0, itl=1.0)
    plan = await world.conductor().plan(world.model, "kserve", Options(hold=2.0, allow_downtime=1800.0))
    assert plan.strategy == "gap"
