"""What is asked for: a change of some files, with the reason, the words it is known by, and whether it is still wanted.

A change holds functions, not bytes: when somebody else pushed first, it is made anew on what they left.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pointsman.errors import UsageError

__all__ = ["TRAILER", "Change", "Edit", "Files", "Made", "Mark", "always"]

TRAILER = "Pointsman-Move"
"""The trailer of every commit of ours; its value is the two words of a ``Mark``."""
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?=[A-Za-z0-9_]))*")
"""A word that may stand in a trailer and in the name of a branch."""

Made = bytes | None
"""A file's new bytes; None takes it away."""


class Files(Mapping[str, bytes]):
    """Files of a commit by their path from the repository's root; one that is not there is missing.

    Only those that the change names (its edits' paths and what it ``reads``) are here.
    """

    def __init__(self, commit: str, files: Mapping[str, bytes]) -> None:
        self.commit = commit
        self._files = dict(files)

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def after(self, path: str, content: Made) -> Files:
        """The same with one file as an edit left it."""
        rest = {name: held for name, held in self._files.items() if name != path}
        return Files(self.commit, rest if content is None else {**rest, path: content})


@dataclass(frozen=True, slots=True)
class Mark:
    """The two words a commit is found by, whoever made it and however that ended. Usually a move and its step."""

    id: str
    step: str

    def __post_init__(self) -> None:
        for word in (self.id, self.step):
            if not _WORD.fullmatch(word) or word.endswith(".lock") or len(word) > 100:
                raise UsageError(
                    f"{word[:100]!r} cannot mark a commit",
                    next_action="use letters, digits and single . _ - between them, at most 100",
                    code="git-mark",
                )

    @property
    def line(self) -> str:
        """The trailer."""
        return f"{TRAILER}: {self.id} {self.step}"

    @property
    def branch(self) -> str:
        """The branch of a pull request."""
        return f"pointsman/{self.id}-{self.step}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One file, and how it changes."""

    path: str
    """From the repository's root, with ``/``."""
    make: Callable[[bytes | None, Files], Made | Awaitable[Made]]
    """From the file's bytes (None: it is not there) and the files that the change reads, edits before this one
    made, to the new bytes. Raises a PointsmanError when it cannot be made there; it may be called several times."""


def always(files: Files) -> str:
    """Wanted, whatever came since."""
    return ""


@dataclass(frozen=True, slots=True)
class Change:
    """All of one commit."""

    mark: Mark
    subject: str
    """What; one line."""
    body: str
    """Why; may be several paragraphs."""
    edits: tuple[Edit, ...]
    wanted: Callable[[Files], str | Awaitable[str]] = always
    """Asked of the newest tree before every try: why it is not wanted any more, or nothing. A newer decision wins."""
    reads: tuple[str, ...] = ()
    """Other files that ``wanted`` and the edits look at; shell patterns, where ``*`` matches ``/`` too."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that must never come into a commit."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files it may change."""
        return tuple(edit.path for edit in self.edits)

    @property
    def message(self) -> str:
        """The commit's message: nothing in it comes from anywhere but here."""
        subject = " ".join(self.subject.split())
        body = "\n".join(line.rstrip() for line in self.body.strip().splitlines())
        return "\n\n".join([part for part in (subject, body, self.mark.line) if part]) + "\n"
