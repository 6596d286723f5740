"""Which steps a move has, by strategy, as ids: the journal keeps the ids, and any process makes the steps from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BRIDGE", "GAP", "SIDE_BY_SIDE", "Rounds", "rounds"]

SHARES = (10, 50, 100)
"""Percent of the tenants on the target, one step after the other, where both sides stand whole."""

_UP = ("deploy", "serve-ready", "contract")
_SHIFTS = tuple(f"shift-{share}" for share in SHARES)
_AWAY = ("hold", "detach", "drain")

SIDE_BY_SIDE = (*_UP, *_SHIFTS, *_AWAY, "park")
"""The target whole beside the source."""
BRIDGE = (*(f"bridge.{step}" for step in (*_UP, *_SHIFTS, *_AWAY, "release")), *SIDE_BY_SIDE)
"""To the layer in the middle, the source released, and on from there."""
GAP = ("reference", "close", "drain", "release", *_UP, "open", "hold", "settle")
"""The source goes first; tenants are turned away until the target serves."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """A move replica by replica."""

    first: int
    """Replicas the target begins with."""
    least: int
    """The fewest replicas that carry all tenants at any time, both sides together."""
    steps: tuple[str, ...]


def rounds(replicas: int, spare: int) -> Rounds:
    """The steps for ``replicas`` (2 or more) where there is room for ``spare`` more (fewer than ``replicas``).

    With no room at all the source lends one replica first. The target's share is never more than its replicas' part of
    all, and it is raised before the source shrinks.
    """
    first = max(1, spare)
    steps = list(_rounds(replicas, spare, first))
    return Rounds(first, replicas if spare else replicas - 1, tuple(steps))


def _rounds(replicas: int, spare: int, first: int) -> Iterator[str]:
    source, target = replicas, first
    if not spare:
        source -= 1
        yield f"source-{source}"
    yield from _UP
    share = 0
    while target < replicas:
        part = 100 * target // replicas
        onto = sorted({part, *(one for one in SHARES if one < part)}) if not share else [part]
        yield from (f"shift-{one}" for one in onto)
        share = part
        if source == 1:
            break
        freed = min(first, source - 1, replicas - target)
        source -= freed
        target += freed
        yield f"source-{source}"
        yield f"target-{target}"
    yield "shift-100"
    yield from (*_AWAY, "park")
    if target < replicas:
        yield f"target-{replicas}"
