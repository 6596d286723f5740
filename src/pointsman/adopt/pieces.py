"""Pieces of data that others wrote, which may have another shape than is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["mapped"]


def mapped(value: Any) -> Mapping[str, Any]:
    """The mapping; an empty one where something else stands."""
    return value if isinstance(value, dict) else {}
