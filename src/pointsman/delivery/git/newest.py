"""A remote's branches as they are now, for those who only look: what was delivered, what has landed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pointsman.delivery.git.changes import Mark
from pointsman.delivery.git.history import find
from pointsman.delivery.git.program import open_git
from pointsman.delivery.git.refusals import Ending
from pointsman.delivery.git.remote import Remote, open_remote
from pointsman.delivery.git.troubles import no_branch, trouble

__all__ = ["look_up", "newest", "tip_of"]


async def look_up(repository: Path, mark: Mark, *, remote: str, branch: str, since: str = "") -> str:
    """The commit with this mark on the remote's branch; empty when there is none.

    ``since`` is what the branch pointed at before anything was pushed, where that is known.
    """
    async with newest(repository, remote, branch) as (opened, tip):
        return await find(opened.git, tip, mark, since)


@asynccontextmanager
async def newest(repository: Path, remote: str, branch: str) -> AsyncIterator[tuple[Remote, str]]:
    """A remote, and the newest commit of a branch, brought here; raises RefusedError when there is no such branch."""
    opened = await open_remote(await open_git(repository), remote, branch)
    try:
        tip = await tip_of(opened, branch)
        if not tip:
            raise no_branch(f"{remote}/{branch}")
        yield opened, tip
    finally:
        await opened.close()


async def tip_of(remote: Remote, branch: str) -> str:
    """The newest commit of a branch; empty when there is no such branch. Nobody is waited for."""
    answer = await remote.fetch(branch)
    if answer.ending is not Ending.DONE:
        raise trouble(answer, f"{remote.name}/{branch}")
    return answer.tip
