"""One thing that stands in the way of a move at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Obstacle"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A setting that the move cannot live with, or that weakens it."""

    code: str
    sentence: str
    """What the edge would do."""
    place: str
    action: str = ""
    level: Literal["refuse", "warn"] = "refuse"
