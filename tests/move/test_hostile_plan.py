"""Kept plans that somebody rewrote and signed anew: what is carried out is what this program plans now, or nothing.

A plan's digest keeps mistakes out, not people: whoever can write the file can compute it. So nothing of the plan in it
is carried out; its model, target and options are planned again, and what differs is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import PointsmanError
from pointsman.move.means import spec_of
from pointsman.move.plan.file import Saved, _digest, load_plan, refuse_changed, save_plan
from tests.cli.test_foreign_text import ACTS, acting
from tests.world.world import World, quick

Forge = Callable[[dict[str, Any]], None]


def steps(data: dict[str, Any]) -> None:
    data["plan"]["steps"] = [{"id": "park", "title": "park everything"}]


FORGERIES: dict[str, Forge] = {
    "another model's spec under this name": lambda data: data["spec"]["spec"].update(servedModelName="other"),
    "another target": lambda data: data.update(target="llm-d"),
    "a target that is a path": lambda data: data.update(target="../../etc"),
    "a target that acts": lambda data: data.update(target=ACTS),
    "a name that is a path": lambda data: data["spec"]["metadata"].update(name="../secrets/key"),
    "another name": lambda data: data["spec"]["metadata"].update(name="billing"),
    "an alias of somebody else": lambda data: data["spec"]["spec"]["tenant"].update(alias="billing-chat"),
    "an edge elsewhere": lambda data: data["spec"]["spec"]["tenant"].update(edge={"namespace": "kube-system"}),
    "a fingerprint that acts": lambda data: data["plan"]["fingerprint"].update(capacity=ACTS),
    "a part that does not exist": lambda data: data["plan"]["fingerprint"].update({ACTS: ACTS}),
    "a drain that never ends": lambda data: data["options"].update(drain_timeout=1e300),
    "an option that is none": lambda data: data["options"].update(force=True),
    "a name to leave that is none": lambda data: data["options"].update(leave=[{"a": ACTS}]),
}


async def kept(world: World, path: Path) -> dict[str, Any]:
    """A plan's file as it was written."""
    options = quick()
    made = await world.conductor().plan(world.model, "kserve", options)
    save_plan(path, spec_of(world.model), made, options)
    found: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_text, "utf-8"))
    return found


def signed(data: dict[str, Any], path: Path) -> None:
    """Write it with a digest that fits."""
    data["digest"] = _digest(Saved.model_validate(data))
    path.write_text(json.dumps(data), encoding="utf-8")


async def applied(world: World, path: Path) -> str:
    """What ``apply`` does up to the move: read, plan again, compare."""
    saved = await asyncio.to_thread(load_plan, path)
    refuse_changed(saved, await world.conductor().plan(saved.model, saved.target, saved.chosen))
    return saved.target


async def test_a_plan_that_nobody_touched_is_carried_out(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "plan.json"
    signed(await kept(world, path), path)
    assert await applied(world, path) == "kserve"


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_forged_plan_is_refused_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    world, path = World(), tmp_path / "plan.json"
    data = await kept(world, path)
    FORGERIES[kind](data)
    signed(data, path)
    before = dict(world.cluster.objects)
    with pytest.raises(PointsmanError) as refused:
        await applied(world, path)
    assert acting("\n".join(refused.value.lines())) == set()
    assert refused.value.next_action
    assert world.cluster.objects == before


async def test_steps_that_somebody_wrote_into_it_are_not_taken(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "plan.json"
    data = await kept(world, path)
    steps(data)
    signed(data, path)
    saved = load_plan(path)
    planned = await world.conductor().plan(saved.model, saved.target, saved.chosen)
    refuse_changed(saved, planned)
    assert [one["id"] for one in planned.as_dict()["steps"]] != ["park"]
