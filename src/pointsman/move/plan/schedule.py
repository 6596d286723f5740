"""Which steps a move has, by strategy, as ids: the journal keeps the ids, and any process makes the steps from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["GAP", "SHARES", "Rounds", "bridge", "in_one", "rounds", "side_by_side"]

SHARES = (10, 50, 100)
"""Percent of the tenants on the target, one step after the other, where both sides stand whole and nobody chose."""

_UP = ("deploy", "serve-ready", "contract")
_AWAY = ("hold", "detach", "drain")

GAP = ("reference", "close", "drain", "release", *_UP, "open", "hold", "settle")
"""The source goes first; tenants are turned away until the target serves."""


def side_by_side(shares: Sequence[int]) -> tuple[str, ...]:
    """The target whole beside the source."""
    return (*_over(shares), "park")


def bridge(shares: Sequence[int]) -> tuple[str, ...]:
    """To the layer in the middle, the source released, and on from there."""
    return (*(f"bridge.{step}" for step in (*_over(shares), "release")), *side_by_side(shares))


def in_one(shares: Sequence[int]) -> bool:
    """Do all tenants go over by one change, with which the source leaves the alias too?"""
    return tuple(shares) == (100,)


def _over(shares: Sequence[int]) -> Iterator[str]:
    """From the target's objects until the source has nothing to do any more."""
    yield from _UP
    yield from (f"shift-{share}" for share in shares)
    yield from (step for step in _AWAY if step != "detach" or not in_one(shares))


@dataclass(frozen=True, slots=True)
class Rounds:
    """A move replica by replica."""

    first: int
    """Replicas the target begins with."""
    least: int
    """The fewest replicas that carry all tenants at any time, both sides together."""
    steps: tuple[str, ...]


def rounds(replicas: int, spare: int, shares: Sequence[int] = SHARES) -> Rounds:
    """The steps for ``replicas`` (2 or more) where there is room for ``spare`` more (fewer than ``replicas``).

    Of ``shares`` those count that are smaller than the target's first part. With no room at all the source lends one
    replica first. The target's share is never more than its replicas' part of
    all, and it is raised before the source shrinks.
    """
    first = max(1, spare)
    steps = list(_rounds(replicas, spare, first, shares))
    return Rounds(first, replicas if spare else replicas - 1, tuple(steps))


def _rounds(replicas: int, spare: int, first: int, shares: Sequence[int]) -> Iterator[str]:
    source, target = replicas, first
    if not spare:
        source -= 1
        yield f"source-{source}"
    yield from _UP
    share = 0
    while target < replicas:
        part = 100 * target // replicas
        onto = sorted({part, *(one for one in shares if one < part)}) if not share else [part]
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
