"""What differs between two values of data, place by place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["ABSENT", "Difference", "differences"]

ABSENT = object()
"""Nothing is there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One."""

    place: tuple[str | int, ...]
    before: Any
    after: Any


def differences(before: Any, after: Any, place: tuple[str | int, ...] = ()) -> Iterator[Difference]:
    """Every place where two values differ; an item put into a list is one difference, wherever it was put."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in before or key not in after:
                yield Difference((*place, key), before.get(key, ABSENT), after.get(key, ABSENT))
            else:
                yield from differences(before[key], after[key], (*place, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, place)
    elif type(before) is not type(after) or before != after:
        yield Difference(place, before, after)


def _of_lists(before: list[Any], after: list[Any], place: tuple[str | int, ...]) -> Iterator[Difference]:
    if len(before) == len(after):
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, (*place, at))
        return
    if len(after) == len(before) + 1:
        for at in range(len(after)):
            if after[:at] + after[at + 1 :] == before:
                yield Difference((*place, at), ABSENT, after[at])
                return
    yield Difference(place, before, after)
