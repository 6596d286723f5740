"""Taking a change back: a new commit that puts back our lines alone, on whatever came since.

Others' edits elsewhere in the same file stay. Where others changed our lines, theirs is the newer decision: nothing is
done, and it is told who and when.
"""

from __future__ import annotations

from pathlib import Path

from pointsman.delivery.git.changes import Change, Edit, Files, Made, Mark
from pointsman.delivery.git.history import Written, author, find, known, touching, written
from pointsman.delivery.git.lines import OverwrittenError, merged
from pointsman.delivery.git.newest import newest
from pointsman.delivery.git.program import Git
from pointsman.errors import RefusedError

__all__ = ["revert_of"]


async def revert_of(
    repository: Path, commit: str | Mark, mark: Mark, *, remote: str, branch: str, why: str, since: str = ""
) -> Change:
    """The change that takes a commit of ours back; to be delivered like any other.

    Args:
        commit: its id, or the mark it was delivered with.
        mark: what the new commit is known by.
        why: the reason, for the message.

    Raises RefusedError when there is no such commit on the branch.
    """
    async with newest(repository, remote, branch) as (opened, tip):
        git = opened.git
        name = commit if isinstance(commit, str) else await find(git, tip, commit, since)
        if not name or not await known(git, name):
            raise _missing(commit, f"{remote}/{branch}")
        files = await written(git, name)
    subject = await git.text("log", "-1", "--no-show-signature", "--no-color", "--format=%s", name, "--")
    body = f"{why.strip()}\n\nThis takes back the lines of commit {name}; whatever else came since stays.".strip()
    return Change(mark, f"Revert: {subject}", body, tuple(_edit(git, name, one) for one in files))


def _edit(git: Git, commit: str, ours: Written) -> Edit:
    async def back(current: bytes | None, files: Files) -> Made:
        try:
            return merged(current, ours.after, ours.before)
        except OverwrittenError:
            raise await _overwritten(git, commit, files.commit, ours) from None

    return Edit(ours.path, back)


async def _overwritten(git: Git, commit: str, tip: str, ours: Written) -> RefusedError:
    """Who changed our lines: the first commit from which on they cannot be taken back."""
    since = await touching(git, commit, tip, ours.path)
    for one in since:
        said = await git.run("cat-file", "blob", f"{one}:{ours.path}")
        try:
            merged(said.out if said.ok else None, ours.after, ours.before)
        except OverwrittenError:
            since = [one]
            break
    by = f", by {await author(git, since[-1])}" if since else ""
    return RefusedError(
        f"the lines of commit {commit[:12]} were changed since{by}",
        where=ours.path,
        next_action="agree with them, and take back by hand what is left of it",
        code="git-overwritten",
    )


def _missing(commit: str | Mark, where: str) -> RefusedError:
    told = commit[:12] if isinstance(commit, str) else commit.line
    return RefusedError(
        f"there is no commit {told!r}", where=where, next_action="name one that is there", code="git-commit-unknown"
    )
