"""What a check is: an id that is never reused, what is said of it, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.adopt.findings import Fix
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place

if TYPE_CHECKING:
    from pointsman.checks.view import View

__all__ = ["Check", "Level", "Run", "Source", "Sure", "Told"]


class Level(StrEnum):
    """How bad it is."""

    error = "error"
    """It breaks, loses requests, or costs money without end."""
    warning = "warning"
    """It bites some day: under load, at a restart, at an upgrade."""
    info = "info"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return ("info", "warning", "error").index(self.value)


class Sure(StrEnum):
    """How sure the cause is."""

    measured = "measured"
    """Seen on the real program, by a test of ours or a measurement that is cited."""
    source = "read in source"
    """Read in the program's source, of the version that is cited."""
    rule = "rule of thumb"
    """Experience: right mostly."""


class Source(StrEnum):
    """Where a check can look."""

    files = "files"
    cluster = "cluster"


@dataclass(frozen=True, slots=True)
class Told:
    """What a check's function says of one place."""

    standing: Standing | None
    """The object; None where it is of none."""
    what: str
    """One lowercase sentence without a full stop; the object's name is put before it."""
    place: Place = ()
    """Where in the object."""
    next_action: str = ""
    """What to do here; empty: the check's remedy."""
    fixes: tuple[Fix, ...] = ()
    """Edits that mend it, all together."""
    where: str = ""
    """``file:line`` where there is no object."""
    model: str = ""
    tied: str = ""
    """As ``adopt.findings.Finding.tied``."""


Run = Callable[["View"], Iterator[Told]]
"""The function that looks."""


@dataclass(frozen=True, slots=True)
class Check:
    """One."""

    id: str
    """``PM`` and three digits, grouped by hundreds; never reused."""
    name: str
    """For people: ``scale-to-zero``."""
    level: Level
    reads: frozenset[str]
    """Kinds, and parts of a view (``View.PARTS``), that it looks at: all of them, and no other."""
    cause: str
    """Why it bites, in a line."""
    remedy: str
    """Imperative, lowercase."""
    sure: Sure
    fact: str
    """Where the cause is known from: project, version, file, or measurement."""
    run: Run
    sources: frozenset[Source] = frozenset(Source)
    """Where it can look."""
    fixable: bool = False
    """Has at least one kind of its findings an edit?"""
    layers: frozenset[str] = frozenset()
    """Layers that it matters to; none: all of them. See ``matters``."""

    whole: bool = False
    """Does it say nothing unless it saw everything that it reads? Of what is missing only such a look can tell."""

    def matters(self, layer: str) -> bool:
        """Is it of interest to whoever uses this layer? What is about one layer alone says so by its hundred."""
        own = _HUNDREDS.get(self.id[2], "")
        return layer in self.layers if self.layers else own in ("", layer)

    @property
    def page(self) -> str:
        """Its page."""
        return f"docs/checks/{self.id}.md"


_HUNDREDS = {"2": "kserve", "3": "llm-d"}
