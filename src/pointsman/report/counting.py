"""Numbers of things in words."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["count_of", "records_among"]

_LOCK = "Lease "


def count_of(number: int, thing: str) -> str:
    """``1 engine``, ``2 engines``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def records_among(names: Iterable[str]) -> str:
    """``1 record of ours``: locks are none, they are made and gone with whoever works."""
    return f"{count_of(sum(not one.startswith(_LOCK) for one in names), 'record')} of ours"
