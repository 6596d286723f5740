"""Benchmark and soak of moves through git can say no: each thing that must not be is told."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.moves_through_git import short_of

from tests.gitops.commits import Commit, unexplained

FILE = "platform/litellm/values.yaml"
GOOD: dict[str, Any] = {
    "from": "raw-vllm",
    "to": "kserve",
    **{"lost": 0, "wrong": 0, "cut": 0, "requests": 800},
    "waits": {"git": 0.7, "argo-cd": 9.1},
    **{"overheadSeconds": 6.9, "overheadGoalSeconds": 7.0},
}


def commit(mark: str, *paths: str) -> Commit:
    trailer = f"\n\nPointsman-Move: {mark}" if mark else ""
    return Commit("1" * 40, "An Operator", f"qwen-local: 90, 10{trailer}", paths or (FILE,))


def test_a_move_as_it_is_meant_and_its_commits_are_not_refused() -> None:
    assert list(short_of(GOOD)) == []
    assert list(unexplained([commit("qwen-1 alias-a-1"), commit("qwen-1 alias-b-1")], ["qwen-1"])) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lost": 1}, "1 lost"),
        ({"cut": 2}, "2 cut"),
        ({"wrong": 1}, "1 wrong"),
        ({"requests": 499}, "only 499 requests"),
        ({"overheadSeconds": 7.1}, "own time 7.1 s, at most 7.0 s"),
        ({"waits": {"argo-cd": 9.1}}, "not told apart"),
    ],
)
def test_a_move_that_falls_short_is_told(change: dict[str, Any], told: str) -> None:
    (said,) = short_of(GOOD | change)
    assert said.startswith("raw-vllm → kserve: ")
    assert told in said


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (commit(""), "commit of none of the moves, by An Operator: qwen-local: 90, 10"),
        (commit("qwen-2 alias-a-1"), "commit of none of the moves"),
        (commit("qwen-1 alias-b-1", FILE, "README.md"), "commit of 2 files"),
        (commit("qwen-1 alias-a-1"), "made twice: qwen-1 alias-a-1"),
    ],
    ids=["no trailer", "another move", "two files", "twice"],
)
def test_a_commit_that_no_move_explains_is_told(more: Commit, told: str) -> None:
    (said,) = unexplained([commit("qwen-1 alias-a-1"), more], ["qwen-1"])
    assert said.startswith(told)


def test_a_move_without_a_commit_is_told_unless_it_may_have_none() -> None:
    assert list(unexplained([], ["qwen-1"])) == ["qwen-1 made no commit"]
    assert list(unexplained([], ["qwen-1"], silent=True)) == []
