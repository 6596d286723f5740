"""What contains what, asked of git repositories that cannot always tell."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from pointsman.delivery.ancestry import Answer, Repository, same_commit
from pointsman.errors import UsageError
from tests.delivery.test_traps import repository


def asked(path: Path | None, revision: str, commit: str) -> Answer:
    return asyncio.run(Repository(path).contains(revision, commit))


def test_an_ancestor_is_contained_and_nothing_else(tmp_path: Path) -> None:
    first, second, third, _ = repository(tmp_path / "git")
    assert asked(tmp_path / "git", third, first) == Answer(True)
    assert asked(tmp_path / "git", third, second[:9]) == Answer(True)
    assert asked(tmp_path / "git", first, third) == Answer(False)


def test_a_clone_that_was_cut_off_does_not_say_no(tmp_path: Path) -> None:
    first, _, _, last = repository(tmp_path / "git")
    url = f"file://{tmp_path / 'git'}"
    subprocess.run(("git", "clone", "-q", "--depth", "2", url, str(tmp_path / "short")), check=True)
    found = asked(tmp_path / "short", last, first)
    assert found.yes is None
    assert asked(tmp_path / "git", last, "f" * 40).yes is None, "a commit that it does not have"
    newest = subprocess.run(
        ("git", "-C", str(tmp_path / "short"), "rev-list", "HEAD"), capture_output=True, text=True, check=True
    ).stdout.split()
    told = asked(tmp_path / "short", newest[-1], newest[0])
    assert (told.yes, "shallow" in told.why) == (None, True)


def test_what_is_no_repository_cannot_tell(tmp_path: Path) -> None:
    assert asked(tmp_path, "a" * 40, "b" * 40).yes is None
    assert asked(None, "a" * 40, "b" * 40).why == "no local repository was named (--repository)"
    assert "is no commit" in asked(tmp_path, "--upload-pack=x", "b" * 40).why
    with pytest.raises(UsageError):
        Repository(tmp_path / "nowhere")


def test_an_abbreviated_commit_is_the_same() -> None:
    assert same_commit("abcdef0", "ABCDEF0123456789")
    assert not same_commit("abcdef", "abcdef0123"), "too short to mean one commit"
    assert not same_commit("1.2.3", "1.2.3")
