"""The grid: for each id a folder that fails and one that is clean; comments say what is to be found in which line.

``# expect: PM201`` at the end of a line means that line; ``expect below: PM902`` the line after it. Examples of checks
that look at a cluster alone are what runs there: the comment means the object that it stands in, and
``expect of the cluster: PM701`` none.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Source
from pointsman.checks.cluster import Examined, examine
from pointsman.checks.finding import Outcome
from pointsman.checks.repository import lint
from tests.checks.written import Written

__all__ = ["GRID", "Example", "examples", "promised"]

GRID = Path(__file__).parent / "grid"
_EXPECT = re.compile(r"expect( below)?: ((?:PM[0-9]{3}[, ]*)+)")
_NOWHERE = re.compile(r"expect of the cluster: ((?:PM[0-9]{3}[, ]*)+)")
_LIVE = {one.id for one in CHECKS if Source.files not in one.sources}


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

    @property
    def live(self) -> bool:
        """Is it what runs?"""
        return self.id in _LIVE

    def expected(self) -> set[tuple[str, str]]:
        """``(id, file:line)``, or the object that runs, of everything that its comments promise."""
        if self.live:
            return set(self._expected_live())
        return {
            (found, f"{file.relative_to(self.path).as_posix()}:{number + bool(match[1])}")
            for file in self.files()
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
            for match in _EXPECT.finditer(line)
            for found in re.findall("PM[0-9]{3}", match[2])
        }

    def _expected_live(self) -> Iterator[tuple[str, str]]:
        for file in self.files():
            for text in re.split(r"^---$", file.read_text("utf-8"), flags=re.MULTILINE):
                yield from ((found, "the cluster") for found in _ids(_NOWHERE, text))
                yield from ((found, _named(yaml.safe_load(text))) for found in promised(text))

    def examined(self) -> Examined:
        """What every check says of it, where it is what runs."""
        return asyncio.run(examine(Written(self.path), CHECKS))

    def found(self) -> Outcome:
        """What its own check, those that its comments name, and those of ignores say of it; of 9xx all are asked."""
        if self.live:
            named = {self.id, *(one for one, _ in self.expected())}
            wanted = [one for one in CHECKS if one.id in named]
            return asyncio.run(examine(Written(self.path), wanted)).outcome
        asked = {self.id, *(one for one, _ in self.expected())}
        chosen = [one for one in CHECKS if one.id in asked or one.id.startswith("PM9")]
        made = lint(self.path, checks=CHECKS if self.id.startswith("PM9") else chosen)[1]
        made.findings = [one for one in made.findings if one.check in chosen]
        return made


def promised(text: str) -> list[str]:
    """Ids that the comments of an object promise, whatever line of it they mean."""
    return _ids(_EXPECT, text)


def _ids(pattern: re.Pattern[str], text: str) -> list[str]:
    return [
        found for match in pattern.finditer(text) for found in re.findall("PM[0-9]{3}", match[match.lastindex or 0])
    ]


def _named(data: Any) -> str:
    metadata = data["metadata"]
    space = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{data['kind']} {space}{metadata['name']}"


def examples() -> list[Example]:
    """Every one, in the order of ids."""
    return [Example(path) for path in sorted(GRID.iterdir())]
