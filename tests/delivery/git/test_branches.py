"""A branch that is asked for again and again costs one short run of git as long as nobody pushes to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.delivery.git.branches import Branches
from pointsman.delivery.git.program import Git
from pointsman.delivery.git.tree import file_at
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, Ground


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What git was asked since the last look: a program of that name stands before it and keeps a list."""
    real, kept, folder = shutil.which("git"), tmp_path / "asked", tmp_path / "bin"
    folder.mkdir()
    shim = folder / "git"
    shim.write_text(f'#!/bin/sh\necho "$3" >> {kept}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def since() -> list[str]:
        found = kept.read_text().split() if kept.exists() else []
        kept.unlink(missing_ok=True)
        return found

    return since


async def content(git: Git, tip: str) -> bytes | None:
    return await file_at(git, tip, FILE)


async def test_a_branch_that_did_not_move_is_not_fetched(ground: Ground, runs: Callable[[], list[str]]) -> None:
    asked = Branches(ground.clone, "origin", "main")
    assert await asked.at_tip(content) == CONFIG
    runs()
    assert await asked.at_tip(content) == CONFIG
    assert runs() == ["ls-remote", "cat-file"]


async def test_a_branch_that_moved_is_looked_at_anew(ground: Ground) -> None:
    asked = Branches(ground.clone, "origin", "main")
    assert await asked.at_tip(content) == CONFIG
    ground.colleague({FILE: b"nodes: 4\n"})
    assert await asked.at_tip(content) == b"nodes: 4\n"
    ground.colleague({FILE: None})
    assert await asked.at_tip(content) is None


async def test_several_branches_are_asked_for_at_once(ground: Ground, runs: Callable[[], list[str]]) -> None:
    ground.colleague({"a": b"a"}, branch="other/main")
    asked = Branches(ground.clone, "origin", "main")
    await asked.tips("main")
    runs()
    found = await asked.tips("main", "other/main", "none")
    assert runs() == ["ls-remote"]
    assert found == {"main": ground.tip(), "other/main": ground.tip("other/main")}


async def test_a_branch_that_goes_away_is_an_error_and_not_what_it_was(ground: Ground) -> None:
    asked = Branches(ground.clone, "origin", "main")
    await asked.at_tip(content)
    (ground.remote / "refs" / "heads" / "main").unlink()
    with pytest.raises(RefusedError) as caught:
        await asked.at_tip(content)
    assert caught.value.code == "git-branch-missing"
