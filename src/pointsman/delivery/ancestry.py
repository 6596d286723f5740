"""Does one commit contain another? Asked of a git repository on this machine, which is never fetched into.

Revisions are never compared for equality: the next commit of anybody makes that false for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsman.delivery.git.program import Git
from pointsman.errors import RefusedError, UsageError

__all__ = ["Answer", "Repository", "same_commit"]

_HEX = re.compile(r"[0-9a-fA-F]{4,64}")
PATIENCE = 30.0
"""Seconds for git to answer; a history of a million commits takes a few."""
_NOTHING_FETCHED = {"GIT_NO_LAZY_FETCH": "1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, no, or not known and why."""

    yes: bool | None
    why: str = ""


def same_commit(one: str, other: str) -> bool:
    """Is it the same commit, one of them perhaps abbreviated? Needs no repository."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return bool(_HEX.fullmatch(short)) and len(short) >= 7 and long.startswith(short)


@dataclass(frozen=True, slots=True)
class Repository:
    """A local clone, or none."""

    path: Path | None

    def __post_init__(self) -> None:
        if self.path is not None and not self.path.is_dir():
            raise UsageError(
                "there is no folder of that name", where=str(self.path), next_action="give --repository a local clone"
            )

    async def contains(self, revision: str, commit: str) -> Answer:
        """Is ``commit`` an ancestor of ``revision``, or the same?"""
        if same_commit(revision, commit):
            return Answer(True)
        if self.path is None:
            return Answer(None, "no local repository was named (--repository)")
        if not _HEX.fullmatch(revision) or not _HEX.fullmatch(commit):
            return Answer(None, f"{revision if not _HEX.fullmatch(revision) else commit!r} is no commit")
        return await self._related(revision, commit)

    async def _related(self, revision: str, commit: str) -> Answer:
        code, said = await self._git("merge-base", "--is-ancestor", commit, revision)
        if code not in (0, 1):
            return Answer(None, f"{self.path} cannot tell: {said or f'git ended with {code}'}; git fetch there")
        if code == 1 and await self._shallow():
            return Answer(None, f"{self.path} is a shallow clone; git fetch --unshallow there")
        return Answer(code == 0)

    async def _shallow(self) -> bool:
        """A clone that was cut off says no where a whole one says yes."""
        _, said = await self._git("rev-parse", "--is-shallow-repository")
        return said != "false"

    async def _git(self, *words: str) -> tuple[int, str]:
        """Exit code, and what was said; 127 when there is no git."""
        assert self.path is not None
        try:
            said = await Git(self.path).run(*words, seconds=PATIENCE, env=_NOTHING_FETCHED)
        except RefusedError as error:
            return 127, error.what
        if said.late:
            return 124, f"git did not answer within {PATIENCE:g} s"
        return said.code, f"{said.out.decode(errors='replace')}{said.err}".strip()
