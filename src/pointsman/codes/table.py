"""The table of codes, read from ``codes.toml``: a file, since its rows are longer than lines of a program should be."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Code", "Table", "find", "near", "tables"]


@dataclass(frozen=True, slots=True)
class Code:
    """One row."""

    code: str
    """Stable, never used again for something else."""
    exit: str
    """Exit codes of the program: ``2``, or ``3, 4`` where it depends; 0 for a warning."""
    means: str
    """Lowercase, no full stop."""
    remedy: str
    """What to do: imperative, lowercase."""
    title: str
    """What the table is about; a heading of the page."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        exits = [int(one) for one in self.exit.split(", ")]
        return {"code": self.code, "about": self.title, "exitCodes": exits, "means": self.means, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table of the page."""

    title: str
    codes: tuple[Code, ...]


@cache
def tables() -> tuple[Table, ...]:
    """All tables, in the order of the page."""
    said = tomllib.loads(files(__package__).joinpath("codes.toml").read_text(encoding="utf-8"))
    return tuple(Table(one["title"], tuple(_code(one["title"], *row) for row in one["codes"])) for one in said["table"])


def _code(title: str, code: str, leaves: str, means: str, remedy: str) -> Code:
    return Code(code, leaves, means, remedy, title)


def find(word: str) -> Code | None:
    """The row of a code; in a move a code has its step before it: ``deploy.cannot-start``."""
    known = {one.code: one for table in tables() for one in table.codes}
    return known.get(word) or known.get(word.rpartition(".")[2])


def near(word: str) -> list[str]:
    """Codes that look like the word, the nearest first."""
    known = [one.code for table in tables() for one in table.codes]
    return difflib.get_close_matches(word.rpartition(".")[2], known, n=3)
