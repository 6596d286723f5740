"""Numbers of things in words."""

from __future__ import annotations

__all__ = ["count_of"]


def count_of(number: int, thing: str) -> str:
    """``1 engine``, ``2 engines``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
