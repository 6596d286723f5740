"""What a running move tells whoever watches it.

The move speaks to an ``Observer`` and knows nothing of terminals; a terminal, a pipe and a program each get an
observer of their own. Telling never fails a move: an observer that cannot print keeps quiet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pointsman.foreign import harmless

__all__ = ["Happening", "Observer", "Quiet", "Topic"]


class Topic(StrEnum):
    """What kind of thing happened."""

    MOVE_OPENED = "move-opened"
    MOVE_ENDED = "move-ended"
    STEP_BEGUN = "step-begun"
    STEP_NOTE = "step-note"
    STEP_DONE = "step-done"
    STEP_FAILED = "step-failed"
    UNDO_BEGUN = "undo-begun"
    UNDO_DONE = "undo-done"
    UNDO_FAILED = "undo-failed"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    seconds: float
    """Since the move began."""
    topic: Topic
    step: str
    """The step's id; empty when it concerns the whole move."""
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", harmless(self.step))
        object.__setattr__(self, "text", harmless(self.text))

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names, for ``--output json``."""
        return {
            "seconds": round(self.seconds, 3),
            "event": str(self.topic),
            "step": self.step,
            "text": self.text,
            **({"data": dict(self.data)} if self.data else {}),
        }


class Observer(Protocol):
    """Somebody who watches a move."""

    def tell(self, happening: Happening) -> None:
        """Take note. Must not raise and must not block."""


class Quiet:
    """An observer that shows nothing."""

    def tell(self, happening: Happening) -> None:
        """Do nothing."""
