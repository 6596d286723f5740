"""Changes of one move as pull requests: branches that people merge, waited for, and taken back where nobody needs them.

Plain git knows branches and not pull requests. Merged, squashed, rebased, or done by others in another way: all that
counts is that the branch Argo CD reads declares what is wanted. A branch that is gone without that was closed. One that
declares something else was rewritten. A pull request that is closed and whose branch stays looks like an open one, and
nothing here sees reviews or checks; for both there is a time after which a person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pointsman.delivery.boundary import Means
from pointsman.delivery.edge.declared import Declared, Edited
from pointsman.delivery.git import Delivered, Mark, Outcome
from pointsman.delivery.git.branches import Branches
from pointsman.delivery.git.history import is_ancestor, known, last_change, marked
from pointsman.delivery.git.program import Git
from pointsman.edge.contract import Awaits
from pointsman.edge.in_git import InGit
from pointsman.errors import ConflictError, NeedsPersonError, PointsmanError, RefusedError

__all__ = ["Proposals"]

PAUSE = 10.0
"""Seconds between two looks: people take minutes, and forges count calls."""
GONE = 3
"""Looks that have to find the branch gone: a forge deletes it in the moment in which it merges."""


@dataclass
class _Watch:
    """What was seen of one proposal so far."""

    tips: Mapping[str, str]
    gone: int = 0


class Proposals:
    """Proposals for one file on one branch."""

    def __init__(self, place: InGit, declared: Declared, branches: Branches) -> None:
        self._place = place
        self._declared = declared
        self._branches = branches

    async def standing(self, mark: Mark, edit: Edited) -> Delivered | None:
        """What became of this proposal before: done, or open; None where it is to be made.

        Raises NeedsPersonError where its branch declares something else by now.
        """
        tips = await self._branches.tips(mark.branch)
        if await self._declared.says(edit):
            return await self._landed()
        if (head := tips.get(mark.branch)) is None:
            return None
        if await self._is_merged(head):
            return None
        if await self._declared.says(edit, mark.branch):
            return Delivered(Outcome.FOUND, head, "", mark.branch)
        raise self._rewritten(mark.branch)

    async def merged(self, means: Means, asked: Delivered, edit: Edited, awaits: Awaits | None) -> Delivered:
        """Wait until it is merged, in whatever way.

        A remote that is away for a while is waited for. Raises NeedsPersonError when it refuses us, when the branch is
        gone or declares something else, and after ``merge_timeout`` seconds; ConflictError when it was merged and
        somebody changed the alias after that.
        """
        place, request = self._place, asked.request
        means.tell(f"{asked.told()}; {f'open it: {request.link}' if request and request.link else 'to be merged'}")
        if awaits is not None:
            await awaits(f"the merge of {asked.branch} into {place.remote}/{place.branch}")
        patient = replace(means, pause=PAUSE, _told={})
        watch, deadline = _Watch({}), patient.within(place.merge_timeout)
        try:
            done = await patient.until(deadline, lambda: self._look(patient, asked, edit, watch))
        except RefusedError as error:
            raise self._unseen(asked, error) from error
        if done is None:
            raise self._late(asked)
        if awaits is not None:
            await awaits("")
        return done

    async def _look(self, means: Means, asked: Delivered, edit: Edited, watch: _Watch) -> Delivered | None:
        tips = await self._branches.tips(self._place.branch, asked.branch)
        head = tips.get(asked.branch)
        if tips == watch.tips and head is not None:
            return None
        before, watch.tips = watch.tips, tips
        if await self._declared.says(edit):
            return await self._landed(asked.commit)
        await self._refuse_overtaken(asked)
        watch.gone = 0 if head is not None else watch.gone + 1
        if watch.gone >= GONE:
            raise self._closed(asked)
        if head is not None and head not in (asked.commit, before.get(asked.branch)):
            await self._refuse_rewritten(asked.branch, edit)
            means.tell(f"{asked.branch} was brought up to date, to {head[:12]}; it declares the same")
        return None

    async def _refuse_rewritten(self, branch: str, edit: Edited) -> None:
        try:
            same = await self._declared.says(edit, branch)
        except RefusedError as error:
            if error.code == "git-branch-missing":  # it went away between two questions; the next look tells
                return
            raise
        if not same:
            raise self._rewritten(branch)

    async def _landed(self, commit: str = "") -> Delivered:
        """The newest commit of the file, which has it."""

        async def look(git: Git, tip: str) -> Delivered:
            last = await last_change(git, tip, (self._place.path,))
            itself = bool(commit) and await _contains(git, tip, commit)
            return Delivered(Outcome.MADE if itself else Outcome.NOTHING, last, "", self._place.branch)

        return await self._branches.at_tip(look)

    async def _refuse_overtaken(self, asked: Delivered) -> None:
        """It was merged, and what is declared now is something else again."""
        if await self._is_merged(asked.commit):
            raise ConflictError(
                f"{asked.branch} was merged, and somebody changed the alias in git after that",
                where=self._place.where,
                next_action=f"git log -p -- {self._place.path}, then run the command again",
                code="edge-contended",
            )

    async def _is_merged(self, commit: str) -> bool:
        """Does the branch that Argo CD reads contain the commit itself?"""

        async def look(git: Git, tip: str) -> bool:
            return await _contains(git, tip, commit)

        return await self._branches.at_tip(look)

    async def withdraw(self, means: Means, move: str, keep: str) -> None:
        """Delete branches of this move that are not merged and lead elsewhere than ``keep``, a mark's beginning.

        With its branch a pull request cannot be merged any more. One that others pushed to is theirs: it is told.
        """
        try:
            tips = await self._branches.beginning(f"pointsman/{move}-alias-")
        except PointsmanError as error:
            if not error.code.startswith("git-"):
                raise
            means.tell(f"whether a pull request of this move is open cannot be seen: {error.what}")
            return
        for branch, tip in tips.items():
            if branch.startswith(f"pointsman/{move}-{keep}") or await self._is_merged(tip):
                continue
            if why := await self._taken_away(branch, tip, move):
                means.tell(f"{branch} stays, so close it by hand before somebody merges it: {why}")
            else:
                means.tell(f"{branch} is taken away, and its pull request with it")

    async def _taken_away(self, branch: str, tip: str, move: str) -> str:
        """Why it could not be, or nothing."""

        async def ours(git: Git, head: str) -> bool:
            return await marked(git, head, move)

        try:
            if not await self._branches.at_tip(ours, branch):
                return "others pushed to it"
            return await self._branches.take_away(branch, tip)
        except PointsmanError as error:
            return error.what

    def _unseen(self, asked: Delivered, error: RefusedError) -> NeedsPersonError:
        """Going back would ask the same remote; so a person mends that first."""
        return NeedsPersonError(
            f"whether {asked.branch} is merged cannot be seen any more: {error.what}",
            where=error.where or self._place.where,
            next_action=error.next_action,
            code="merge-unseen",
        )

    def _late(self, asked: Delivered) -> NeedsPersonError:
        return NeedsPersonError(
            f"{asked.branch} is not merged after {self._place.merge_timeout:g} s; git cannot tell whether its pull "
            "request is open or was closed",
            where=self._place.where,
            next_action="merge it, or close it and delete its branch",
            code="merge-late",
        )

    def _closed(self, asked: Delivered) -> NeedsPersonError:
        return NeedsPersonError(
            f"{asked.branch} is gone and was not merged: its pull request was closed, or somebody deleted the branch",
            where=self._place.where,
            next_action="find out who did, and why; resuming proposes it anew",
            code="merge-closed",
        )

    def _rewritten(self, branch: str) -> NeedsPersonError:
        return NeedsPersonError(
            f"somebody pushed to {branch}, and it declares something else now than the move proposed",
            where=self._place.where,
            next_action=f"agree with them; put it back, or delete {branch} at {self._place.remote}, and resuming "
            "proposes it anew",
            code="merge-rewritten",
        )


async def _contains(git: Git, tip: str, commit: str) -> bool:
    """Is the commit itself in the history that ends there?"""
    return await known(git, commit) and await is_ancestor(git, commit, tip)
