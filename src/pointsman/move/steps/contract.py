"""What a step of a move is.

``validate`` looks and changes nothing; what it returns is written into the journal *before* the step acts, and
``undo`` gets it back, in this process or another. ``apply`` and ``undo`` can be said twice: a process that died in
the middle is followed by one that says them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.edge.contract import Member
from pointsman.move.context import Context

__all__ = ["Description", "Detail", "Step"]

Detail = Mapping[str, Any]
"""JSON-like facts for the journal."""


@dataclass(frozen=True, slots=True)
class Description:
    """A step in words: what it does, what proves it, what takes it back."""

    act: str
    check: str
    undo: str


class Step(Protocol):
    """One step. Stateless: everything it needs to remember goes through the journal."""

    @property
    def id(self) -> str:
        """Stable name, in the journal, in reports and on the command line."""

    @property
    def commits(self) -> bool:
        """Does the point of no return lie right before this step?"""

    @property
    def shifts(self) -> bool:
        """Does it change where tenants go, or can go? An abort takes back these steps only."""

    def members(self, context: Context) -> Sequence[Member] | None:
        """Where tenants go once the step is done; None: it leaves the alias alone."""

    def describe(self, context: Context) -> Description:
        """The step in words."""

    async def validate(self, context: Context) -> Detail:
        """Check what must hold before the step acts, and return what undo will need. Changes nothing."""

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Act, and prove that it worked; return the evidence. Raises a PointsmanError when it did not."""

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Put back what ``validate`` saw, whether ``apply`` did all, some or nothing."""
