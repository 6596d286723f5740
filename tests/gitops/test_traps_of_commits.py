"""Traps of commits: others push, rewrite, merge or break something beside a move, on the real Argo CD with selfHeal.

Tenants call the model in each of them, and every commit is held against the moves. What the program does is seen in
memory in every run, so these are left to ``make gitops-faults``. Each begins on whichever layer serves.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pointsman.delivery.argocd.hold import SKIP
from tests.conftest import RunningLab
from tests.gitops.commits import VALUES, weights
from tests.gitops.initialised import Platform, serving
from tests.gitops.looking import found
from tests.gitops.odd_values import odd, only_weights, taken_out
from tests.gitops.others import NOTE, Colleague, Forge, closed, merged, squashed, watching
from tests.gitops.trapped import Told, Trap, committed, step_begun
from tests.move.platform import pointsman_in

pytestmark = pytest.mark.lab
MEMORY = "move.test_moves_through_git"


@pytest.fixture(scope="module")
def platform(git_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with serving(git_lab, tmp_path_factory.mktemp("ours")) as made:
        yield made


@pytest.mark.trap(
    "6: a colleague pushes between our look and our push, at every commit",
    twin="delivery.git.test_races::test_a_race_that_is_lost_while_the_push_is_under_way",
)
async def test_every_push_loses_its_race_once_and_theirs_stay(trap: Trap, tmp_path: Path) -> None:
    theirs = Colleague(trap, tmp_path / "theirs")
    change = f"{NOTE} && echo '# noted' >> {VALUES}"
    async with trap.tenants(61):
        with theirs.quicker(change, "Notes, and a line of the edge's file"):
            moved = await asyncio.to_thread(trap.move)
    assert moved.state == "done", moved.error
    trap.stands(trap.target)
    assert len(theirs.made()) == len(trap.commits()) == 4
    assert trap.bare("show", "main:NOTES").count("more") == 4
    assert trap.bare("show", f"main:{VALUES}").count("# noted") == 4
    trap.happened = "4 pushes of ours were refused by git, made anew on theirs, and pushed; all 4 of theirs stay"


@pytest.mark.trap(
    "6: a newer decision about the same alias lands between our look and our push",
    twin=f"{MEMORY}::test_a_newer_decision_between_our_look_and_our_push_stands_and_a_person_is_asked",
)
async def test_a_newer_decision_stands_and_the_operator_takes_the_move_back(trap: Trap, tmp_path: Path) -> None:
    theirs = Colleague(trap, tmp_path / "theirs")
    decided = rf"sed -i 's/weight: 90\b/weight: 70/; s/weight: 10\b/weight: 30/' {VALUES}"
    stands = {f"qwen-{trap.source}": 70, f"qwen-{trap.target}": 30}
    async with trap.tenants(62):
        with theirs.quicker(decided, "Thirty for the new one", number=2):
            moved = await asyncio.to_thread(trap.move)
        assert (moved.exit, moved.code, moved.state) == (4, "shift-50.drift", "paused"), moved.error
        assert "Colleague in " in moved.error["what"]
        assert weights(trap.platform) == stands
        await asyncio.to_thread(trap.in_sync)
        assert len(trap.commits()) == 1
        back = await asyncio.to_thread(trap.run, "rollback", "qwen", "--yes")
    assert (back.exit, back.state) == (0, "undone"), back.error
    trap.stands(trap.source)
    assert len(theirs.made()) == 1
    trap.happened = "it paused with nothing half done and theirs (70, 30) stood, until the operator rolled back"


@pytest.mark.trap(
    "7: killed right after its first push, then resumed",
    twin="move.test_killed_through_git::test_a_move_killed_anywhere_makes_no_commit_twice_and_git_is_what_runs",
)
async def test_killed_between_push_and_journal_it_is_resumed_without_a_second_commit(trap: Trap) -> None:
    async with trap.tenants(63):
        await asyncio.to_thread(trap.move, hear=committed)
        resumed = await asyncio.to_thread(trap.run, "resume", "qwen")
    assert trap.ended[0].exit < 0, "it ended before its first commit"
    assert (resumed.exit, resumed.state) == (0, "done"), resumed.error
    trap.stands(trap.target)
    assert len(trap.commits()) == 4
    trap.happened = "another process found the commit and went on; no commit was made twice"


RECEIVES = '#!/bin/sh\ngit-receive-pack "$@"\necho "fatal: the connection broke" >&2\nexit 1\n'


@pytest.mark.trap(
    "7: every push arrives, and is told as failed",
    twin="delivery.git.test_killed::test_a_push_that_ends_badly_is_looked_for_before_anything_is_said_or_done",
)
async def test_a_push_that_arrived_and_was_told_as_failed_is_found(trap: Trap, tmp_path: Path) -> None:
    script = tmp_path / "receive-pack"
    script.write_text(RECEIVES, "utf-8")
    script.chmod(0o755)
    trap.platform("git", "config", "remote.origin.receivepack", str(script))
    try:
        async with trap.tenants(64):
            moved = await asyncio.to_thread(trap.move)
    finally:
        trap.platform("git", "config", "--unset", "remote.origin.receivepack")
    assert moved.state == "done", moved.error
    trap.stands(trap.target)
    assert len(trap.commits()) == 4
    trap.happened = "git said 4 times that the push failed; each commit was looked for and found, and none made again"


@pytest.mark.trap(
    "8: main is protected; of the pull requests one is squashed and its branch deleted, others are merged",
    twin="move.test_moves_by_pull_request::test_however_it_is_merged_the_move_goes_on",
)
async def test_pull_requests_are_merged_one_way_and_the_other(trap: Trap) -> None:
    forge = Forge(trap, merged, squashed, merged)
    async with trap.tenants(65):
        with forge.protecting():
            moved = await asyncio.to_thread(trap.move, "--pull-request", "--shift", "50,100")
    assert moved.state == "done", moved.error
    trap.stands(trap.target)
    assert len(set(forge.proposed)) == len(trap.commits()) == 3
    trap.happened = "3 branches were pushed, and nothing to main; it went on when main said what was wanted"


@pytest.mark.trap(
    "8: main is protected; the pull request is closed unmerged, and merged when it is proposed anew",
    twin="move.test_moves_by_pull_request::test_closed_without_a_merge_pauses_and_resuming_proposes_it_anew",
)
async def test_a_pull_request_that_was_closed_pauses_the_move(trap: Trap) -> None:
    forge = Forge(trap, closed, merged)
    async with trap.tenants(66):
        with forge.protecting():
            moved = await asyncio.to_thread(trap.move, "--pull-request", "--shift", "100")
            assert (moved.exit, moved.code, moved.state) == (4, "shift-100.merge-closed", "paused"), moved.error
            assert trap.commits() == []
            resumed = await asyncio.to_thread(trap.run, "resume", "qwen")
    assert (resumed.exit, resumed.state) == (0, "done"), resumed.error
    trap.stands(trap.target)
    assert forge.proposed[0] == forge.proposed[1]
    assert len(trap.commits()) == 1
    trap.happened = "it paused with tenants where they were; resumed, it proposed the same and went on"


@pytest.mark.trap(
    "10: a rival puts the weights back in git after each commit of ours",
    twin="move.test_fights::test_somebody_who_takes_every_commit_of_the_alias_back_is_told_by_name_and_not_raced",
)
async def test_a_rival_that_puts_every_commit_back_is_named_and_not_raced(trap: Trap, tmp_path: Path) -> None:
    rival = Colleague(trap, tmp_path / "rival", "Rival")
    before = tmp_path / "before.yaml"
    before.write_bytes((rival.here.path / VALUES).read_bytes())
    answered: set[str] = set()

    def answer() -> None:
        new = {one.id for one in trap.commits() if one.move} - answered
        answered.update(new)
        if new:
            rival.push(f"cp '{before}' {VALUES}", "As it should be")

    async with trap.tenants(67):
        with watching(answer):
            moved = await asyncio.to_thread(trap.move)
    assert (moved.exit, moved.state) == (3, "undone"), moved.error
    assert "Rival in " in moved.error["what"], moved.error
    trap.stands(trap.source)
    assert len(trap.commits()) == 1, "a race was run"
    trap.happened = f"{len(rival.made())} commit of theirs followed ours; the move was given back, and tenants with it"


@pytest.mark.trap(
    "10: git is away on the way back, and selfHeal would undo what is put back in the cluster",
    twin="move.test_back_without_git::test_when_git_is_back_a_rollback_commits_it_lets_argo_cd_go_on_and_ends_the_move",
)
async def test_with_git_away_tenants_are_back_at_once_and_git_is_told_later(trap: Trap) -> None:
    def leave(told: Told) -> None:
        if step_begun(told, "shift-50"):
            trap.platform("git", "remote", "set-url", "origin", "nowhere.git")

    async with trap.tenants(68):
        try:
            moved = await asyncio.to_thread(trap.move, hear=leave)
        finally:
            trap.platform("git", "remote", "set-url", "origin", str(trap.platform.remote))
        assert (moved.exit, moved.code, moved.state) == (4, "alias-owed", "undo-stuck"), moved.error
        assert held(trap)
        assert told_by_doctor(trap, "PM734")
        assert weights(trap.platform) == {f"qwen-{trap.source}": 90, f"qwen-{trap.target}": 10}
        back = await asyncio.to_thread(trap.run, "rollback", "qwen", "--yes")
    assert (back.exit, back.state) == (0, "undone"), back.error
    assert not held(trap)
    assert not told_by_doctor(trap, "PM734")
    trap.stands(trap.source)
    assert len(trap.commits()) == 2
    trap.happened = "tenants were back at once, and Argo CD was held; rolled back later, git said so too and it went on"


def told_by_doctor(trap: Trap, check: str) -> list[str]:
    """What this check finds in the cluster."""
    lab = trap.platform.lab
    done = pointsman_in(lab)("doctor", "--kubeconfig", str(lab.kubeconfig), "--check", check, "--output", "json")
    assert done.returncode in (0, 1), done.stderr
    return [one["what"] for one in json.loads(done.stdout)["findings"]]


def held(trap: Trap) -> bool:
    notes = found(trap.platform.lab, "application", "litellm")["metadata"].get("annotations") or {}
    return SKIP in notes


@pytest.mark.trap(
    "9: the edge's file has CRLF, no final newline, trailing comments, an anchor, and its entries as flow maps",
    twin="move.test_moves_through_git::test_each_change_is_one_commit_and_everything_else_in_the_file_stays",
)
async def test_commits_touch_the_weights_of_an_odd_file_and_nothing_else(trap: Trap, tmp_path: Path) -> None:
    theirs = Colleague(trap, tmp_path / "theirs")
    strange = odd((theirs.here.path / VALUES).read_bytes())
    (tmp_path / "odd.yaml").write_bytes(strange)
    kept = f"echo '{VALUES} -text' >> .gitattributes"
    theirs.push(f"{kept} && cp '{tmp_path / 'odd.yaml'}' {VALUES}", "As somebody writes it")
    assert values(trap.platform, "main") == strange, "git made it usual"
    trap.in_sync()
    async with trap.tenants(69):
        moved = await asyncio.to_thread(trap.move)
    assert moved.state == "done", moved.error
    trap.stands(trap.target)
    texts = [strange, *(values(trap.platform, one.id) for one in trap.commits())]
    assert len(texts) == 5
    assert [taken_out(text) == taken_out(strange) for text in texts] == [True] * 5
    assert [only_weights(*pair) for pair in pairwise(texts)] == [False, True, True, False]
    trap.happened = (
        "an entry came with the first commit and one went with the last; between, only weights' digits changed"
    )


def values(platform: Platform, commit: str) -> bytes:
    command = ["git", "--git-dir", str(platform.remote), "cat-file", "blob", f"{commit}:{VALUES}"]
    return subprocess.run(command, capture_output=True, check=True).stdout
