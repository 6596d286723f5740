"""Whatever state the user's clone is in, a delivery leaves all of it as it was, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.delivery.git import Edit, Outcome
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, Ground, change, git, untouched

WANTED = CONFIG.replace(b"gateway: false", b"gateway: true")


def _dirty(ground: Ground) -> Path:
    (ground.clone / FILE).write_bytes(b"half an edit")
    (ground.clone / "new.txt").write_bytes(b"untracked")
    return ground.clone


def _staged(ground: Ground) -> Path:
    (ground.clone / FILE).write_bytes(b"staged\n")
    git(ground.clone, "add", "-A")
    (ground.clone / FILE).write_bytes(b"and more\n")
    git(ground.clone, "rm", "-q", "README.md")
    return ground.clone


def _stashed(ground: Ground) -> Path:
    git(_dirty(ground), "stash", "-q", "-u")
    return ground.clone


def _diverged(ground: Ground) -> Path:
    (ground.clone / "mine.txt").write_bytes(b"mine\n")
    git(ground.clone, "add", "-A")
    git(ground.clone, "commit", "-qm", "not pushed")
    git(ground.clone, "checkout", "-q", "-b", "topic")
    return ground.clone


def _merging(ground: Ground) -> Path:
    git(ground.clone, "checkout", "-q", "-b", "theirs")
    (ground.clone / "README.md").write_bytes(b"theirs\n")
    git(ground.clone, "commit", "-qam", "theirs")
    git(ground.clone, "checkout", "-q", "main")
    (ground.clone / "README.md").write_bytes(b"ours\n")
    git(ground.clone, "commit", "-qam", "ours")
    git(ground.clone, "merge", "theirs", check=False)
    assert (ground.clone / ".git/MERGE_HEAD").exists()
    return ground.clone


def _rebasing(ground: Ground) -> Path:
    _merging(ground)
    git(ground.clone, "merge", "--abort")
    git(ground.clone, "rebase", "theirs", check=False)
    assert (ground.clone / ".git/rebase-merge").exists()
    return ground.clone


def _linked(ground: Ground) -> Path:
    git(ground.clone, "worktree", "add", "-q", "-b", "linked", str(ground.root / "linked"))
    (ground.root / "linked" / "README.md").write_bytes(b"dirty\n")
    return ground.root / "linked"


def _shallow(ground: Ground) -> Path:
    for number in range(3):
        ground.colleague({"README.md": b"%d\n" % number})
    git(ground.root, "clone", "-q", "--depth=1", f"file://{ground.remote}", "shallow")
    return ground.root / "shallow"


def _partial(ground: Ground) -> Path:
    git(ground.remote, "config", "uploadpack.allowFilter", "true")
    git(ground.root, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{ground.remote}", "partial")
    return ground.root / "partial"


def _bare(ground: Ground) -> Path:
    git(ground.root, "clone", "-q", "--bare", str(ground.remote), "bare")
    return ground.root / "bare"


def _sparse(ground: Ground) -> Path:
    ground.colleague({"big/one.txt": b"1", "big/two.txt": b"2"})
    git(ground.clone, "pull", "-q")
    git(ground.clone, "sparse-checkout", "set", "--cone", "--sparse-index", "environments")
    assert not (ground.clone / "big").exists()
    return ground.clone


def _split_index(ground: Ground) -> Path:
    git(ground.clone, "config", "core.splitIndex", "true")
    git(ground.clone, "update-index", "--split-index")
    return ground.clone


def _submodule(ground: Ground) -> Path:
    git(ground.root, "clone", "-q", "--bare", str(ground.remote), "part.git")
    part = str(ground.root / "part.git")
    git(ground.clone, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part, "part")
    git(ground.clone, "commit", "-qm", "a submodule")
    git(ground.clone, "push", "-q")
    (ground.clone / "part" / "README.md").write_bytes(b"dirty inside\n")
    git(ground.clone, "config", "push.recurseSubmodules", "on-demand")
    git(ground.clone, "config", "fetch.recurseSubmodules", "true")
    git(ground.clone, "config", "submodule.recurse", "true")
    return ground.clone


def _folder_inside(ground: Ground) -> Path:
    return ground.clone / "environments" / "lab"


def _odd_settings(ground: Ground) -> Path:
    for name, value in {
        "fetch.prune": "true",
        "fetch.pruneTags": "true",
        "push.followTags": "true",
        "log.showSignature": "true",
        "core.quotePath": "true",
        "core.logAllRefUpdates": "always",
        "i18n.commitEncoding": "ISO-8859-1",
        "color.ui": "always",
        "diff.noprefix": "true",
        "push.default": "nothing",
    }.items():
        git(ground.clone, "config", name, value)
    git(ground.clone, "tag", "-a", "-m", "mine alone", "v1")
    git(ground.clone, "update-ref", "refs/remotes/origin/old", "HEAD")
    return ground.clone


STATES: tuple[Callable[[Ground], Path], ...] = (
    _dirty,
    _staged,
    _stashed,
    _diverged,
    _merging,
    _rebasing,
    _linked,
    _shallow,
    _partial,
    _bare,
    _sparse,
    _split_index,
    _submodule,
    _folder_inside,
    _odd_settings,
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__[1:])
async def test_a_clone_in_this_state_is_left_as_it_was(ground: Ground, state: Callable[[Ground], Path]) -> None:
    folder = state(ground)
    top = ground.clone if ground.clone in (folder, *folder.parents) else folder
    before = {place: untouched(place) for place in {top, ground.clone}}
    ground.colleague({"since.txt": b"unseen\n"})
    gone = set(git(ground.remote, "ls-tree", "-r", "main").splitlines())
    delivered = await ground.deliver(folder=folder)
    assert delivered.outcome is Outcome.MADE
    assert {place: untouched(place) for place in {top, ground.clone}} == before
    assert ground.read() == WANTED
    left = gone ^ set(git(ground.remote, "ls-tree", "-r", "main").splitlines())
    assert {line.split("\t")[1] for line in left} == {FILE}
    assert git(ground.remote, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


async def test_what_git_replace_shows_in_this_clone_is_not_what_is_built_upon(ground: Ground) -> None:
    (ground.clone / "README.md").write_bytes(b"as only this clone sees it\n")
    git(ground.clone, "commit", "-qam", "another")
    git(ground.clone, "replace", "HEAD~1", "HEAD")
    await ground.deliver()
    assert ground.read("README.md") == b"# Platform\n"


async def test_a_fetch_moves_no_remote_tracking_ref_and_a_push_moves_the_one_it_pushed_to(ground: Ground) -> None:
    seen = git(ground.clone, "rev-parse", "refs/remotes/origin/main")
    ground.colleague({"other.yaml": b"a: 1\n"})
    await ground.deliver(change(wanted=lambda files: "no"))
    assert git(ground.clone, "rev-parse", "refs/remotes/origin/main") == seen
    delivered = await ground.deliver()
    assert git(ground.clone, "rev-parse", "refs/remotes/origin/main") == delivered.commit


@pytest.mark.parametrize(
    ("attributes", "setting"),
    [(b"* text=auto eol=crlf\n", "true"), (b"*.yaml filter=shout ident\n", "input"), (b"* -text\n", "false")],
)
async def test_bytes_in_the_tree_are_those_of_the_edit(ground: Ground, attributes: bytes, setting: str) -> None:
    git(ground.clone, "config", "core.autocrlf", setting)
    git(ground.clone, "config", "filter.shout.clean", "tr a-z A-Z")
    git(ground.clone, "config", "filter.shout.required", "true")
    ground.colleague({".gitattributes": attributes, FILE: CONFIG.replace(b"\n", b"\r\n")})
    git(ground.clone, "pull", "-q", check=False)
    await ground.deliver()
    assert ground.read() == WANTED.replace(b"\n", b"\r\n")
    odd = b"\xff\x00 no line end $Id$"
    await ground.deliver(change(mark=change().mark.__class__("m-2", "odd"), edits=(Edit("a.yaml", lambda *_: odd),)))
    assert ground.read("a.yaml") == odd


async def test_an_executable_stays_one(ground: Ground) -> None:
    script = ground.clone / "run.sh"
    script.write_bytes(b"#!/bin/sh\n")
    script.chmod(0o755)
    git(ground.clone, "add", "-A")
    git(ground.clone, "commit", "-qm", "a script")
    git(ground.clone, "push", "-q")
    await ground.deliver(change(edits=(Edit("run.sh", lambda before, files: (before or b"") + b"exit 0\n"),)))
    assert git(ground.remote, "ls-tree", "main", "run.sh").startswith("100755 ")


def _with_odd_paths(ground: Ground) -> None:
    os.symlink("README.md", ground.clone / "link.yaml")
    os.symlink("environments", ground.clone / "envs")
    os.symlink("/etc", ground.clone / "etc")
    _submodule(ground)
    git(ground.clone, "add", "link.yaml", "envs", "etc")
    git(ground.clone, "commit", "-qm", "links")
    git(ground.clone, "push", "-q", "--recurse-submodules=no")


async def test_paths_that_are_no_ordinary_file_of_the_repository_are_refused(ground: Ground) -> None:
    _with_odd_paths(ground)
    tip, wrong = ground.tip(), {}
    for path in (
        *("link.yaml", "envs/lab/config.yaml", "etc/passwd", "part", "part/README.md", "environments"),
        *(
            "README.md/x",
            "../out",
            "environments/../../out",
            "/etc/passwd",
            ".git/config",
            "a/.GIT/hooks/x",
            "",
            "a//b",
        ),
        *("./a", "a\nb", "a\\b"),
    ):
        with pytest.raises(RefusedError) as caught:
            await ground.deliver(change(edits=(Edit(path, lambda *_: b"x"),)))
        assert caught.value.code == "git-path", path
        wrong[path] = caught.value.what.partition(": ")[2]
    assert ground.tip() == tip
    assert wrong["link.yaml"] == "it is a symbolic link, not a file"
    assert wrong["envs/lab/config.yaml"] == "envs is a symbolic link, not a folder"
    assert wrong["part/README.md"] == "part is a submodule, not a folder"
    assert wrong["environments"] == "it is a folder"
    assert wrong["../out"] == "the path leads out of the repository"


async def test_a_caller_inside_a_hook_leads_us_nowhere_else(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    before = untouched(ground.clone)
    monkeypatch.setenv("GIT_DIR", str(ground.root / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(ground.clone / ".git" / "index"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert (await ground.deliver()).outcome is Outcome.MADE
    monkeypatch.delenv("GIT_DIR")
    assert untouched(ground.clone) == before
