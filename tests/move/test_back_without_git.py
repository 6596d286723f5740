"""The way back while git, or Argo CD, is down: in the cluster at once, held there, and committed when it is back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.delivery.argocd.hold import FOR, SKIP
from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result
from pointsman.move.overview import overview
from pointsman.move.records import remember
from tests.move.test_kill_everywhere import SECOND, Died
from tests.move.test_moves_through_git import KSERVE, RAW, moved, world_in
from tests.world.cluster import Write
from tests.world.edge_of_others import CONFIG
from tests.world.git import APPLICATION, GitWorld
from tests.world.layers import LAYERS
from tests.world.virtual import Clock, run_virtually

TARGET = Ref(kind_of("Deployment"), "qwen-kserve", "kserve")


def healing(folder: Path) -> GitWorld:
    """Argo CD puts back at once what others write."""
    world = world_in(folder)
    world.heals = True
    return world


def after_commits(world: GitWorld, count: int, then: Callable[[], None]) -> None:
    """Do it once the move's commit of that number has arrived, and the step that made it is over."""
    done: list[bool] = []
    inner = world.cluster.after

    def after(write: Write) -> None:
        inner(write)
        journal = write.ref.name.startswith("qwen-2026") and '"outcome"' in str(write.body)
        if not done and journal and len(world.marks()) >= count:
            done.append(True)
            then()

    world.cluster.after = after


def notes(world: GitWorld) -> dict[str, str]:
    found: dict[str, str] = world.cluster.objects[APPLICATION]["metadata"]["annotations"]
    return found


async def rolled_back(world: GitWorld) -> Result:
    return await Control(world.conductor(SECOND)).ask(Verb.ROLLBACK, "qwen")


def back(world: GitWorld) -> bool:
    """Do tenants have the source, in the cluster and on every replica?"""
    return all(one == {RAW: 100} for one in world.running())


async def progress(world: GitWorld) -> Any:
    return (await Ledger(world.cluster, Clock()).moves(model="qwen"))[0].progress


def test_with_git_away_tenants_are_back_at_once_and_held_there_though_argo_cd_heals(tmp_path: Path) -> None:
    world = healing(tmp_path)
    after_commits(world, 2, world.away)
    result = run_virtually(moved(world))
    assert isinstance(result.error, NeedsPersonError)
    assert (result.error.code, result.receipt["state"]) == ("alias-owed", "undo-stuck")
    assert "tenants are back on raw vLLM, by a change of the cluster alone" in result.error.what
    assert "git does not have it yet" in result.error.what
    assert back(world)
    assert world.in_git() == {RAW: 50, KSERVE: 50}
    move = result.receipt["move"]
    assert (notes(world)[SKIP], notes(world)[FOR]) == ("true", move)
    assert world.cluster.objects[TARGET]["spec"]["replicas"] == 1, "git still sends tenants there"


def test_when_git_is_back_a_rollback_commits_it_lets_argo_cd_go_on_and_ends_the_move(tmp_path: Path) -> None:
    world = healing(tmp_path)
    after_commits(world, 2, world.away)
    run_virtually(moved(world))
    world.away(gone=False)
    result = run_virtually(rolled_back(world))
    assert (result.error, result.receipt["state"]) == (None, "undone")
    assert (back(world), world.in_git()) == (True, {RAW: 100})
    assert {SKIP, FOR}.isdisjoint(notes(world))
    assert TARGET not in world.cluster.objects
    assert len(world.marks()) == len(set(world.marks())) == 3


def test_what_is_owed_is_in_the_journal_and_in_status_until_it_is_done(tmp_path: Path) -> None:
    world = healing(tmp_path)
    run_virtually(remember(world.cluster, world.model))
    after_commits(world, 1, world.away)
    run_virtually(moved(world))
    owed = run_virtually(progress(world)).owed
    assert (owed["held"], owed["application"]) == (True, "argocd/litellm")
    assert "commit qwen-raw-vllm 100 to platform/litellm/values.yaml on origin/main" in owed["what"]
    assert run_virtually(shown(world))["move"]["owed"] == owed
    still = run_virtually(rolled_back(world))
    assert still.error is not None
    assert still.error.code == "alias-owed"
    assert run_virtually(progress(world)).owed["held"] is True
    world.away(gone=False)
    assert run_virtually(rolled_back(world)).error is None
    assert run_virtually(shown(world))["move"] is None


async def shown(world: GitWorld) -> dict[str, Any]:
    async def aliases(models: Any) -> Any:
        return {model.name: await world.edge_for(model).read() for model in models}

    return (await overview(world.cluster, Clock(), LAYERS, aliases))[0]


def test_a_rollback_that_a_person_asks_for_goes_back_without_git_too(tmp_path: Path) -> None:
    world = healing(tmp_path)

    def die() -> None:
        raise Died

    after_commits(world, 3, die)
    with pytest.raises(Died):
        run_virtually(moved(world))
    world.cluster.after = world.argo
    world.away()
    result = run_virtually(rolled_back(world))
    assert result.error is not None
    assert (result.error.code, back(world)) == ("alias-owed", True)
    world.away(gone=False)
    assert run_virtually(rolled_back(world)).receipt["state"] == "undone"
    assert world.in_git() == {RAW: 100}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_write_of_the_way_back_the_hold_is_taken_back_by_the_next_one(
    tmp_path: Path, moment: str
) -> None:
    deaths = 0
    for number in range(9):
        world = healing(tmp_path / str(number))
        after_commits(world, 1, world.away)
        if not dies(world, number, moment):
            continue
        deaths += 1
        world.away(gone=False)
        result = run_virtually(rolled_back(world))
        assert (result.error, result.receipt["state"]) == (None, "undone"), number
        assert {SKIP, FOR}.isdisjoint(notes(world)), number
        assert (back(world), world.in_git()) == (True, {RAW: 100}), number
        assert len(world.marks()) == len(set(world.marks())), number
    assert deaths >= 6


def dies(world: GitWorld, number: int, moment: str) -> bool:
    """The process ends at the write of that number, counted from the one that fails the move."""
    seen: list[Write] = []
    failed: list[bool] = []

    def die(write: Write) -> None:
        if '"failed"' in str(write.body):
            failed.append(True)
        if failed and write.ref.kind.name != "Lease":
            seen.append(write)
            if len(seen) == number + 1:
                raise Died

    inner = world.cluster.after
    if moment == "before":
        world.cluster.before = die
    else:

        def after(write: Write) -> None:
            inner(write)
            die(write)

        world.cluster.after = after
    try:
        run_virtually(moved(world))
    except Died:
        return True
    finally:
        world.cluster.before, world.cluster.after = lambda write: None, world.argo
    return False


def test_with_argo_cd_down_git_has_it_and_the_cluster_too_and_nothing_is_held(tmp_path: Path) -> None:
    world = healing(tmp_path)

    def sleep() -> None:
        world.asleep = True

    after_commits(world, 2, sleep)
    result = run_virtually(moved(world))
    assert result.error is not None
    assert (result.error.code, result.receipt["state"]) == ("alias-owed", "undo-stuck")
    assert "Argo CD does not say so" in result.error.what
    assert (back(world), world.in_git()) == (True, {RAW: 100})
    assert SKIP not in notes(world)
    assert TARGET in world.cluster.objects
    world.asleep = False
    assert run_virtually(rolled_back(world)).receipt["state"] == "undone"
    assert FOR not in notes(world)
    assert TARGET not in world.cluster.objects


def test_argo_cd_that_was_only_slow_leaves_nothing_owed(tmp_path: Path) -> None:
    world = healing(tmp_path)
    world.looks = 1
    writes: list[int] = []

    def slow() -> None:
        world.asleep = True
        world.cluster.before = wake

    def wake(write: Write) -> None:
        if write.ref == CONFIG:
            writes.append(1)
            world.asleep = False

    after_commits(world, 2, slow)
    result = run_virtually(moved(world))
    assert (len(writes) >= 1, result.receipt["state"]) == (True, "undone")
    assert (back(world), world.in_git(), FOR in notes(world)) == (True, {RAW: 100}, False)


def test_a_hold_that_somebody_takes_off_is_recognised_after_one_round(tmp_path: Path) -> None:
    world = healing(tmp_path)
    after_commits(world, 2, world.away)
    inner, rounds = world.cluster.after, []

    def strip(write: Write) -> None:
        inner(write)
        if write.ref == APPLICATION and SKIP in notes(world):
            notes(world).pop(SKIP)
        if write.ref == CONFIG and world.in_git() == {RAW: 50, KSERVE: 50}:
            rounds.append(write)

    world.cluster.after = strip
    result = run_virtually(moved(world))
    assert result.error is not None
    assert "undid it at once" in result.error.what
    assert FOR not in notes(world)
    written = [one for one in rounds if RAW in str(one.body) and KSERVE not in str(one.body)]
    assert len(written) == 1, "it was put back once, and no race was run"
    world.cluster.after = world.argo
    world.away(gone=False)
    assert run_virtually(rolled_back(world)).receipt["state"] == "undone"


def test_a_newer_decision_in_git_is_not_overwritten_when_git_is_back(tmp_path: Path) -> None:
    world = healing(tmp_path)
    after_commits(world, 2, world.away)
    run_virtually(moved(world))
    world.away(gone=False)
    theirs = world.values().replace("weight: 50", "weight: 40", 1)
    world.push(theirs, "Ten fewer")
    result = run_virtually(rolled_back(world))
    assert result.error is not None
    assert "git declares" in result.error.what
    assert (back(world), world.values()) == (True, theirs)
    assert notes(world)[SKIP] == "true"


def test_a_move_does_not_begin_on_an_edge_that_is_held(tmp_path: Path) -> None:
    world = healing(tmp_path)
    notes(world)[SKIP] = "true"
    with pytest.raises(Exception, match="leave it alone") as told:
        run_virtually(moved(world))
    assert getattr(told.value, "code", "") == "preflight.delivery"
