"""A file of the repository: its text, its places, and the refusal of what is no file of it.

A repository is somebody else's: a link in it may lead anywhere. What it leads to outside is neither read nor written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.errors import PointsmanError, RefusedError, SpecError, reason_of
from pointsman.intake.file import read_file
from pointsman.intake.replacement import replace_file
from pointsman.intake.yaml import Bounds, Fault, Place, Reading, read_yaml

__all__ = ["LARGEST", "Source", "broken", "bytes_of", "inside", "named", "read_source", "read_text", "write_source"]

LARGEST = 1 << 20
"""Bytes of one file; a configuration has some hundreds, a catalog's file some thousands."""
BOUNDS = Bounds(depth=60, nodes=100_000)
BOM = "\ufeff"
_CODES = {"yaml": "platform-yaml", "duplicate": "platform-duplicate-key", "deep": "platform-too-deep"}


@dataclass(frozen=True, slots=True)
class Source:
    """One version of a file."""

    path: Path
    where: str
    """How the file is named to people."""
    text: str
    """Without a byte order mark."""
    bom: str = ""
    reading: Reading = field(default_factory=Reading, repr=False)

    @property
    def data(self) -> Any:
        """What it says, as YAML 1.2 takes it; None when it says nothing."""
        return self.reading.data

    def line(self, place: Place) -> int:
        """Line of ``place``, or of the nearest enclosing thing that exists."""
        while place not in self.reading.lines and place:
            place = place[:-1]
        return self.reading.lines.get(place, 1)

    def at(self, place: Place) -> str:
        """``environments/ai-dev/config.yaml:12``."""
        return f"{self.where}:{self.line(place)}"

    def bytes(self) -> bytes:
        """What is on disk."""
        return (self.bom + self.text).encode()


def inside(path: Path, root: Path) -> Path:
    """The path; raises RefusedError when a link on it leads out of the repository at ``root``."""
    try:
        led = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link that leads to itself
        raise _unreadable(path, root, str(error)) from None
    if not led.is_relative_to(root.resolve()):
        raise RefusedError(
            f"a link leads out of the repository, to {led}",
            where=named(path, root),
            next_action="put the file itself there",
            code="platform-outside",
        )
    return path


def named(path: Path, root: Path) -> str:
    """As people call it: from the repository's root on."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def read_source(path: Path, root: Path) -> Source:
    """The file as text and data; raises SpecError with its line for what is wrong with it as text or as YAML."""
    source = read_text(path, root)
    reading = read_yaml(source.text, BOUNDS)
    if reading.faults:
        raise broken(source.where, reading.faults)
    return Source(path, source.where, source.text, source.bom, reading)


def read_text(path: Path, root: Path) -> Source:
    """The file as text alone."""
    data = bytes_of(path, root)
    if data is None:
        raise SpecError(
            "there is no such file",
            where=named(path, root),
            next_action="check the repository, and --repo and --env",
            code="platform-no-file",
        )
    return _text(data, path, root)


def bytes_of(path: Path, root: Path) -> bytes | None:
    """What is on disk; None when nothing is there."""
    try:
        return read_file(inside(path, root), LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        action = "make it readable" if isinstance(error, PermissionError) else _REGULAR
        raise _unreadable(path, root, reason_of(error), action) from None


def _text(data: bytes, path: Path, root: Path) -> Source:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _binary(path, root, data[: error.start].count(b"\n") + 1) from None
    bom = BOM if text.startswith(BOM) else ""
    text = text[len(bom) :]
    for strange in ("\0", BOM):  # parsers do not agree about a mark that does not stand first
        if strange in text:
            raise _binary(path, root, text[: text.index(strange)].count("\n") + 1)
    return Source(path, named(path, root), text, bom)


def broken(where: str, faults: Iterable[Fault]) -> SpecError:
    """The error for a text that is not YAML as it can be read; the first of its faults."""
    first = min(faults)
    return SpecError(first.what, where=f"{where}:{first.line}", next_action=first.next_action, code=_CODES[first.kind])


_REGULAR = "put a regular file of at most 1 MiB there"


def _unreadable(path: Path, root: Path, why: str, action: str = _REGULAR) -> SpecError:
    return SpecError(
        f"the file cannot be read: {why}",
        where=named(path, root),
        next_action=action,
        code="platform-unreadable",
    )


def _binary(path: Path, root: Path, line: int) -> SpecError:
    return SpecError(
        "the file is not UTF-8 text, or has a NUL or a byte order mark in it",
        where=f"{named(path, root)}:{line}",
        next_action="save it as UTF-8 text",
        code="platform-not-text",
    )


def write_source(path: Path, root: Path, data: bytes, before: bytes | None) -> None:
    """Put ``data`` there if the file still is what was read; raises SpecError or RefusedError, and then wrote nothing.

    ``before`` is None where no file was.
    """
    inside(path, root)
    try:
        if _now(path) != before:
            raise _changed(path, root)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise SpecError(
            f"the file cannot be written: {reason_of(error)}",
            where=named(path, root),
            next_action="make it writable, then run this again",
            code="platform-unwritable",
        ) from None


def _now(path: Path) -> bytes | None:
    try:
        return read_file(path, LARGEST)
    except FileNotFoundError:
        return None


def _changed(path: Path, root: Path) -> PointsmanError:
    return RefusedError(
        "somebody else changed the file meanwhile",
        where=named(path, root),
        next_action="run this again",
        code="platform-changed",
    )
