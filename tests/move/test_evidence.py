"""How a shift judges: the world in memory with targets that are worse in one way, and the statistics themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from benchmarks import analysis as bench
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.move.analysis.exact import at_most, drawn_at_least, drawn_at_most, predicted_at_least
from pointsman.move.analysis.samples import Histogram, Values, between, over
from pointsman.move.analysis.verdict import LOOKS, SHARES, Limits, Verdict, judge, spent
from pointsman.move.analysis.windows import Pair, Probed, Window
from pointsman.move.control import Control
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result
from pointsman.move.probes.counters import parse
from pointsman.report.contract import Happening, Topic
from pointsman.spec.move import Evidence
from tests.world.engine import Faults
from tests.world.world import World, quick

SHIFTS = 120
"""Of each kind, in every run of the tests; ``make bench-analysis`` takes thousands."""


def spoil(world: World, step: str, **faults: float) -> None:
    """From a step on the target's engines are worse."""

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == step:
            for (namespace, _), engine in world.cluster.engines.items():
                if namespace == "kserve":
                    for name, value in faults.items():
                        setattr(engine.faults, name, value)

    world.seen.react = react


def all_take(world: World, seconds: float) -> None:
    """Engines of both layers take a while for the first token."""
    for namespace in ("serving", "kserve"):
        world.cluster.faults[namespace] = Faults(ttft=seconds)
    for engine in world.cluster.engines.values():
        engine.faults.ttft = seconds


async def judged_by(world: World, tenants: Callable[[float], None]) -> Result:
    """A move of whose first shift tenants alone tell, who call whenever time passes."""

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-10":
            world.clock.passing = tenants

    world.seen.react = react
    return await world.conductor().move(world.model, "kserve", quick(probe_budget=0))


async def test_equal_engines_pass_with_no_tenants_at_all_and_say_by_what() -> None:
    world = World()
    all_take(world, 0.03)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is None
    steps = {one["id"]: one for one in result.receipt["steps"]}
    evidence = steps["shift-10"]["evidence"]["evidence"]
    assert evidence["verdict"] == "pass"
    assert evidence["probes"] <= Evidence().requests
    assert {one["measure"] for one in evidence["measures"]} == {measure for measure, _ in SHARES}
    assert steps["shift-10"]["waits"]["evidence"] > 0


@pytest.mark.parametrize("step", ["shift-10", "shift-50", "shift-100"])
async def test_a_target_three_times_as_slow_is_told_apart_and_tenants_are_given_back(step: str) -> None:
    world = World()
    all_take(world, 0.03)
    spoil(world, step, ttft=0.09)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == f"{step}.slower"
    assert "ttft p50" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_five_percent_of_errors_never_pass() -> None:
    world = World()
    all_take(world, 0.001)
    spoil(world, "shift-10", error_rate=0.05)
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code in ("shift-10.errors", "shift-10.inconclusive")


async def test_a_target_that_tenants_leave_is_told_though_its_engine_counts_nothing_of_them() -> None:
    world = World()
    all_take(world, 0.001)

    def tenants(seconds: float) -> None:
        for (namespace, _), engine in world.cluster.engines.items():
            for number in range(4):
                if namespace == "kserve" and number:
                    engine.left += 1
                else:
                    engine.end()

    result = await judged_by(world, tenants)
    assert result.error is not None
    assert result.error.code == "shift-10.errors"
    assert "aborted" in result.error.what
    assert world.serving() == {"raw-vllm": 100}


async def test_tenants_who_leave_early_where_whole_answers_end_late_are_no_sign_against_the_target() -> None:
    """Of what has ended soon after a shift, most was left; the source has answers that began long before."""
    world = World()
    all_take(world, 0.001)
    came = 0

    def tenants(seconds: float) -> None:
        nonlocal came
        came += 1
        for engine in world.cluster.engines.values():
            engine.under_way += 9
            engine.left += 1
        for (namespace, _), engine in world.cluster.engines.items():
            if namespace == "serving" or came > 40:
                for _ in range(9):
                    engine.end()
                engine.under_way -= 9

    result = await judged_by(world, tenants)
    assert result.error is not None
    assert result.error.code == "shift-10.inconclusive"


async def test_without_any_evidence_the_move_waits_for_a_person_who_may_go_on() -> None:
    world = World()
    result = await world.conductor().move(world.model, "kserve", quick(probe_budget=0))
    assert result.error is not None
    assert result.error.code == "shift-10.inconclusive"
    assert result.receipt["state"] == "paused"
    assert world.serving() == {"raw-vllm": 90, "kserve": 10}
    again = await Control(world.conductor("second@test/2")).ask(Verb.PROMOTE, "qwen")
    assert again.receipt["state"] == "paused"
    assert again.error is not None
    assert again.error.code == "shift-50.inconclusive"
    assert world.serving() == {"raw-vllm": 50, "kserve": 50}


@pytest.mark.parametrize("on", [True, False], ids=["resumed", "rolled-back"])
async def test_time_spent_on_evidence_is_a_wait_also_when_a_pause_ends_it(on: bool) -> None:
    world = World()
    options = quick(probe_budget=0, evidence_timeout=100.0)
    paused = (await world.conductor().move(world.model, "kserve", options)).receipt
    assert paused["state"] == "paused"
    assert paused["waits"]["evidence"] == pytest.approx(100, abs=1)
    assert paused["overheadSeconds"] <= paused["overheadGoalSeconds"]
    control = Control(world.conductor("second@test/2"))
    again = (await (control.resume("qwen") if on else control.ask(Verb.ROLLBACK, "qwen"))).receipt
    assert again["waits"]["evidence"] == pytest.approx(200 if on else 100, abs=2)
    assert again["overheadSeconds"] <= again["overheadGoalSeconds"]


async def test_a_few_errors_in_a_hold_are_what_tenants_are_used_to_and_many_are_not() -> None:
    for rate, code in ((0.0, None), (1.0, "hold.errors")):
        world = World()
        spoil(world, "hold", broken=rate > 0)
        watched = world.seen.react

        def tenants(seconds: float, world: World = world) -> None:
            for (namespace, _), engine in world.cluster.engines.items():
                if namespace == "kserve" and not engine.breaks():
                    engine.end()

        def react(happening: Happening, world: World = world, watched: object = watched) -> None:
            if happening.topic is Topic.STEP_BEGUN and happening.step == "hold":
                world.clock.passing = tenants
            watched(happening)  # type: ignore[operator]

        world.seen.react = react
        result = await world.conductor().move(world.model, "kserve", quick(hold=10))
        assert (result.error.code if result.error else None) == code


def test_histograms_are_read_under_the_newer_and_the_older_name() -> None:
    for name in ("inter_token_latency", "time_per_output_token"):
        text = (
            f'vllm:{name}_seconds_bucket{{le="0.01"}} 3.0\nvllm:{name}_seconds_bucket{{le="+Inf"}} 4.0\n'
            f"vllm:{name}_seconds_sum 0.5\n"
        )
        found = parse(text)
        assert found.itl is not None
        assert (found.itl.count, found.itl.mean) == (4, 0.125)
        assert found.ttft is None


def test_the_shares_and_the_looks_spend_what_there_is_and_no_more() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert sum(spent(look) for look in range(1, LOOKS + 1)) == pytest.approx(1.0)


def test_silence_is_no_evidence() -> None:
    nothing = Pair(Window(), Window())
    for look in range(1, LOOKS + 1):
        assert judge(nothing, Pair(Probed(), Probed()), Limits(), look).verdict is Verdict.INCONCLUSIVE


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_tails_add_up(drawn: int, marked: int, others: int) -> None:
    marked = min(marked, drawn + others)
    for seen in range(max(0, marked - others), min(drawn, marked) + 1):
        high, low = drawn_at_least(seen, drawn, marked, others), drawn_at_most(seen - 1, drawn, marked, others)
        assert high + low == pytest.approx(1.0)


def test_exact_tails_agree_with_numbers_known_otherwise() -> None:
    assert at_most(0, 59, 0.05) == pytest.approx(0.95**59)
    assert predicted_at_least(1, 1, 1, 3) == pytest.approx(0.25)
    assert drawn_at_least(5, 100, 5, 100) == pytest.approx(0.0298, rel=0.01)


@settings(max_examples=50)
@given(st.lists(st.floats(0.001, 9.0), min_size=30, max_size=80), st.lists(st.floats(0.001, 9.0), min_size=30))
def test_buckets_never_say_more_than_the_values_they_hide(target: list[float], source: list[float]) -> None:
    bounds = (*bench.TTFT[:-1], float("inf"))
    seen = [Histogram({one: float(sum(v <= one for v in side)) for one in bounds}) for side in (target, source)]
    for ratio in (1.1, 1.5):
        most = between(seen[0], seen[1], 0.5, ratio, 0.0, most=True)
        least = between(seen[0], seen[1], 0.5, ratio, 0.0, most=False)
        assert most is not None
        assert least is not None
        assert least.target <= most.target


def test_values_are_compared_at_a_ratio() -> None:
    fast, slow = Values.of([1.0] * 40), Values.of([1.6] * 40)
    worse = over(slow, fast, 0.5, 1.1, 0.0)
    assert (worse.target, worse.source) == (40, 0)
    fine = over(fast, fast, 0.5, 1.5, 0.0)
    assert (fine.target, fine.source) == (0, 40)


@pytest.mark.parametrize("case", bench.SAME, ids=lambda case: case.name)
def test_equals_are_rarely_failed(case: bench.Case) -> None:
    rates = bench.run(case, SHIFTS, seed=20)
    assert rates.verdicts[Verdict.FAIL] <= 3
    assert rates.verdicts[Verdict.PASS] >= 0.85 * SHIFTS


@pytest.mark.parametrize("case", bench.WORSE, ids=lambda case: case.name)
def test_worse_ones_are_rarely_passed(case: bench.Case) -> None:
    rates = bench.run(case, SHIFTS, seed=20)
    assert rates.verdicts[Verdict.PASS] <= 0.09 * SHIFTS
    assert rates.verdicts[Verdict.FAIL] >= 0.5 * SHIFTS


def test_a_method_that_alarms_too_easily_is_noticed() -> None:
    """The test above can fail: without division among measures and looks the alarms are many."""
    loose = Limits(false_alarm=10.0)
    told = Counter(bench.run(bench.SAME[3], 40, seed=20, limits=loose).verdicts)
    assert told[Verdict.FAIL] > 3
