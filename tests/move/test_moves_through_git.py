"""Moves whose alias is changed by commits: a real repository, and an Argo CD in memory that puts all else back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.errors import NeedsPersonError, RefusedError
from pointsman.move.context import Options
from pointsman.move.control import Control
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result, spec_of
from pointsman.move.plan.file import load_plan, save_plan
from pointsman.move.plan.plan import Plan
from pointsman.report.plan import plan_lines
from tests.move.test_kill_everywhere import SECOND
from tests.world.cluster import Write
from tests.world.git import APPLICATION, PLACE, GitWorld
from tests.world.virtual import run_virtually
from tests.world.world import lenient, quick

RAW = "http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1"
KSERVE = "http://qwen-kserve.kserve.svc.cluster.local:8000/v1"


def options() -> Options:
    return quick(in_git=PLACE, ready_timeout=30.0)


def world_in(folder: Path, *, looks: int = 1) -> GitWorld:
    folder.mkdir(parents=True, exist_ok=True)
    world = GitWorld(folder, looks=looks)
    world.model = lenient(world.model)
    return world


async def moved(world: GitWorld, chosen: Options | None = None) -> Result:
    return await world.conductor().move(world.model, "kserve", chosen or options())


async def planned(world: GitWorld, chosen: Options) -> Plan:
    return await world.conductor().plan(world.model, "kserve", chosen)


def test_each_change_is_one_commit_and_everything_else_in_the_file_stays(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    before = world.values()
    result = run_virtually(moved(world))
    assert result.error is None, result.error
    assert world.in_git() == {KSERVE: 100}
    assert all(one == {KSERVE: 100} for one in world.running())
    assert len(world.marks()) == 4
    assert {mark.split()[0] for mark in world.marks()} == {result.receipt["move"]}
    assert [line for line in before.splitlines() if "raw-vllm" not in line and line not in world.values()] == []
    assert result.receipt["waits"]["argo-cd"] > 0


def test_the_log_of_a_move_reads_as_a_person_would_have_written_it(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    assert run_virtually(moved(world)).error is None
    assert [subject for subject, _ in world.log()] == [
        "qwen-local: raw vLLM 90, KServe 10",
        "qwen-local: raw vLLM 50, KServe 50",
        "qwen-local: raw vLLM 0, KServe 100",
        "qwen-local: KServe alone",
    ]
    bodies = [" ".join(body.split()) for _, body in world.log()]
    assert bodies[0].startswith("qwen moves from raw vLLM to KServe, which serves and keeps the contract. 10 % of its")
    assert bodies[1] == "KServe was no worse than raw vLLM with 10 % of the tenants, so 50 % go there now."
    assert bodies[3].startswith("KServe serves all tenants and stays. raw vLLM leaves the alias")
    assert all(len(line) <= 72 for _, body in world.log() for line in body.splitlines())


def test_what_takes_a_move_back_says_why(tmp_path: Path) -> None:
    world = world_in(tmp_path)

    def lose(write: Write) -> None:
        world.argo(write)
        if len(world.marks()) == 2:
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.broken = namespace == "kserve"

    world.cluster.after = lose
    result = run_virtually(moved(world))
    assert result.receipt["state"] == "undone"
    subject, body = world.log()[-1]
    assert subject == "qwen-local: back to raw vLLM alone"
    said = " ".join(body.split())
    assert said.startswith("The move of qwen from raw vLLM to KServe is taken back: shift-50: ")
    assert said.endswith("Tenants are where they were before it.")


def test_all_at_once_is_one_commit_told_in_the_plan_with_what_it_gives_up(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    at_once = replace(options(), shares=(100,))
    plan = run_virtually(planned(world, at_once)).as_dict()
    assert plan["shifting"]["changes"] == [{"step": "shift-100", "subject": "qwen-local: KServe alone"}]
    assert "100 % of the tenants are on KServe before it is compared" in plan["shifting"]["givesUp"]
    told = "\n".join(plan_lines(plan))
    assert "commits       1 to platform/litellm/values.yaml on origin/main" in told
    assert "gives up      100 % of the tenants are on KServe before" in told
    result = run_virtually(moved(world, at_once))
    assert result.error is None, result.error
    assert [subject for subject, _ in world.log()] == ["qwen-local: KServe alone"]
    assert [step["id"] for step in result.receipt["steps"]] == [
        *("preflight", "deploy", "serve-ready", "contract", "shift-100", "hold", "drain", "park"),
    ]
    assert all(one == {KSERVE: 100} for one in world.running())


def test_shares_that_are_chosen_are_the_moves_steps(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    result = run_virtually(moved(world, replace(options(), shares=(25, 100))))
    assert result.error is None, result.error
    assert [subject for subject, _ in world.log()] == [
        "qwen-local: raw vLLM 75, KServe 25",
        "qwen-local: raw vLLM 0, KServe 100",
        "qwen-local: KServe alone",
    ]


def test_the_usual_steps_give_nothing_up(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    plan = run_virtually(planned(world, options())).as_dict()
    assert (len(plan["shifting"]["changes"]), plan["shifting"]["givesUp"]) == (4, "")


def test_a_plan_through_git_is_kept_and_read_again(tmp_path: Path) -> None:
    world = world_in(tmp_path / "world")
    chosen = replace(options(), shares=(50, 100))
    made = run_virtually(planned(world, chosen))
    save_plan(tmp_path / "p.json", spec_of(world.model), made, chosen)
    assert load_plan(tmp_path / "p.json").chosen == chosen


def test_the_pause_after_a_lost_race_is_a_wait_for_git_and_not_the_moves_own_time(tmp_path: Path) -> None:
    world, pushes = world_in(tmp_path), list[str]()

    def starting(argv: Sequence[object]) -> None:
        if "push" in argv:
            pushes.append("ours")
            if len(pushes) == 1:
                world.push(world.values(), "Somebody was quicker")

    result = run_virtually(moved(world), starting)
    assert result.error is None, result.error
    assert len(pushes) == len(world.marks()) + 1
    assert result.receipt["waits"]["git"] > 0


def test_git_that_declares_something_else_than_the_cluster_refuses_a_plan(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    served = f"{RAW}\n        weight: 60"
    world.push(world.values().replace(RAW, served), "Sixty of whatever there is")
    with pytest.raises(RefusedError) as refused:
        run_virtually(moved(world))
    assert refused.value.code == "preflight.edge-in-git"
    assert not world.marks()


def test_an_application_that_does_not_deploy_the_edge_refuses_a_plan(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    world.change(APPLICATION, {"status": {"resources": []}})
    with pytest.raises(RefusedError) as refused:
        run_virtually(moved(world))
    assert refused.value.code == "preflight.delivery"


def test_somebody_who_edits_the_alias_in_git_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    theirs: list[str] = []

    def edit(write: Write) -> None:
        world.argo(write)
        if len(world.marks()) == 1 and not theirs and write.ref.name.startswith("qwen-2026"):
            theirs.append(world.values().replace("weight: 90", "weight: 70"))
            world.push(theirs[0], "More for the new one")

    world.cluster.after = edit
    result = run_virtually(moved(world))
    assert theirs
    assert result.error is not None
    assert "weight: 70" in theirs[0]
    assert result.receipt["state"] != "done"


DECIDED = (("weight: 90", "weight: 70"), ("weight: 50", "weight: 40"), ("weight: 0\n", "weight: 5\n"))


def quicker(world: GitWorld, number: int) -> Result:
    """A move whose push of that number comes just after somebody's who decided otherwise about the same alias."""
    pushes: list[str] = []

    def starting(argv: Sequence[object]) -> None:
        if "push" in argv:
            pushes.append("ours")
            if len(pushes) == number:
                text = world.values()
                for old, new in DECIDED:
                    text = text.replace(old, new)
                world.push(text, "A newer decision")

    return run_virtually(moved(world), starting)


@pytest.mark.parametrize(
    ("number", "step", "stands"),
    [
        (2, "shift-50", {RAW: 70, KSERVE: 10}),
        (3, "shift-100", {RAW: 40, KSERVE: 40}),
        (4, "detach", {RAW: 5, KSERVE: 100}),
    ],
)
def test_a_newer_decision_between_our_look_and_our_push_stands_and_a_person_is_asked(
    tmp_path: Path, number: int, step: str, stands: dict[str, float]
) -> None:
    world = world_in(tmp_path)
    result = quicker(world, number)
    assert isinstance(result.error, NeedsPersonError), result.error
    assert (result.error.code, result.receipt["state"]) == (f"{step}.drift", "paused")
    assert "alias edited: git declares" in result.error.what
    assert "(Somebody in " in result.error.what
    assert result.error.next_action == "put it back and pointsman resume qwen, or pointsman rollback qwen"
    assert world.in_git() == stands
    assert all(one == stands for one in world.running())
    assert len(world.marks()) == number - 1
    assert run_virtually(asked(world, None)).receipt["state"] == "paused", "it still stands there"
    assert world.in_git() == stands
    assert run_virtually(asked(world, Verb.ROLLBACK)).receipt["state"] == "undone"
    assert world.in_git() == {RAW: 100}


def test_a_newer_decision_that_is_put_back_lets_the_move_go_on(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    assert quicker(world, 2).receipt["state"] == "paused"
    world.push(world.values().replace("weight: 70", "weight: 90"), "As it was")
    assert run_virtually(asked(world, None)).receipt["state"] == "done"
    assert world.in_git() == {KSERVE: 100}
    assert len(world.marks()) == len(set(world.marks())) == 4


async def asked(world: GitWorld, verb: Verb | None) -> Result:
    """Another process: a verb, or resume."""
    control = Control(world.conductor(SECOND))
    return await (control.resume("qwen") if verb is None else control.ask(verb, "qwen"))
