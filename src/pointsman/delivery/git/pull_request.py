"""A change as a pull request: its branch, its text, and whether it has landed, however the forge merged it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pointsman.delivery.git.changes import Change
from pointsman.delivery.git.history import Written, is_ancestor, known, lines_stand, touching, written
from pointsman.delivery.git.making import draft, files_of
from pointsman.delivery.git.newest import newest, tip_of
from pointsman.delivery.git.outcome import Request
from pointsman.delivery.git.program import Git
from pointsman.delivery.git.tree import read_tree
from pointsman.delivery.git.wording import redacted
from pointsman.errors import PointsmanError, RefusedError

__all__ = ["Landed", "Landing", "landed", "link_in", "request_of", "same_content", "taken"]

_FENCE = re.compile(r"`{3,}")
_LINK = re.compile(r"https?://[^\s;'\"<>]*(?:pull|merge_request|compare)[^\s;'\"<>]*")


class Landing(StrEnum):
    """What became of a pull request's commit."""

    MERGED = "merged"
    """The base branch contains the commit itself."""
    REWRITTEN = "rewritten"
    """Rebased or squashed: another commit, in which our lines stand as we wrote them."""
    OPEN = "open"
    """Not landed, and its branch is there."""
    GONE = "gone"
    """Not landed, and its branch is not there any more: closed."""


@dataclass(frozen=True, slots=True)
class Landed:
    """Where it landed, if it did."""

    landing: Landing
    commit: str
    """The commit of the base branch that has our lines; empty when none has."""
    stands: bool
    """Do the lines stand at the base branch's end? Others may have changed them since."""


def link_in(words: str) -> str:
    """Where a server says that a pull request is opened: forges answer the push of a new branch with that."""
    found = _LINK.search(words)
    return found[0] if found else ""


async def request_of(git: Git, change: Change, commit: str, base: str, link: str = "") -> Request:
    """The text to open a pull request with."""
    words = ("diff-tree", "-p", "--no-commit-id", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/")
    difference = (await git.answer(*words, "--dst-prefix=b/", commit)).decode("utf-8", "replace").rstrip("\n")
    ticks = "`" * max(3, 1 + max((len(run) for run in _FENCE.findall(difference)), default=0))
    subject, _, rest = change.message.partition("\n\n")
    why = rest.removesuffix(change.mark.line + "\n").strip()
    parts = [part for part in (why, f"{ticks}diff\n{difference}\n{ticks}", change.mark.line) if part]
    return Request(change.mark.branch, base, subject.strip(), redacted("\n\n".join(parts), change.secrets) + "\n", link)


async def same_content(git: Git, change: Change, commit: str, head: str) -> bool:
    """Is what stands on the branch this change and nothing else?"""
    trees = (await git.text("rev-parse", f"{commit}^{{tree}}", f"{head}^{{tree}}")).split()
    if trees[0] != trees[1]:
        return False
    try:
        tree = await read_tree(git, await git.text("rev-parse", f"{commit}^1"))
        ours = await draft(change, tree, await files_of(change, tree))
        return ours.files == {one.path: one.after for one in await written(git, commit)}
    except PointsmanError:
        return False


def taken(where: str) -> RefusedError:
    """The branch is there, and is not this change."""
    return RefusedError(
        "the branch is there already, and holds something else than this change",
        where=where,
        next_action="look at it; delete it there if nobody needs it, then run it again",
        code="git-branch-taken",
    )


async def landed(repository: Path, commit: str, *, remote: str, branch: str, head: str) -> Landed:
    """Has the commit of the branch ``head`` come to ``branch``? Asks the remote's newest state.

    Raises RefusedError when neither this clone nor the remote has the commit any more.
    """
    async with newest(repository, remote, branch) as (opened, tip):
        there = bool(await tip_of(opened, head))
        if await known(opened.git, commit):
            return await _looked(opened.git, commit, tip, there)
        raise RefusedError(
            f"whether commit {commit[:12]} has landed cannot be told: neither this clone nor the remote has it",
            where=f"{remote}/{branch}",
            next_action="ask in the clone that it was made in",
            code="git-commit-unknown",
        )


async def _looked(git: Git, commit: str, tip: str, there: bool) -> Landed:
    files = await written(git, commit)
    stands = await lines_stand(git, files, tip)
    if await is_ancestor(git, commit, tip):
        return Landed(Landing.MERGED, commit, stands)
    if found := await _same_lines(git, files, commit, tip):
        return Landed(Landing.REWRITTEN, found, stands)
    return Landed(Landing.OPEN if there else Landing.GONE, "", stands=False)


async def _same_lines(git: Git, files: tuple[Written, ...], commit: str, tip: str) -> str:
    """The first commit after ours began in which our lines stand."""
    for path in sorted({one.path for one in files}):
        for one in await touching(git, f"{commit}^1", tip, path):
            if await lines_stand(git, files, one):
                return one
    return ""
