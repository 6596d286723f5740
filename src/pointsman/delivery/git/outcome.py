"""How a delivery is asked for, and what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from pointsman.delivery.git.program import HOOK

__all__ = ["Delivered", "Mode", "Outcome", "Patience", "Request"]


class Mode(StrEnum):
    """How far a change goes."""

    COMMIT = "commit"
    """Made, and kept on a local branch of its own; nothing is pushed."""
    PUSH = "push"
    PULL_REQUEST = "pull-request"
    """To a branch of its own; the pull request itself is the caller's."""


class Outcome(StrEnum):
    """What came of it. None of these is an error."""

    MADE = "made"
    FOUND = "found"
    """It had been delivered before, perhaps by a process that died; nothing was made."""
    NOTHING = "nothing"
    """The files say already what was asked for."""
    SUPERSEDED = "superseded"
    """A newer decision stands there, so it is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a pull request is opened with."""

    branch: str
    base: str
    title: str
    body: str
    """What, why, the difference in a fenced block, and the commit's mark."""
    link: str = ""
    """Where the server said that it is opened; empty when it did not say, or the branch was there before."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The end of a delivery."""

    outcome: Outcome
    commit: str
    """Where the lines stand; of what is superseded, the commit that was looked at."""
    base: str
    """What the branch pointed at before: the commit's parent. Nothing of ours is older."""
    branch: str
    """Where the commit is: the branch, that of the pull request, or a local one."""
    reason: str = ""
    """Why it is not wanted any more."""
    stands: bool | None = True
    """Do the lines still stand at the branch's end as they were written? None when this clone cannot tell."""
    request: Request | None = None

    def told(self) -> str:
        """One sentence for a person."""
        commit = self.commit[:12]
        if self.outcome is Outcome.MADE:
            return f"commit {commit} on {self.branch}"
        if self.outcome is Outcome.NOTHING:
            return f"nothing to change: {self.branch} says it already, in commit {commit}"
        if self.outcome is Outcome.SUPERSEDED:
            return f"not wanted any more: {self.reason}; nothing was changed"
        since = {True: "", False: "; others changed its lines since", None: ""}[self.stands]
        return f"commit {commit} on {self.branch} was made before{since}"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long others are waited for."""

    races: int = 8
    """Pushes that others may win before it is given up."""
    seconds: float = 60.0
    """For a remote that does not answer."""
    push: float = HOOK
    """Seconds for one push, a ``pre-push`` hook in it."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Seconds before the next try: growing, at most 5, never the same for two who raced."""
        return min(5.0, 0.2 * float(2 ** min(failures, 9))) * (0.5 + self.chance() / 2)
