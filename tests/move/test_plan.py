"""A plan says what a move will do, is kept in a file, and is refused when what it was made from has changed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.errors import RefusedError, UsageError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.context import Options
from pointsman.move.diff import Change, differences
from pointsman.move.journal.ledger import Ledger
from pointsman.move.means import spec_of
from pointsman.move.plan.file import load_plan, refuse_changed, save_plan
from pointsman.report.plan import plan_lines
from tests.docs.schemas.holding import held
from tests.spec.text import TEXT, loaded
from tests.world.world import World, quick

OPTIONS = Options(hold=2.0)


async def test_a_plan_names_every_object_and_step_and_changes_nothing() -> None:
    world = World()
    before = copy.deepcopy(world.cluster.objects)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert world.cluster.objects == before
    assert {one.action for one in plan.objects} == {"make", "park"}
    assert [one["id"] for one in plan.steps][-2:] == ["drain", "park"]
    assert all(one["act"] and one["check"] and one["undo"] for one in plan.steps)
    held("plan", plan.as_dict())
    text = "\n".join(plan_lines(plan.as_dict()))
    assert "+ make" in text
    assert "v park" in text
    assert "no move there yet: a default" in text
    assert "1 needed, 3 of 4 free" in text


async def test_a_plan_tells_what_runs_otherwise_on_the_target(tmp_path: Path) -> None:
    long = f"registry.example.com/{'x' * 60}@sha256:{{}}"
    own = "args: [--dtype=float32, --no-enforce-eager]\n      env: {OMP_NUM_THREADS: '7', BOTH: b}\n      replicas: 2\n"
    text = TEXT.replace("    kserve:\n", f"    kserve:\n      image: {long.format('b' * 64)}\n      {own}")
    text = text.replace("    args:\n", "    env: {ALIKE: x, BOTH: a}\n    args:\n      - --dtype=bfloat16\n")
    text = re.sub(r"(?m)^    image: .*$", f"    image: {long.format('a' * 64)}", text)
    world = World()
    world.model = loaded(tmp_path, text)
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert plan.checks["engines"].split("; ") == [
        f"image is …{'a' * 30} on raw-vllm, …{'b' * 30} on kserve",
        "--dtype is bfloat16 on raw-vllm, float32 on kserve",
        "replicas is 1 on raw-vllm, 2 on kserve",
        "--enforce-eager is not set on raw-vllm, turned off on kserve",
        "BOTH is set differently on both",
        "OMP_NUM_THREADS is set on kserve only",
    ]
    assert "  engines       image is …" in "\n".join(plan_lines(plan.as_dict()))


async def test_a_plan_says_that_nothing_runs_otherwise() -> None:
    world = World()
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    assert plan.checks["engines"] == "the same on both layers"


async def test_what_the_plan_says_is_what_the_move_does() -> None:
    world = World()
    plan = await world.conductor().plan(world.model, "kserve", OPTIONS)
    existed = set(world.workloads())
    result = await world.conductor().move(world.model, "kserve", quick())
    made = {name for name in world.workloads() if name not in existed}
    planned = {str(one.ref) for one in plan.objects if one.action == "make"}
    assert planned <= made
    assert [one["id"] for one in result.receipt["steps"] if one["id"] != "preflight"] == [
        one["id"] for one in plan.steps
    ]
    parked = {name for name, replicas in world.workloads().items() if replicas == 0}
    assert {str(one.ref) for one in plan.objects if one.action == "park"} <= parked


async def test_a_second_move_there_is_predicted_from_the_first() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    await world.conductor("second@test/2").move(world.model, "raw-vllm", quick())
    plan = await world.conductor("third@test/3").plan(world.model, "kserve", OPTIONS)
    held("plan", plan.as_dict())
    sources = {one.step: one.source for one in plan.prediction.steps}
    assert sources["serve-ready"] == "median of 1 move there"
    assert sources["hold"] == "as asked"
    assert {one.action for one in plan.objects} >= {"wake", "park"}


async def test_a_move_that_would_be_refused_has_no_plan() -> None:
    world = World()
    with pytest.raises(RefusedError) as refused:
        await world.conductor().plan(world.model, "raw-vllm", OPTIONS)
    assert refused.value.code == "preflight.target-differs"


def another_alias(world: World) -> None:
    (only,) = world.edge.members
    world.edge.members = (replace(only, weight=50),)


def fewer_gpus(world: World) -> None:
    spec = {"nodeName": "node-0", "containers": [{"name": "x", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    pod = {"kind": "Pod", "metadata": {"name": "other", "namespace": "x"}, "spec": spec, "status": {"phase": "Running"}}
    world.cluster.objects[Ref(kind_of("Pod"), "other", "x")] = pod


def another_replica_count(world: World) -> None:
    ref = Ref(kind_of("Deployment"), "qwen-raw-vllm", "serving")
    found = copy.deepcopy(world.cluster.objects[ref])
    found["metadata"]["generation"] = 7
    world.cluster.objects[ref] = found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (another_alias, "the alias"),
        (fewer_gpus, "capacity (3 of 4 accelerators free"),
        (another_replica_count, "Deployment serving/qwen-raw-vllm"),
    ],
)
async def test_a_kept_plan_is_refused_when_the_world_changed(
    tmp_path: Path, change: Callable[[World], None], named: str
) -> None:
    world = World()
    file = tmp_path / "plan.json"
    save_plan(file, spec_of(world.model), await world.conductor().plan(world.model, "kserve", OPTIONS), OPTIONS)
    saved = load_plan(file)
    refuse_changed(saved, await world.conductor().plan(world.model, "kserve", OPTIONS))
    change(world)
    with pytest.raises(RefusedError, match="since the plan was made") as refused:
        refuse_changed(saved, await world.conductor().plan(world.model, "kserve", OPTIONS))
    assert named in refused.value.what


async def test_the_journal_says_which_kept_plan_was_applied(tmp_path: Path) -> None:
    world, file = World(), tmp_path / "plan.json"
    save_plan(file, spec_of(world.model), await world.conductor().plan(world.model, "kserve", OPTIONS), OPTIONS)
    saved = load_plan(file)
    assert saved.digest
    result = await world.conductor().move(world.model, "kserve", quick(), plan_digest=saved.digest)
    progress = (await Ledger(world.cluster, world.clock).load(result.receipt["move"])).progress
    assert progress.plan.plan_digest == saved.digest


async def test_a_plan_that_was_edited_or_is_none_is_not_applied(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "plan.json"
    save_plan(file, spec_of(world.model), await world.conductor().plan(world.model, "kserve", OPTIONS), OPTIONS)
    data = json.loads(file.read_text())
    for text, said in (
        (json.dumps(data | {"target": "llm-d"}), "changed after it was made"),
        (json.dumps(data | {"version": 2}), "version 2"),
        (file.read_text()[:100], "is no plan"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=said):
            load_plan(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_plan(tmp_path / "none.json")


def test_differences_name_fields_by_path() -> None:
    before = {"spec": {"replicas": 1, "containers": [{"image": "a"}]}, "same": 1}
    after = {"spec": {"replicas": 2, "containers": [{"image": "b"}]}, "same": 1}
    assert list(differences(before, after)) == [
        Change("spec.containers[0].image", "a", "b"),
        Change("spec.replicas", 1, 2),
    ]
