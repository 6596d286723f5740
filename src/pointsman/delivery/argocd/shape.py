"""Reading what others wrote without believing its shape: what is of another kind is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["items", "mapping", "number", "words"]


def mapping(found: Any) -> Mapping[str, Any]:
    """It, when it is a mapping."""
    return found if isinstance(found, Mapping) else {}


def items(found: Any) -> list[Mapping[str, Any]]:
    """The mappings in it, when it is a list."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def words(found: Any) -> list[str]:
    """Its values as text, when it is a list."""
    return [str(one) for one in found if one is not None] if isinstance(found, list) else []


def number(found: Any, otherwise: int) -> int:
    """It, when it is a number of reasonable size."""
    return int(found) if isinstance(found, int) and abs(found) < 1 << 53 else otherwise
