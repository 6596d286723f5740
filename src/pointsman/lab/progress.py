"""What the lab says while it works: one value per step, given to whoever asked for the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "Report", "silent"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that is being done. ``total`` is 0 where nobody can know it."""

    stage: str
    text: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        counted = f" ({self.done}/{self.total})" if self.total else f" ({self.done})" if self.done else ""
        return f"{self.stage}: {self.text}{counted}"


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A report for callers that do not care."""
