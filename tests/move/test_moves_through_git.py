"""Moves whose alias is changed by commits: a real repository, and an Argo CD in memory that puts all else back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.errors import RefusedError
from pointsman.move.context import Options
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import REVERSIBLE
from pointsman.move.means import Result
from tests.move.test_kill_everywhere import SECOND, Died, records
from tests.world.cluster import Write
from tests.world.git import APPLICATION, PLACE, GitWorld
from tests.world.virtual import Clock, run_virtually
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


async def moved(world: GitWorld) -> Result:
    return await world.conductor().move(world.model, "kserve", options())


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
    assert result.receipt["waits"]["delivery"] > 0


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


def sampled(step: int, start: int) -> Callable[[int], bool]:
    return lambda number: number % step == start


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(sampled(12, 9), id="some"),
        pytest.param(lambda number: number % 12 != 9, id="the rest", marks=pytest.mark.soak),
    ],
)
@pytest.mark.parametrize("verb", ["resume", "rollback"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_a_record_no_commit_is_made_twice_and_git_is_what_runs(
    tmp_path: Path, moment: str, verb: str, chosen: Callable[[int], bool]
) -> None:
    undisturbed = world_in(tmp_path / "undisturbed")
    assert run_virtually(moved(undisturbed)).error is None
    deaths = 0
    for number in range(2, records(undisturbed) + 1):
        if chosen(number):
            deaths += killed(world_in(tmp_path / str(number), looks=number % 3), number, moment, verb)
    assert deaths >= 2


def killed(world: GitWorld, number: int, moment: str, verb: str) -> bool:
    """A move whose process dies around this record is brought to an end by another; was there anything to end?"""

    def die(write: Write) -> None:
        body = write.body if isinstance(write.body, dict) else {}
        if write.ref.name.startswith("qwen-2026") and f"{number:06d}" in (body.get("data") or {}):
            raise Died

    def after(write: Write) -> None:
        world.argo(write)
        if moment == "after":
            die(write)

    world.cluster.before = die if moment == "before" else lambda write: None
    world.cluster.after = after
    with pytest.raises(Died):
        run_virtually(moved(world))
    world.cluster.before, world.cluster.after = lambda write: None, world.argo
    result = run_virtually(ended(world, verb))
    if result is None:
        return False
    assert result.error is None, (number, result.error)
    wanted = {RAW: 100} if result.receipt["state"] == "undone" else {KSERVE: 100}
    assert world.in_git() == wanted, number
    assert all(one == wanted for one in world.running()), number
    assert len(world.marks()) == len(set(world.marks())), number
    return True


async def ended(world: GitWorld, verb: str) -> Result | None:
    """Brought to an end by another process; None when there is no open move."""
    open_moves = await Ledger(world.cluster, Clock()).moves(model="qwen")
    if not open_moves:
        return None
    control = Control(world.conductor(SECOND))
    back = verb == "rollback" and open_moves[0].progress.state in REVERSIBLE
    return await (control.ask(Verb.ROLLBACK, "qwen") if back else control.resume("qwen"))
