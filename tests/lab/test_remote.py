"""The repository that stands for a git host, with git as its client."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.lab.gitops import remote

Git = Callable[..., subprocess.CompletedProcess[str]]

REFUSED = {
    "github": ("error: GH006: Protected branch update failed for refs/heads/main.", "protected branch hook declined"),
    "github-rules": ("error: GH013: Repository rule violations", "push declined due to repository rule violations"),
    "gitlab": ("GitLab: You are not allowed to push code to protected branches", "pre-receive hook declined"),
    "gitea": ("Gitea: Not allowed to push to protected branch main", "pre-receive hook declined"),
}


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "platform.git"
    remote.make(path)
    return path


@pytest.fixture
def git(tmp_path: Path, bare: Path) -> Git:
    """Git in a clone that has one commit more than the remote."""
    clone = tmp_path / "clone"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        return subprocess.run(["git", *named, *words], cwd=clone, capture_output=True, text=True, check=False)

    subprocess.run(["git", "clone", "--quiet", str(bare), str(clone)], check=True, capture_output=True)
    run("commit", "--quiet", "--allow-empty", "--message=one")
    return run


def head(git: Git, ref: str) -> str:
    return git("ls-remote", "origin", ref).stdout.partition("\t")[0]


def test_a_push_to_main_is_let_through(git: Git) -> None:
    assert git("push", "origin", "HEAD:main").returncode == 0
    assert head(git, "refs/heads/main") == git("rev-parse", "HEAD").stdout.strip()


@pytest.mark.parametrize("host", REFUSED)
def test_a_protected_main_refuses_in_the_words_of_its_host_and_takes_other_branches(
    git: Git, bare: Path, host: str
) -> None:
    remote.protect(bare, host)
    told, reason = REFUSED[host]
    pushed = git("push", "origin", "HEAD:main")
    assert pushed.returncode == 1
    assert f"remote: {told}" in pushed.stderr
    assert f"! [remote rejected] HEAD -> main ({reason})" in pushed.stderr
    assert not head(git, "refs/heads/main")
    assert git("push", "origin", "HEAD:refs/heads/side").returncode == 0
    assert head(git, "refs/heads/side")


def test_a_main_that_is_protected_no_more_takes_pushes_again(git: Git, bare: Path) -> None:
    remote.protect(bare, "gitea")
    assert remote.protected_as(bare) == "gitea"
    remote.protect(bare, "")
    assert not remote.protected_as(bare)
    assert git("push", "origin", "HEAD:main").returncode == 0


def test_who_is_behind_is_refused_as_everywhere(git: Git) -> None:
    git("push", "origin", "HEAD:main")
    git("reset", "--quiet", "--hard", "HEAD~0")
    git("commit", "--quiet", "--amend", "--allow-empty", "--message=another")
    pushed = git("push", "origin", "HEAD:main")
    assert pushed.returncode == 1
    assert "[rejected]" in pushed.stderr
    assert "(non-fast-forward)" in pushed.stderr or "(fetch first)" in pushed.stderr


def test_making_it_again_keeps_what_is_in_it(git: Git, bare: Path) -> None:
    git("push", "origin", "HEAD:main")
    before = head(git, "refs/heads/main")
    remote.make(bare)
    assert head(git, "refs/heads/main") == before
