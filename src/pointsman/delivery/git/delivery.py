"""Delivering a change: one commit on the newest tree, pushed once, found again whatever happened in between.

The order makes it so. Fetch; look for the commit by its mark; ask whether the change is still wanted; make the commit;
push it. Whatever a push answers, the next thing is the first again: a push that was reported failed and succeeded is
found, a lost race is made anew on the winner's tree, and a process that died anywhere left nothing but objects.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.delivery.git.changes import Change, Files
from pointsman.delivery.git.commit import Person
from pointsman.delivery.git.disclosure import refuse_message
from pointsman.delivery.git.history import find, last_change, lines_stand, parent_of, written
from pointsman.delivery.git.making import Draft, draft, files_of, make
from pointsman.delivery.git.outcome import Delivered, Mode, Outcome, Patience
from pointsman.delivery.git.program import Git, open_git
from pointsman.delivery.git.pull_request import link_in, request_of, same_content, taken
from pointsman.delivery.git.refusals import Ending
from pointsman.delivery.git.remote import Answer, Remote, Waiting, open_remote
from pointsman.delivery.git.tree import Tree, read_tree
from pointsman.delivery.git.troubles import conflict, contended, no_branch, trouble, unclear
from pointsman.errors import PointsmanError, RefusedError

__all__ = ["Recorded", "deliver"]

Recorded = Callable[[str, str], Awaitable[None]]
"""Told before every push: what the branch points at, and the commit. Whoever dies afterwards is found from there."""
_PATIENT = Patience()


async def deliver(
    repository: Path,
    change: Change,
    *,
    remote: str,
    branch: str,
    mode: Mode = Mode.PUSH,
    since: str = "",
    recorded: Recorded | None = None,
    patience: Patience = _PATIENT,
    waiting: Waiting = nullcontext,
) -> Delivered:
    """Bring a change to a branch of a remote, exactly once for its mark.

    Args:
        repository: a clone, any folder of it; its work tree, index, branches and stash are not touched.
        since: what ``recorded`` was told first, when this goes on with what another process began.
        waiting: counts the time in which the remote is waited for.

    Raises RefusedError when it cannot be done and was not, TemporaryError when the remote does not answer.
    """
    refuse_message(change)
    opened = await open_remote(await open_git(repository), remote, branch, waiting)
    try:
        return await _Delivery(opened, change, branch, mode, since, recorded, patience).run()
    finally:
        await opened.close()


@dataclass
class _Delivery:
    remote: Remote
    change: Change
    branch: str
    mode: Mode
    since: str
    recorded: Recorded | None
    patience: Patience
    made: dict[str, str] = field(default_factory=dict)
    """Commits of this process by their parents."""
    failures: int = 0
    races: int = 0
    until: float = 0.0
    """When a remote that does not answer is given up; 0 as long as it always answered."""
    link: str = ""
    """Where the server says that a pull request is opened."""
    error: PointsmanError | None = None
    """What the last push came to, unless the next look finds the commit all the same."""

    @property
    def git(self) -> Git:
        return self.remote.git

    @property
    def where(self) -> str:
        return f"{self.remote.name}/{self.target}"

    @property
    def target(self) -> str:
        return self.branch if self.mode is Mode.PUSH else self.change.mark.branch

    @property
    def local(self) -> str:
        """The change's own branch in the clone."""
        return f"refs/heads/{self.change.mark.branch}"

    async def run(self) -> Delivered:
        while True:
            tip = await self.tip(self.branch)
            if not tip:
                raise no_branch(f"{self.remote.name}/{self.branch}")
            if done := await self.found(tip):
                return done
            if self.error is not None:
                raise self.error
            tree = await read_tree(self.git, tip)
            files = await files_of(self.change, tree)
            if reason := await self.unwanted(files):
                return Delivered(Outcome.SUPERSEDED, tip, tip, self.branch, reason)
            commit = self.made.get(tip) or await self.commit(await self.draft(tree, files))
            if not commit:
                stands = await last_change(self.git, tip, self.change.paths)
                return Delivered(Outcome.NOTHING, stands, tip, self.branch)
            if self.mode is Mode.COMMIT:
                return await self.keep(commit, tip)
            if done := await self.push(commit, tip):
                return done

    async def tip(self, branch: str) -> str:
        """The branch's newest commit, empty when there is no such branch; waits for a remote that does not answer."""
        while True:
            answer = await self.remote.fetch(branch)
            if answer.ending is Ending.DONE:
                return answer.tip
            if answer.ending not in (Ending.UNREACHABLE, Ending.RACE) or self.error is not None or self.over():
                raise self.error or trouble(answer, f"{self.remote.name}/{branch}", self.change.secrets)
            await self.pause()

    async def found(self, tip: str) -> Delivered | None:
        """What was delivered before, by whomever."""
        commit = await find(self.git, tip, self.change.mark, self.since)
        if commit:
            return await self.done(commit, tip, self.branch)
        if not (head := await self.head()):
            return None
        commit = await find(self.git, head, self.change.mark, tip)
        if not commit or not await same_content(self.git, self.change, commit, head):
            raise taken(self.where if self.mode is Mode.PULL_REQUEST else self.target)
        return await self.done(commit, tip, self.target)

    async def head(self) -> str:
        """The newest commit of the change's own branch, here or at the remote; empty when there is none."""
        if self.mode is Mode.COMMIT:
            said = await self.git.run("rev-parse", "--verify", "--quiet", f"{self.local}^{{commit}}")
            return said.out.decode().strip()
        return await self.tip(self.target) if self.mode is Mode.PULL_REQUEST else ""

    async def done(self, commit: str, tip: str, branch: str) -> Delivered:
        """Its commit is there: made by this process, or found."""
        outcome = Outcome.MADE if commit in self.made.values() else Outcome.FOUND
        base = await parent_of(self.git, commit)
        try:
            files = await written(self.git, commit)
            stands = branch != self.branch or await lines_stand(self.git, files, tip)
        except RefusedError:
            return Delivered(outcome, commit, base, branch, stands=None)
        asked = self.mode is Mode.PULL_REQUEST and branch != self.branch
        request = await request_of(self.git, self.change, commit, self.branch, self.link) if asked else None
        return Delivered(outcome, commit, base, branch, stands=stands, request=request)

    async def unwanted(self, files: Files) -> str:
        """Why the change is not wanted any more; empty when it is."""
        reason = self.change.wanted(files)
        return await reason if inspect.isawaitable(reason) else reason

    async def draft(self, tree: Tree, files: Files) -> Draft:
        """The edits on this tree; where they were possible before others pushed and are not now, a conflict."""
        try:
            return await draft(self.change, tree, files)
        except PointsmanError as error:
            if self.races:
                raise conflict(error, self.where) from error
            raise

    async def commit(self, plan: Draft) -> str:
        """The commit, or nothing when no byte differs."""
        if not plan.files:
            return ""
        commit = await make(await Person.of(self.git), self.change, plan)
        self.made[plan.tree.commit] = commit
        return commit

    async def keep(self, commit: str, tip: str) -> Delivered:
        """On a branch of its own, which is made here and never moved."""
        await self.git.answer("update-ref", self.local, commit, "0" * len(commit))
        return Delivered(Outcome.MADE, commit, tip, self.change.mark.branch)

    async def push(self, commit: str, tip: str) -> Delivered | None:
        """Push; where that fails, say in ``error`` what it means unless the commit is found."""
        if self.recorded is not None:
            await self.recorded(tip, commit)
        answer = await self.remote.push(commit, self.target, self.patience.push)
        if answer.ending is Ending.DONE:
            self.link = link_in(answer.words)
            return await self.done(commit, commit, self.target)
        self.error = self.meaning(answer, commit)
        if self.error is None:
            await self.pause()
        return None

    def meaning(self, answer: Answer, commit: str) -> PointsmanError | None:
        """The error it comes to; None when it is to be tried again."""
        if answer.ending is Ending.RACE:
            self.races += 1
            return contended(self.where, self.races, answer) if self.races >= self.patience.races else None
        if answer.ending is Ending.UNREACHABLE and not self.over():
            return None
        if answer.ending in (Ending.UNREACHABLE, Ending.UNCLEAR):
            return unclear(answer, self.where, commit, self.change.secrets)
        return trouble(answer, self.where, self.change.secrets)

    def over(self) -> bool:
        """Has the remote not answered for too long, all in all?"""
        now = asyncio.get_running_loop().time()
        self.until = self.until or now + self.patience.seconds
        return now >= self.until

    async def pause(self) -> None:
        self.failures += 1
        with self.remote.waiting():
            await self.patience.sleep(self.patience.pause(self.failures))
