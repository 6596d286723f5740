"""Whose lines stand in a file: a three-way merge on bytes, line by line.

Our commit made ``after`` of ``before``. What others did since is what leads from ``after`` to the file as it is now.
Where that leaves our lines alone, they stand, and can be taken back alone. git's own merge would do, but for one thing:
it takes a change of the line beside ours for a change of ours, and features stand one below the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from pointsman.delivery.git.changes import Made

__all__ = ["OverwrittenError", "merged", "stands"]


class OverwrittenError(Exception):
    """Others changed the same lines."""


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines of a base, from ``start`` to before ``end``, and what they become."""

    start: int
    end: int
    lines: tuple[bytes, ...]

    def meets(self, other: _Hunk) -> bool:
        """Do both change a line, or both put lines into the same place? Side by side they do not meet."""
        if self.start == self.end and other.start == other.end:
            return self.start == other.start
        return self.start < other.end and other.start < self.end


def merged(current: Made, base: Made, other: Made) -> Made:
    """``current`` with what leads from ``base`` to ``other``; raises OverwrittenError when both changed the same."""
    if current == base:
        return other
    if other in (current, base):
        return current
    if current is None or base is None or other is None:
        raise OverwrittenError
    lines = base.splitlines(keepends=True)
    ours, theirs = _hunks(lines, other), _hunks(lines, current)
    if any(one != their and one.meets(their) for one in ours for their in theirs):
        raise OverwrittenError
    return b"".join(_applied(lines, sorted({*ours, *theirs}, key=lambda hunk: (hunk.start, hunk.end))))


def stands(current: Made, before: Made, after: Made) -> bool:
    """Do all lines of our commit stand in the file as we wrote them?"""
    if current is None or before is None or after is None:
        return current == after
    lines = after.splitlines(keepends=True)
    theirs = _hunks(lines, current)
    return not any(one.meets(their) for one in _hunks(lines, before) for their in theirs)


def _hunks(base: list[bytes], content: bytes) -> list[_Hunk]:
    """What leads from the base to the content, in order."""
    lines = content.splitlines(keepends=True)
    head = _shared(base, lines)
    tail = _shared(base[head:][::-1], lines[head:][::-1])
    middle, new = base[head : len(base) - tail], lines[head : len(lines) - tail]
    steps = SequenceMatcher(None, middle, new, autojunk=False).get_opcodes()
    return [_Hunk(head + a, head + b, tuple(new[c:d])) for kind, a, b, c, d in steps if kind != "equal"]


def _shared(one: list[bytes], other: list[bytes]) -> int:
    """How many lines both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _applied(base: list[bytes], hunks: list[_Hunk]) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    for hunk in hunks:
        found += [*base[at : hunk.start], *hunk.lines]
        at = hunk.end
    return found + base[at:]
