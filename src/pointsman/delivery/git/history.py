"""Finding commits of ours, and what they wrote, in a history that others go on with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.delivery.git.changes import TRAILER, Made, Mark
from pointsman.delivery.git.lines import stands
from pointsman.delivery.git.program import Git
from pointsman.delivery.git.tree import read_tree
from pointsman.errors import RefusedError

__all__ = [
    "Author",
    "Written",
    "author",
    "find",
    "is_ancestor",
    "known",
    "last_change",
    "lines_stand",
    "marked",
    "parent_of",
    "touching",
    "written",
]

FURTHEST = 5000
"""Commits that are walked at most, newest first, where the base is not known."""
_NAME = re.compile(r"[0-9a-f]{40,64}")
_LOG = ("log", "-z", "--no-show-signature", "--no-color", "--encoding=UTF-8")


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a commit, before and after it."""

    path: str
    before: Made
    after: Made


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a commit, and when."""

    commit: str
    name: str
    at: str
    """ISO 8601, with the author's own zone."""

    def __str__(self) -> str:
        return f"{self.name} in {self.commit[:12]}, {self.at}"


async def known(git: Git, commit: str) -> bool:
    """Is the commit in this clone?"""
    return bool(_NAME.fullmatch(commit)) and (await git.run("cat-file", "-e", f"{commit}^{{commit}}")).ok


async def is_ancestor(git: Git, commit: str, tip: str) -> bool:
    """Does ``tip`` contain the commit? In a clone that was cut off, perhaps no where a whole one says yes."""
    return (await git.run("merge-base", "--is-ancestor", commit, tip)).ok


async def find(git: Git, tip: str, mark: Mark, since: str = "") -> str:
    """The first commit up to ``tip`` whose message has the mark's line; empty when there is none.

    ``since`` is what the branch pointed at before anything was pushed; without it, or when this clone does not have
    it, the newest ``FURTHEST`` commits are looked through.
    """
    span = f"{since}..{tip}" if since and await known(git, since) else tip
    answer = await git.text(*_LOG, f"--max-count={FURTHEST}", "--format=%H%n%B", span, "--")
    found = ""
    for record in answer.split("\0"):
        name, _, message = record.partition("\n")
        if mark.line in (line.rstrip() for line in message.splitlines()):
            found = name
    return found


async def marked(git: Git, commit: str, move: str) -> bool:
    """Does the commit's message say that it was made for this move, whatever the step?"""
    message = await git.text(*_LOG, "-1", "--format=%B", commit, "--")
    return any(line.startswith(f"{TRAILER}: {move} ") for line in message.splitlines())


async def last_change(git: Git, tip: str, paths: Sequence[str]) -> str:
    """The newest commit that touched one of these files; the tip itself when none is known to."""
    found = await git.text(*_LOG, "-1", "--format=%H", tip, "--", *(f":(top,literal){path}" for path in paths))
    return found.strip("\0") or tip


async def touching(git: Git, since: str, tip: str, path: str, most: int = 200) -> list[str]:
    """Commits after ``since`` that touched a file, the oldest first."""
    answer = await git.text(
        *_LOG, f"--max-count={most}", "--format=%H", f"{since}..{tip}", "--", f":(top,literal){path}"
    )
    return [one for one in reversed(answer.split("\0")) if one]


async def author(git: Git, commit: str) -> Author:
    """Who made it, and when."""
    name, at = (await git.text(*_LOG, "-1", "--format=%an%n%aI", commit, "--")).strip("\0").splitlines()
    return Author(commit, name, at)


async def parent_of(git: Git, commit: str) -> str:
    """Its first parent; empty when it has none, or this clone does not have it."""
    said = await git.run("rev-parse", "--verify", "--quiet", f"{commit}^1^{{commit}}")
    return said.out.decode().strip() if said.ok else ""


async def written(git: Git, commit: str) -> tuple[Written, ...]:
    """What a commit changed against its first parent; raises RefusedError when this clone cannot tell."""
    parent = await parent_of(git, commit)
    if not parent:
        raise RefusedError(
            f"what commit {commit[:12]} changed cannot be told: its parent is not in this clone",
            where=str(git.folder),
            next_action="git fetch --unshallow there, then run it again",
            code="git-history-cut",
        )
    old = await read_tree(git, parent)
    new = await read_tree(git, commit)
    names = sorted(old.entries.keys() | new.entries.keys())
    paths = [path for path in names if old.entries.get(path) != new.entries.get(path)]
    before, after = await old.read(paths), await new.read(paths)
    return tuple(Written(path, before.get(path), after.get(path)) for path in paths)


async def lines_stand(git: Git, files: Sequence[Written], tip: str) -> bool:
    """Do all lines of a commit stand at ``tip`` as they were written?"""
    tree = await read_tree(git, tip)
    now = await tree.read(one.path for one in files)
    return all(stands(now.get(one.path), one.before, one.after) for one in files)
