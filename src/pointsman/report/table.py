"""A table for people: as wide as it has to be in a pipe, folded in a terminal, where names stay whole.

Text and nothing more: a library's tables take seconds for a thousand rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TextIO

from pointsman.foreign import harmless
from pointsman.report.folding import folded, room_of, wrapped

__all__ = ["Table", "note"]

GAP = 3
"""Columns between two columns; fewer where a terminal has no room for that, and has it then."""
LEAST = 12
"""Columns of a terminal below which no column of the table is folded, however narrow the terminal."""
BOLD, YELLOW, PLAIN = "\x1b[1m", "\x1b[33m", "\x1b[0m"


class Table:
    """Rows of text under a header; columns of ``names`` are never folded, since people copy from them."""

    def __init__(self, columns: Sequence[str], names: Sequence[str] = ()) -> None:
        self._columns = tuple(columns)
        self._names = frozenset(names)
        self._rows: list[tuple[str, ...]] = []

    def add(self, *cells: str) -> None:
        """One row, a cell a column."""
        self._rows.append(tuple(harmless(" ".join(cell.split())) for cell in cells))

    def write(self, stream: TextIO) -> None:
        """All of it."""
        gap, widths = self._laid_out(room_of(stream))
        for line in _lines(self._columns, widths, gap):
            stream.write(_painted(stream, BOLD, line))
        stream.write("".join(f"{line}\n" for row in self._rows for line in _lines(row, widths, gap)))

    def _laid_out(self, room: int | None) -> tuple[int, list[int]]:
        """The gap, and what each column takes."""
        for gap in range(GAP, 0, -1):
            widths = self._widths(room, gap)
            if room is None or _width(widths, gap) <= room:
                return gap, widths
        return GAP, self._widths(room, GAP)

    def _widths(self, room: int | None, gap: int) -> list[int]:
        """Where it is too much for the room, the widest that may be folded gives way."""
        widths = [max(map(len, cells)) for cells in zip(self._columns, *self._rows, strict=True)]
        if room is None:
            return widths
        folding = {at: self._least(at) for at, column in enumerate(self._columns) if column not in self._names}
        while _width(widths, gap) > room:
            giving = [at for at, least in folding.items() if widths[at] > least]
            if not giving:
                break
            widths[max(giving, key=widths.__getitem__)] -= 1
        return widths

    def _least(self, at: int) -> int:
        """What a column keeps: its longest word."""
        return max([LEAST, *(len(word) for row in self._rows for word in row[at].split())])


def note(stream: TextIO, text: str) -> None:
    """A line that people should not miss, as many as it needs in a terminal."""
    room, said = room_of(stream), harmless(text)
    for line in [said] if room is None else folded(said, room):
        stream.write(_painted(stream, YELLOW, line))


def _width(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _lines(cells: Sequence[str], widths: Sequence[int], gap: int) -> Iterator[str]:
    """A row, as many lines as its longest cell needs."""
    parted = [wrapped(cell, width) if len(cell) > width else [cell] for cell, width in zip(cells, widths, strict=True)]
    for parts in zip_longest(*parted, fillvalue=""):
        yield (" " * gap).join(map(str.ljust, parts, widths)).rstrip()


def _painted(stream: TextIO, colour: str, text: str) -> str:
    """A line, in colour where the stream is a terminal that shows some."""
    shows = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"{colour}{text}{PLAIN}\n" if shows else f"{text}\n"
