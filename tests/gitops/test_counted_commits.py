"""Commits that a trap did not make itself are found and counted, and one that nobody explains makes its row not ok."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.gitops.commits import VALUES, foreign, tally
from tests.gitops.repository import Clone
from tests.gitops.table import NOBODY, Row

OURS = "qwen-local: raw vLLM 90, KServe 10\n\nPointsman-Move: qwen-1 alias-a-1"


@pytest.fixture
def mine(tmp_path: Path) -> Clone:
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "r.git")], check=True)
    made = cloned(tmp_path, "mine")
    made.push({VALUES: "weight: 100\n"}, "A platform")
    return made


def cloned(folder: Path, name: str) -> Clone:
    command = ["git", "clone", "--quiet", str(folder / "r.git"), str(folder / name)]
    subprocess.run(command, check=True, capture_output=True)
    return Clone(folder / name)


def row(mine: Clone, *moves: str, lost: str = NOBODY) -> Row:
    return Row("a trap", "it happened", "0", "synced", lost, tally(foreign(mine), moves), passed=True)


def test_what_the_test_pushed_itself_is_none(mine: Clone) -> None:
    mine.push({"one.yaml": "a: 1\n"}, "Mine too")
    assert foreign(mine) == []
    assert row(mine).line() == "| a trap | it happened | 0 | synced | - | 0 | 0 | yes |\n"


def test_a_branch_that_is_not_there_has_none(mine: Clone) -> None:
    assert foreign(Clone(mine.path, "other")) == []


def test_a_commit_of_a_program_that_names_no_move_makes_the_row_not_ok(mine: Clone, tmp_path: Path) -> None:
    cloned(tmp_path, "theirs").push({VALUES: "weight: 90\n"}, "Nobody knows why")
    mine.git("pull", "--quiet", "--ff-only")
    mine.push({"one.yaml": "a: 1\n"}, "Mine, on top of it")
    assert row(mine).line() == "| a trap | it happened | 0 | synced | - | 1 | 0 | NO |\n"
    assert row(mine).tally.odd == ("commit of none of the moves, by An Operator: Nobody knows why",)


def test_a_commit_of_no_file_at_all_is_found_too(mine: Clone, tmp_path: Path) -> None:
    theirs = cloned(tmp_path, "theirs")
    theirs.git("commit", "--quiet", "--allow-empty", "--message=Nothing")
    theirs.git("push", "--quiet", "origin", "HEAD:main")
    assert row(mine).line().endswith("| 1 | 0 | NO |\n")


def test_a_commit_of_the_move_is_explained_once_and_for_the_edges_file_alone(mine: Clone, tmp_path: Path) -> None:
    theirs = cloned(tmp_path, "theirs")
    theirs.push({VALUES: "weight: 90\n"}, OURS)
    assert row(mine, "qwen-1", lost="0").line().endswith("| 0 | 1 | 1 | yes |\n")
    assert not row(mine, "qwen-2").ok
    theirs.push({VALUES: "weight: 80\n"}, OURS)
    assert row(mine, "qwen-1").line().endswith("| 2 | 1 | NO |\n")
    theirs.push({VALUES: "weight: 50\n", "NOTES": "more\n"}, OURS.replace("a-1", "b-1"))
    assert row(mine, "qwen-1").line().endswith("| 3 | 1 | NO |\n")


def test_a_lost_request_makes_the_row_not_ok(mine: Clone) -> None:
    assert row(mine, lost="0").ok
    assert not row(mine, lost="1").ok
