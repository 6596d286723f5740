"""What commits say of the aliases: the newest one, any other, and whose change it is.

The branch is asked for before anything is fetched, and one commit is parsed once: as long as nobody pushes, a question
about the alias is one short run of git.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pointsman.delivery.git import Files
from pointsman.delivery.git.branches import Branches
from pointsman.delivery.git.history import author, last_change, marked
from pointsman.delivery.git.program import Git
from pointsman.delivery.git.tree import file_at
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member, said
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_values import aside
from pointsman.errors import RefusedError

__all__ = ["Declared", "Edited", "Known", "edited"]

Edited = Callable[[Aliases], str]
"""A change of the aliases: the whole text after it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a change is decided on: who declares something else since decides anew."""

    runs: frozenset[Member]
    """What the cluster declares."""
    looked: frozenset[Member] | None
    """What git declared when the move last looked at it, if it did."""

    def otherwise(self, there: frozenset[Member]) -> str:
        """What is known where something else is there now; empty when it is the same."""
        if there != self.runs:
            return f"the cluster {said(_told(self.runs))}"
        if self.looked is not None and there != self.looked:
            return f"and declared {said(_told(self.looked))} before"
        return ""


def _told(members: frozenset[Member]) -> list[Member]:
    return sorted(members, key=lambda one: (-one.weight, one.id))


async def edited(edit: Edited, aliases: Aliases) -> str:
    """The text after the edit; a long one takes a moment, in which a lock has to be renewed."""
    return await aside(len(aliases.config.text), edit, aliases)


class Declared:
    """The edge's file as commits have it."""

    def __init__(self, place: InGit, terms: Terms, branches: Branches) -> None:
        self.place = place
        self.terms = terms
        self._branches = branches
        self._parsed: dict[str, Aliases] = {}
        """The last commits that were read, so that one is parsed once."""

    async def newest(self, branch: str = "") -> Aliases:
        """The aliases as the newest commit declares them, of the branch that Argo CD reads where none is named."""

        async def look(git: Git, tip: str) -> Aliases:
            return self._parsed.get(tip) or await self.aliases(await file_at(git, tip, self.place.path), tip)

        return await self._branches.at_tip(look, branch)

    async def says(self, edit: Edited, branch: str = "") -> bool:
        """Would the edit change nothing there?"""
        aliases = await self.newest(branch)
        return await edited(edit, aliases) == aliases.config.text

    async def changed_last_by(self, move: str) -> bool:
        """Did this very move make the newest change of the file?"""

        async def look(git: Git, tip: str) -> bool:
            return await marked(git, await last_change(git, tip, (self.place.path,)), move)

        return await self._branches.at_tip(look)

    async def last_author(self) -> str:
        """Who made the newest change of the file, and when."""

        async def look(git: Git, tip: str) -> str:
            return str(await author(git, await last_change(git, tip, (self.place.path,))))

        return await self._branches.at_tip(look)

    async def overtaken(self, edit: Edited) -> str:
        """Who declares something else than the edit does in the newest commit; empty when it stands there."""
        return "" if await self.says(edit) else await self.last_author()

    async def made(self, content: bytes | None, files: Files, edit: Edited) -> bytes:
        """The file's bytes after an edit, on what a commit has."""
        return (await edited(edit, await self.aliases(content, files.commit))).encode()

    async def unwanted(self, files: Files, known: Known, edit: Edited, move: str) -> str:
        """Why git's own declaration is a newer decision; empty when it is known, what is wanted, or the move's."""
        aliases = await self.aliases(files.get(self.place.path), files.commit)
        otherwise = known.otherwise(frozenset(aliases.members()))
        if not otherwise or await edited(edit, aliases) == aliases.config.text:
            return ""
        git = await self._branches.git()
        commit = await last_change(git, files.commit, (self.place.path,))
        if await marked(git, commit, move):
            return ""
        return f"git declares {said(aliases.members())} ({await author(git, commit)}), {otherwise}"

    async def aliases(self, content: bytes | None, commit: str) -> Aliases:
        """The aliases in the file as this commit has it; raises RefusedError when it cannot be read."""
        if commit not in self._parsed:
            text, where = _text(content, f"{self.place.path} in {commit[:12]}")
            config = await aside(len(text), ConfigText, text, where, self.place.under)
            self._parsed = {**dict(list(self._parsed.items())[-1:]), commit: Aliases(config, self.terms)}
        return self._parsed[commit]


def _text(content: bytes | None, where: str) -> tuple[str, str]:
    if content is None:
        raise RefusedError(
            "the edge's configuration is not in git",
            where=where,
            next_action="name its file in spec.edge.values of platform.yaml",
            code="edge-config-missing",
        )
    try:
        return content.decode(), where
    except UnicodeDecodeError as error:
        raise RefusedError(
            "the edge's configuration is no UTF-8 text",
            where=where,
            next_action="save it as UTF-8",
            code="edge-config-yaml",
        ) from error
