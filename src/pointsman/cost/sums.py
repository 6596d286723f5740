"""Sums that may be incomplete: what is known of an amount, and how many parts of it are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointsman.cost.prices import MONTH

__all__ = ["Sum", "total"]

HOUR, CENT = Decimal("0.0001"), Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Sum:
    """Money an hour."""

    known: Decimal = Decimal(0)
    parts: int = 0
    """Of how many things."""
    missing: int = 0
    """Of so many of them it is not known."""
    more: bool = False
    """May there be others, which nobody could look at?"""

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        parts, missing = self.parts + other.parts, self.missing + other.missing
        return Sum(self.known + other.known, parts, missing, self.more or other.more)

    def as_dict(self, *, priced: bool = True) -> dict[str, Any]:
        """``perHour`` and ``perMonth`` (730 h) are null while a part is missing or not seen; what is known stands in
        ``atLeast``.

        Amounts are text, so that nobody rounds them. ``priced``: were there prices? Without any not even a sum of
        nothing is 0.
        """
        if not priced:
            return {"perHour": None, "perMonth": None, "atLeast": None, "notKnown": self.parts}
        hour, month = str(self.known.quantize(HOUR)), str((self.known * MONTH).quantize(CENT))
        if not self.missing and not self.more:
            return {"perHour": hour, "perMonth": month}
        some = self.missing < self.parts or not self.parts
        least = {"perHour": hour, "perMonth": month} if some else None
        return {"perHour": None, "perMonth": None, "atLeast": least, "notKnown": self.missing}


def total(amounts: Iterable[Decimal | None], *, more: bool = False) -> Sum:
    """Of all these, and of ``more`` that nobody could look at."""
    known, parts, missing = Decimal(0), 0, 0
    for one in amounts:
        parts += 1
        if one is None:
            missing += 1
        else:
            known += one
    return Sum(known, parts, missing, more)
