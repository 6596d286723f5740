"""Kubernetes quantities (``500m``, ``4Gi``) as exact numbers, and back into what the downward API shows."""

from __future__ import annotations

import math
from decimal import Decimal

__all__ = ["in_units", "quantity"]

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def quantity(text: str | float) -> Decimal:
    """The number a quantity stands for."""
    word = str(text)
    digits = word.rstrip("numkMGTPEi")
    suffix = word[len(digits) :]
    if suffix == "E" and not digits:
        raise ValueError(f"{word!r} is not a quantity")
    return Decimal(digits) * _SUFFIXES[suffix]


def in_units(amount: str | float, divisor: str | float = "1") -> str:
    """``amount`` in units of ``divisor``, rounded up, as ``resourceFieldRef`` shows it."""
    unit = quantity(divisor) or Decimal(1)
    return str(math.ceil(quantity(amount) / unit))
