"""The remote: its newest commits fetched into refs of our own, and commits pushed to it. Never with force.

A fetch leaves ``refs/remotes``, ``FETCH_HEAD`` and tags alone, so nothing a person compares with moves under them. A
push moves ``refs/remotes/REMOTE/BRANCH`` when it succeeds, as every ``git push`` does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from pointsman.delivery.git.commit import hook
from pointsman.delivery.git.program import NETWORK, Git, Said
from pointsman.delivery.git.refusals import Ending, ending, status
from pointsman.delivery.git.wording import last_words, redacted, server_words
from pointsman.errors import RefusedError

__all__ = ["PREFIX", "Answer", "Remote", "Waiting", "open_remote"]

Waiting = Callable[[], AbstractContextManager[object]]
"""Counts the time of the block as a wait for the remote; git's work in the clone is none."""

PREFIX = "refs/pointsman/"
"""Where our refs are, ``SECONDS-TOKEN``, while a delivery works."""
_HEADS = "refs/heads/"
LEFT = 86400
"""Seconds after which a ref of a delivery that died is taken away by the next one."""
_QUIETLY = ("-c", "fetch.writeCommitGraph=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
_ALONE = ("--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a push or a fetch ended."""

    ending: Ending
    words: str = ""
    """What was said, for a person."""
    tip: str = ""
    """What a fetch found; empty when there is no such branch."""
    tips: Mapping[str, str] = field(default_factory=dict)
    """Where branches that were asked for are; those that are not there are missing."""


@dataclass(frozen=True, slots=True)
class Remote:
    """One remote of a repository."""

    git: Git
    name: str
    waiting: Waiting = nullcontext
    ref: str = field(default_factory=lambda: f"{PREFIX}{int(time.time())}-{secrets.token_hex(6)}")

    async def fetch(self, branch: str) -> Answer:
        """The newest commit of a branch, brought here."""
        span = f"+refs/heads/{branch}:{self.ref}"
        with self.waiting():
            said = await self.git.run(*_QUIETLY, "fetch", *_ALONE, "--", self.name, span, seconds=NETWORK)
        if said.ok:
            return Answer(Ending.DONE, tip=await self.git.text("rev-parse", "--verify", f"{self.ref}^{{commit}}"))
        if "couldn't find remote ref" in said.err:
            return Answer(Ending.DONE)
        return _answer(said, hook=False)

    async def listed(self, *branches: str) -> Answer:
        """Where these branches are; nothing is brought here."""
        answer = await self._asked(*(f"{_HEADS}{branch}" for branch in branches))
        return replace(answer, tips={name: tip for name, tip in answer.tips.items() if name in branches})

    async def beginning(self, prefix: str) -> Answer:
        """Where all branches are whose names begin so."""
        answer = await self._asked(f"{_HEADS}{prefix}*")
        return replace(answer, tips={name: tip for name, tip in answer.tips.items() if name.startswith(prefix)})

    async def _asked(self, *patterns: str) -> Answer:
        with self.waiting():
            said = await self.git.run("ls-remote", "--quiet", "--", self.name, *patterns, seconds=NETWORK)
        if not said.ok:
            return _answer(said, hook=False)
        rows = (line.split("\t", 1) for line in said.out.decode("utf-8", "replace").splitlines() if "\t" in line)
        return Answer(Ending.DONE, tips={ref.removeprefix(_HEADS): tip for tip, ref in rows if ref.startswith(_HEADS)})

    async def take_away(self, branch: str, commit: str) -> Answer:
        """Delete a branch of ours, if it still is where it was seen."""
        lease = f"--force-with-lease={_HEADS}{branch}:{commit}"
        words = ("push", "--porcelain", lease, "--", self.name, f":{_HEADS}{branch}")
        with self.waiting():
            said = await self.git.run(*words, seconds=NETWORK)
        return _answer(said, hook=False)

    async def push(self, commit: str, branch: str, seconds: float) -> Answer:
        """Make the commit the branch's newest, if it follows on what is there."""
        guarded = await hook(self.git, "pre-push") is not None
        words = ("push", "--porcelain", "--no-follow-tags", "--no-recurse-submodules", "--", self.name)
        with self.waiting():
            said = await self.git.run(*words, f"{commit}:refs/heads/{branch}", seconds=seconds)
        return _answer(said, hook=guarded)

    async def close(self) -> None:
        """Take our ref away, and what deliveries left that died."""
        listed = await self.git.run("for-each-ref", "--format=%(refname)", PREFIX)
        for ref in listed.out.decode().split():
            begun = ref.removeprefix(PREFIX).partition("-")[0]
            if ref == self.ref or (begun.isdigit() and int(begun) < time.time() - LEFT):
                await self.git.run("update-ref", "-d", ref)


async def open_remote(git: Git, name: str, branch: str, waiting: Waiting = nullcontext) -> Remote:
    """A remote by its name; raises RefusedError when there is none of that name, or the branch can have no such."""
    if name.startswith("-") or not (await git.run("remote", "get-url", "--", name)).ok:
        there = " ".join((await git.text("remote")).split())
        raise RefusedError(
            f"there is no remote {name!r}",
            where=str(git.folder),
            next_action=f"name one of: {there}" if there else f"git remote add {name} ADDRESS",
            code="git-remote",
        )
    if not (await git.run("check-ref-format", f"refs/heads/{branch}")).ok:
        raise RefusedError(f"{branch!r} is no name of a branch", next_action="correct it", code="git-branch-missing")
    return Remote(git, name, waiting)


def _answer(said: Said, *, hook: bool) -> Answer:
    out = said.out.decode("utf-8", "replace")
    if said.late:
        return Answer(Ending.UNREACHABLE, f"it did not end in time: {last_words(said.err)}".rstrip(": "))
    meaning = ending(out, said.err, succeeded=said.ok, hook=hook)
    words = server_words(said.err) or redacted(status(out)[1]) or last_words(said.err)
    return Answer(meaning, words or f"git ended with {said.code}, without a word")
