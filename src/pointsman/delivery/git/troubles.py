"""Pushes that came to nothing, as errors: what, where, what to do next, under a code for each ending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.delivery.git.refusals import Ending
from pointsman.delivery.git.remote import Answer
from pointsman.delivery.git.wording import redacted
from pointsman.errors import PointsmanError, RefusedError, TemporaryError

__all__ = ["conflict", "contended", "no_branch", "trouble", "unclear"]


@dataclass(frozen=True, slots=True)
class _Told:
    """A refusal as an error."""

    code: str
    what: str
    action: str


_TOLD: Mapping[Ending, _Told] = {
    Ending.PROTECTED: _Told(
        code="git-protected",
        what="the branch takes no direct pushes",
        action="deliver it as a pull request, or have the branch's rules let you push",
    ),
    Ending.DENIED: _Told(
        code="git-denied",
        what="the server does not let you",
        action="see that git push works here without a question (credential helper, ssh agent, rights)",
    ),
    Ending.HOOK: _Told(
        code="git-refused",
        what="a hook or rule refuses the push",
        action="do what it asks for, then run it again",
    ),
    Ending.MISSING: _Told(
        code="git-remote",
        what="there is no such repository, or you may not see it",
        action="correct the remote's address: git remote set-url",
    ),
}


def trouble(answer: Answer, where: str, secrets: frozenset[str] = frozenset()) -> PointsmanError:
    """The error of a fetch or push that will not succeed by itself, or did not in the time given."""
    words = redacted(answer.words, secrets)
    if told := _TOLD.get(answer.ending):
        return RefusedError(f"{told.what}: {words}", where=where, next_action=told.action, code=told.code)
    if answer.ending is Ending.UNREACHABLE:
        action = "look at the network and at the server, then run it again"
        return TemporaryError(
            f"the remote does not answer: {words}", where=where, next_action=action, code="git-unreachable"
        )
    action = "see what git says, then run it again"
    return RefusedError(f"git does not get through: {words}", where=where, next_action=action, code="git-failed")


def unclear(answer: Answer, where: str, commit: str, secrets: frozenset[str] = frozenset()) -> TemporaryError:
    """The push ended without a clear answer, and the commit was not there when it was looked for."""
    words = redacted(answer.words, secrets)
    return TemporaryError(
        f"whether commit {commit[:12]} arrived is not known: {words}",
        where=where,
        next_action="run it again: when it has arrived it is found, and not made twice",
        code="git-push-unclear",
    )


def contended(where: str, tries: int, answer: Answer) -> RefusedError:
    """Others were quicker, every time."""
    return RefusedError(
        f"others pushed first, {tries} times over: {answer.words}",
        where=where,
        next_action="run it again when fewer push there",
        code="git-contended",
    )


def conflict(error: PointsmanError, where: str) -> RefusedError:
    """Others pushed, and the change cannot be made on what they left."""
    return RefusedError(
        f"others pushed meanwhile, and the change cannot be made on what they left: {error.what}",
        where=error.where or where,
        next_action=error.next_action or "look at their commits, then run it again",
        code="git-conflict",
    )


def no_branch(where: str) -> RefusedError:
    """The branch is not there."""
    return RefusedError(
        "the remote has no such branch",
        where=where,
        next_action="name one it has, or push it",
        code="git-branch-missing",
    )
