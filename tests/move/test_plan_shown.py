"""What a move says before it begins, and what becomes of an agreement when the world has changed since."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.errors import RefusedError
from pointsman.move.means import spec_of
from pointsman.move.plan.file import refuse_unlike, save_plan
from pointsman.move.plan.plan import Plan
from pointsman.report.contract import Topic
from pointsman.report.plan import short_lines, summary_lines
from tests.cli.terminal import terminal
from tests.world.world import World, quick


async def planned(world: World) -> Plan:
    return await world.conductor().plan(world.model, "kserve", quick())


def priced(world: World, price: str) -> World:
    accelerator = world.model.spec.accelerator.model_validate({"gpusPerReplica": 1, "pricePerHour": price})
    spec = world.model.spec.model_copy(update={"accelerator": accelerator})
    world.model = world.model.model_copy(update={"spec": spec})
    return world


async def test_whoever_is_asked_sees_strategy_time_tenants_gpus_money_and_differences() -> None:
    plan = (await planned(priced(World(), "2.5"))).as_dict()
    text = "\n".join(summary_lines(plan))
    for part in (
        "qwen: raw-vllm → kserve, side-by-side: ",
        "  takes         ",
        "  tenants       always an engine that serves",
        "the edge is rolled 4 times",
        "  GPUs          1 GPU started (3 of 4 free), 1 GPU released",
        "  price         starts 2.5/h, stops 2.5/h",
        "  differs       the same on both layers",
        "  touched       ",
    ):
        assert part in text, text


async def test_a_kept_plan_is_shown_before_the_question(tmp_path: Path) -> None:
    world, file = priced(World(), "2.5"), tmp_path / "plan.json"
    save_plan(file, spec_of(world.model), await planned(world), quick())
    with terminal("apply", str(file)) as made:
        shown = made.until("move qwen to kserve?")
        os.write(made.end, b"n\n")
        shown += made.rest()
    for part in (
        "qwen: raw-vllm → kserve, side-by-side: ",
        "  tenants       always an",
        "  price         starts 2.5/h",
    ):
        assert part in shown, shown
    assert "error [stopped]" in shown


async def test_time_without_an_engine_is_told_first() -> None:
    world = World(gpus=1)
    plan = await world.conductor().plan(world.model, "kserve", quick(allow_downtime=600.0))
    assert plan.strategy == "gap"
    assert "without any engine (predicted)" in "\n".join(summary_lines(plan.as_dict()))
    assert "without any engine (predicted)" in short_lines(plan.as_dict())[0]


async def test_an_agreed_move_tells_its_plan_in_a_line_before_anything_is_begun() -> None:
    world = World()
    begun: list[bool] = []

    def first(plan: Plan) -> Sequence[str]:
        begun.append(any(ref.namespace == "pointsman-system" for ref in world.cluster.objects))
        return short_lines(plan.as_dict())

    await world.conductor().move(world.model, "kserve", quick(), first=first)
    notices = [one.text for one in world.seen.happenings if one.topic is Topic.NOTICE]
    assert begun == [False]
    assert notices[0].startswith("side-by-side, ")
    assert "1 GPU started (3 of 4 free), 1 GPU released; price unknown" in notices[0]


async def test_what_changed_while_the_question_was_open_refuses_the_move() -> None:
    world = World()
    shown = await planned(world)
    (only,) = world.edge.members
    world.edge.members = (replace(only, weight=50),)

    def first(plan: Plan) -> Sequence[str]:
        refuse_unlike(shown, plan)
        return ()

    before = world.workloads()
    with pytest.raises(RefusedError) as told:
        await world.conductor().move(world.model, "kserve", quick(), first=first)
    assert (told.value.code, "the alias" in told.value.what) == ("plan-stale", True)
    assert world.workloads() == before


async def test_a_gpu_that_others_took_meanwhile_refuses_nothing_while_the_strategy_stays() -> None:
    world = World()
    shown = await planned(world)
    refuse_unlike(shown, replace(shown, fingerprint={**shown.fingerprint, "capacity": "1 of 4 accelerators free"}))
    with pytest.raises(RefusedError, match="strategy"):
        refuse_unlike(shown, replace(shown, fingerprint={**shown.fingerprint, "strategy": "gap"}))
