"""What came of one move with one fault in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.demo.ledger import Entry, Window
from pointsman.demo.reconciliation import Reconciliation

__all__ = ["Outcome", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """Something the program said, and when, on the tenants' clock."""

    at: float
    event: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    exit: int
    receipt: dict[str, Any]
    felt: dict[str, Any]
    """The tenants' ledger, summed up."""
    entries: Sequence[Entry]
    """The ledger's requests that were sent during the move."""
    seconds: float
    layer: str
    left: set[str]
    """Objects that were not there before, and ones that are gone."""
    books: Reconciliation
    """Receipts of all moves of the case against the whole ledger."""
    answers: str = ""
    """Faults of the road, counted."""
    told: Sequence[Told] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    """Moments on the tenants' clock."""
    names: Mapping[str, str] = field(default_factory=dict)
    deaths: Sequence[Window] = ()
    """When engines of the target died by themselves."""

    @property
    def code(self) -> str:
        """The error's code; empty when there was none."""
        return str((self.receipt.get("error") or {}).get("code", ""))

    @property
    def what(self) -> str:
        """The error's words."""
        return str((self.receipt.get("error") or {}).get("what", ""))

    def first(self, event: str, step: str, *, after: float) -> float:
        """When the program first said so after a moment."""
        return next(one.at for one in self.told if one.at > after and one.event == event and one.step.startswith(step))
