"""Lines in a terminal, folded at words: what follows stands below its own column.

A terminal breaks a long line wherever it ends, in the middle of a word too. In a pipe lines stay whole: programs read
them one by one. Words are never broken, nor joined: a path, a name or a URL stays what can be copied. What has to stay
exactly as it is (a diff, manifests, commands to be pasted) does not go through here.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import TextIO

from pointsman.foreign import harmless
from pointsman.report.text import write_lines

__all__ = ["folded", "room_of", "wrapped", "write_folded"]

_LABELLED = re.compile(r"(.*\S {2,}|\s*)\S")
"""What stands before the last column of a line; its indentation where there is one column only."""
STEP = 2
LEAST = 24
"""Columns that the last column keeps; where it would have less, it goes on below the first one."""


def room_of(stream: TextIO) -> int | None:
    """Columns of the terminal that the stream is; None when it is none. ``COLUMNS`` says it first, as to others.

    The interpreter's own way asks its first standard output, which this program has replaced.
    """
    if not stream.isatty():
        return None
    try:
        if not os.environ.get("COLUMNS", "").isdecimal() and (columns := os.get_terminal_size(stream.fileno()).columns):
            return columns
    except (OSError, ValueError):
        pass
    return shutil.get_terminal_size().columns


def folded(line: str, room: int) -> Iterator[str]:
    """A line as those it takes in so much room."""
    if len(line) <= room:
        yield line
        return
    yield from wrapped(line, room, _hanging(line, room))


def wrapped(text: str, room: int, hanging: int = 0) -> list[str]:
    """The one way to fold: a word stays whole whatever is in it, also one that is longer than the room.

    One that has room only further to the left stands there.
    """
    hung = " " * hanging
    lines = textwrap.wrap(text, room, subsequent_indent=hung, break_long_words=False, break_on_hyphens=False)
    return [line.strip().rjust(room) if len(line.strip()) <= room < len(line) else line for line in lines]


def _hanging(line: str, room: int) -> int:
    found = _LABELLED.match(line)
    column, indentation = found.end(1) if found else 0, len(line) - len(line.lstrip())
    return column if indentation < column <= room - LEAST else indentation + STEP


def write_folded(stream: TextIO, lines: Iterable[str]) -> None:
    """Write lines, folded where the stream is a terminal, and let them be seen."""
    room = room_of(stream)
    if room is not None:
        lines = [each for line in lines for part in harmless(line).split("\n") for each in folded(part, room)]
    write_lines(stream, list(lines))
