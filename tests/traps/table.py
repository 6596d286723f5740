"""``docs/traps.md``, written from what a run saw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import machine

from tests.traps.trap import Trap

__all__ = ["Row", "write_table"]

HEAD = """# Traps that checks call before

Each row is one trap, met on the real programs of a lab: what they did when nobody had asked the check, and which check
tells it beforehand, from the same files or objects. The table is written by the run itself (`make traps`); `make test`
meets some of them. A row is not ok when the trap did not bite, when a check did not tell it, or when the check told it
of a sound one too.

| trap | what happened | told before by | ok |
| --- | --- | --- | --- |
"""
MOST = 400
_OF_A_RUN = re.compile(r"-[0-9a-f]{6}\b")
"""What tells names of one run from those of another."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trap."""

    fact: str
    happened: str
    told: tuple[str, ...]
    ok: bool

    @classmethod
    def of(cls, trap: Trap, passed: bool) -> Row:
        """What its test saw."""
        told = tuple(
            f"[{one}](checks/{one}.md) {trap.heard[one]}" if one in trap.heard else f"{one}: NOT HEARD"
            for one in trap.checks
        )
        return cls(trap.fact, trap.happened, told, passed and bool(trap.happened) and not trap.missed())

    def line(self) -> str:
        """As the table has it."""
        cells = (_plain(self.fact), _plain(self.happened), "; ".join(map(_plain, self.told)))
        return f"| {' | '.join(cells)} | {'yes' if self.ok else 'NO'} |\n"


def _plain(text: str) -> str:
    words = " ".join(_OF_A_RUN.sub("", text).replace("|", "/").split())
    return words if len(words) <= MOST else f"{words[:MOST].rpartition(' ')[0]} …"


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the page."""
    ordered = sorted(rows, key=lambda one: one.fact)
    closing = (
        f"\nTogether {len(rows)} traps, {sum(not one.ok for one in rows)} not as they should be.\n\n{machine()}.\n"
    )
    path.write_text(HEAD + "".join(one.line() for one in ordered) + closing, encoding="utf-8")
