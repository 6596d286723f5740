"""Quantities as the API server writes them (apimachinery, ``resource.Quantity``)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

__all__ = ["milli", "quantity", "whole"]

_FORM = re.compile(r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))(?P<unit>[eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_UNITS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


def quantity(text: str | int | float) -> Decimal:
    """``500m`` is 0.5, ``1Gi`` is 1073741824, ``1e3`` is 1000; raises ValueError for anything else."""
    return _parsed(str(text))


@lru_cache(4096)  # a thousand pods ask for a handful of different amounts
def _parsed(text: str) -> Decimal:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no quantity")
    number, unit = Decimal(match["number"]), match["unit"] or ""
    if unit[:1] in ("e", "E") and unit[1:]:
        return number * Decimal(10) ** int(unit[1:])
    return number * _UNITS.get(unit, Decimal(1))


def milli(text: str | int | float) -> int:
    """Thousandths, rounded up, as the scheduler rounds CPU."""
    return _up(quantity(text) * 1000)


def whole(text: str | int | float) -> int:
    """A whole number, rounded up, as the scheduler rounds everything else."""
    return _up(quantity(text))


def _up(number: Decimal) -> int:
    floor = int(number)
    return floor + (number > floor)
