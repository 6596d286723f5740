"""The outcome of holding receipts against the tenants' ledger: numbers, or what is known of them, by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.move.counting.traffic import UNKNOWN

__all__ = ["Bounds", "Reconciliation", "Row", "sentence"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number of requests that lies between two others; usually they are the same."""

    least: float = 0
    most: float = 0

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(self.least + other.least, self.most + other.most)

    @property
    def exact(self) -> bool:
        """Is it one number?"""
        return self.least == self.most

    def told(self) -> int | dict[str, int | str]:
        """For JSON: the number, or what is known of it."""
        if self.exact:
            return round(self.least)
        return {"atLeast": round(self.least), "atMost": UNKNOWN if math.isinf(self.most) else round(self.most)}


@dataclass(frozen=True, slots=True)
class Row:
    """One layer."""

    ledger: int
    """Requests whose whole right answer tenants had from the layer."""
    receipts: Bounds
    outside: Bounds
    """Answered outside of all receipts' windows."""
    failed: int = 0
    """Requests that tenants count as failed and that an engine of the layer may have answered all the same."""
    why: tuple[str, ...] = ()
    """Why a number is a range."""
    wrong: tuple[str, ...] = ()
    """What cannot be, whatever the sums say."""

    @property
    def surplus(self) -> Bounds:
        """What engines answered beyond the ledger."""
        return self.receipts + self.outside + Bounds(-self.ledger, -self.ledger)

    @property
    def agrees(self) -> bool:
        """Can both be true?"""
        return not self.wrong and self.surplus.least <= self.failed and self.surplus.most >= 0

    @property
    def exact(self) -> bool:
        """Are both the same number, with nothing to explain?"""
        return not self.wrong and self.surplus == Bounds()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ledger": self.ledger,
            "receipts": self.receipts.told(),
            "outside": self.outside.told(),
            "failed": self.failed,
            "agrees": self.agrees,
            "exact": self.exact,
            "why": [*self.wrong, *self.why],
        }


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All layers."""

    layers: Mapping[str, Row]
    failed: int = 0
    """Requests that tenants count as failed; one of them is at most one answer of one layer."""

    @property
    def agrees(self) -> bool:
        """Can the receipts and the ledger both be true?"""
        rows = self.layers.values()
        return all(one.agrees for one in rows) and sum(max(0, one.surplus.least) for one in rows) <= self.failed

    @property
    def exact(self) -> bool:
        """Are they the same, to the request?"""
        return all(one.exact for one in self.layers.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = {layer: row.as_dict() for layer, row in self.layers.items()}
        return {"agrees": self.agrees, "exact": self.exact, "failed": self.failed, "layers": rows}


def sentence(found: Reconciliation) -> str:
    """For people: the sums, or where they differ."""
    if found.exact:
        said = sum((row.receipts for row in found.layers.values()), Bounds())
        outside = sum((row.outside for row in found.layers.values()), Bounds())
        return f"receipts {_words(said)} + outside of moves {_words(outside)} = tenants' ledger, to the request"
    rows = [
        f"{layer}: receipts {_words(row.receipts)} + outside {_words(row.outside)}, ledger {row.ledger}"
        + (f" and {row.failed} failed" if row.failed else "")
        + "".join(f" ({why})" for why in (*row.wrong, *row.why))
        for layer, row in found.layers.items()
        if not row.exact
    ]
    return f"receipts and tenants' ledger {'can both be true' if found.agrees else 'DISAGREE'}: {'; '.join(rows)}"


def _words(bounds: Bounds) -> str:
    if bounds.exact:
        return f"{bounds.least:.0f}"
    return f"{bounds.least:.0f} or more" if math.isinf(bounds.most) else f"{bounds.least:.0f} to {bounds.most:.0f}"
