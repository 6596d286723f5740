"""The grid: for each id a folder that fails and one that is clean; comments say what is to be found in which line.

``# expect: PM201`` at the end of a line means that line; ``expect below: PM902`` the line after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsman.checks.catalogue import CHECKS
from pointsman.checks.finding import Outcome
from pointsman.checks.repository import lint

__all__ = ["GRID", "Example", "examples"]

GRID = Path(__file__).parent / "grid"
_EXPECT = re.compile(r"expect( below)?: ((?:PM[0-9]{3}[, ]*)+)")


@dataclass(frozen=True)
class Example:
    """One: a folder."""

    path: Path

    @property
    def id(self) -> str:
        """Whose it is."""
        return self.path.name.partition(".")[0]

    @property
    def fails(self) -> bool:
        """Is it the one that fails?"""
        return self.path.name.split(".")[1] == "fails"

    def files(self) -> list[Path]:
        """All of them."""
        return sorted(one for one in self.path.rglob("*") if one.is_file())

    def expected(self) -> set[tuple[str, str]]:
        """``(id, file:line)`` of everything that its comments promise."""
        return {
            (found, f"{file.relative_to(self.path).as_posix()}:{number + bool(match[1])}")
            for file in self.files()
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
            for match in _EXPECT.finditer(line)
            for found in re.findall("PM[0-9]{3}", match[2])
        }

    def found(self) -> Outcome:
        """What its own check, those that its comments name, and those of ignores say of it; of 9xx all are asked."""
        asked = {self.id, *(one for one, _ in self.expected())}
        chosen = [one for one in CHECKS if one.id in asked or one.id.startswith("PM9")]
        made = lint(self.path, checks=CHECKS if self.id.startswith("PM9") else chosen)[1]
        made.findings = [one for one in made.findings if one.check in chosen]
        return made


def examples() -> list[Example]:
    """Every one, in the order of ids."""
    return [Example(path) for path in sorted(GRID.iterdir())]
