"""The one reader of an adopted repository's files: inside its root, regular, of bounded size; and edits not yet made.

An edit is tried on a tree that holds the new text in place of the file's, so that what it would change is seen before
anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pointsman.adopt.left_out import LeftOut
from pointsman.catalog.source import BOM, inside, read_text
from pointsman.errors import PointsmanError, SpecError, reason_of

__all__ = ["MOST_FILES", "OverError", "Tree", "below"]

MOST_FILES = 20_000
"""Files of a repository that are looked at."""
_DEEPEST = 24
"""Folders inside each other."""
_SKIPPED = frozenset({".git", "node_modules", ".venv", "__pycache__", ".terraform"})


class OverError(SpecError):
    """The time for reading is over."""


@dataclass(frozen=True)
class Tree:
    """A repository's files; a path is relative to the root, with ``/``, and never climbs out."""

    root: Path
    edits: Mapping[str, str] = field(default_factory=dict)
    """Texts that stand in place of files', by path."""
    over: Callable[[], bool] | None = None
    """Is the time for reading over? Then no further file is opened."""

    def kind(self, path: str) -> str:
        """``file``, ``folder`` or ``""`` when nothing is there; raises RefusedError for a link that leads out."""
        whole = inside(self.root / path, self.root)
        try:
            return "file" if whole.is_file() else "folder" if whole.is_dir() else ""
        except (OSError, ValueError):  # longer than a name may be, or none at all: an Application may say anything
            return ""

    def text(self, path: str) -> str:
        """The text of a file, without a byte order mark.

        Raises SpecError when it is none, or too large; RefusedError when a link leads out of the repository; OverError
        when the time is over.
        """
        if self.over is not None and self.over():
            raise OverError("reading stopped, since its time was over", where=path, code="platform-unreadable")
        if path in self.edits:
            return self.edits[path].removeprefix(BOM)
        return read_text(self.root / path, self.root).text

    def edited(self, edits: Mapping[str, str]) -> Tree:
        """The same tree with these texts in place of files'."""
        return Tree(self.root, {**self.edits, **edits}, self.over)

    def names(self, path: str) -> list[str]:
        """What a folder holds, in order."""
        return sorted(os.listdir(inside(self.root / path, self.root)))

    def walk(self, path: str, left_out: list[LeftOut]) -> Iterator[str]:
        """Every regular file below a folder; what is not looked at is added to ``left_out``."""
        seen = 0
        waiting = [(path, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
            except OSError as error:
                left_out.append(LeftOut(folder or ".", f"the folder cannot be read: {reason_of(error)}", unread=True))
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_symlink():
                    left_out += self._link(name)
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name in _SKIPPED:
                        continue
                    if depth >= _DEEPEST:
                        left_out.append(LeftOut(name, f"folders are nested deeper than {_DEEPEST}", unread=True))
                    else:
                        waiting.append((name, depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    seen += 1
                    if seen > MOST_FILES:
                        left_out.append(LeftOut(name, f"only the first {MOST_FILES} files are looked at", unread=True))
                        return
                    yield name

    def _link(self, path: str) -> list[LeftOut]:
        """A link inside leads to a file that is read where it lies; one outside is told."""
        try:
            inside(self.root / path, self.root)
        except PointsmanError as error:
            return [LeftOut(path, error.what)]
        return []


def below(folder: str, said: str) -> str | None:
    """A path that a file in ``folder`` names, from the root on; None when it climbs out or is absolute."""
    if said.startswith(("/", "~")) or "\\" in said or "\0" in said:
        return None
    parts: list[str] = []
    for part in (*PurePosixPath(folder).parts, *PurePosixPath(said).parts):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
