"""A branch of a remote that is looked at again and again: asked where it is, and fetched only when it has moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from pointsman.delivery.git.program import Git, open_git
from pointsman.delivery.git.refusals import Ending
from pointsman.delivery.git.remote import Answer, Remote, Waiting, open_remote
from pointsman.delivery.git.troubles import no_branch, trouble

__all__ = ["Branches"]

T = TypeVar("T")


class Branches:
    """One remote as a clone knows it; ``branch`` is the one that everything goes to."""

    def __init__(self, repository: Path, remote: str, branch: str, waiting: Waiting = nullcontext) -> None:
        self._repository = repository
        self._name = remote
        self._branch = branch
        self._waiting = waiting
        self._remote: Remote | None = None
        self._known: dict[str, str] = {}
        """The newest commit of each branch that was fetched."""

    async def git(self) -> Git:
        """The program in the clone."""
        return (await self._opened()).git

    async def tips(self, *branches: str) -> Mapping[str, str]:
        """Where the remote's branches are, by one question; those that are not there are missing."""
        return self._believed(await (await self._opened()).listed(*branches)).tips

    async def beginning(self, prefix: str) -> Mapping[str, str]:
        """Where all branches are whose names begin so."""
        return self._believed(await (await self._opened()).beginning(prefix)).tips

    async def at_tip(self, look: Callable[[Git, str], Awaitable[T]], branch: str = "") -> T:
        """What is found at a branch's newest commit, brought here where it is a new one.

        Raises RefusedError or TemporaryError when the remote cannot be asked, or has no such branch.
        """
        remote, name = await self._opened(), branch or self._branch
        known = self._known.get(name)
        if known and (await self.tips(name)).get(name) == known:
            return await look(remote.git, known)
        try:
            tip = self._believed(await remote.fetch(name)).tip
            if not tip:
                raise no_branch(f"{self._name}/{name}")
            found = await look(remote.git, tip)
        finally:
            await remote.close()
        self._known[name] = tip
        return found

    async def take_away(self, branch: str, commit: str) -> str:
        """Delete a branch of ours, if it still is at that commit; why it could not be, or nothing."""
        answer = await (await self._opened()).take_away(branch, commit)
        return "" if answer.ending is Ending.DONE else answer.words

    async def _opened(self) -> Remote:
        if self._remote is None:
            self._remote = await open_remote(await open_git(self._repository), self._name, self._branch, self._waiting)
        return self._remote

    def _believed(self, answer: Answer) -> Answer:
        if answer.ending is not Ending.DONE:
            raise trouble(answer, f"{self._name}/{self._branch}")
        return answer
