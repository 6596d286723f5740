"""Time a move spends waiting for others, by kind; what is left of its duration is its own.

A wait is declared where it begins, around the one call that waits. Waits do not add up when one lies inside
another: the outer one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from pointsman.move.boundary import Clock

__all__ = ["Wait", "Waits"]


class Wait(StrEnum):
    """What a move can wait for."""

    COLD_START = "cold-start"
    """The target's objects until its controllers say ready, and its route until it answers."""
    EDGE_ROLL = "edge-roll"
    """The edge's replicas until each runs the new configuration, and what they answer meanwhile."""
    GIT = "git"
    """The remote of a platform in git, until it has answered: asked where the branch is, fetched from, pushed to."""
    REVIEW = "review"
    """People, until a pull request is merged."""
    ARGO_CD = "argo-cd"
    """Argo CD, from a pushed commit until the cluster declares what it says."""
    EVIDENCE = "evidence"
    """Enough answers of both sides to tell whether the target is as good."""
    HOLD = "hold"
    """The time the operator asked the source to be kept warm."""
    DRAIN = "drain"
    """Engines that tenants have left until nothing runs: the source's, on the way back the target's."""
    RELEASE = "release"
    """Pods until they are gone, after they were told to end."""
    UNATTENDED = "unattended"
    """From the last record of a process that died, or paused the move, until the next one claimed it."""


class Waits:
    """A stopwatch per kind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: dict[Wait, float] = {}
        self._inside = False

    @contextmanager
    def during(self, kind: Wait) -> Iterator[None]:
        """Count the time of the block as waiting for ``kind``."""
        if self._inside:
            yield
            return
        self._inside, begun = True, self._clock.monotonic()
        try:
            yield
        finally:
            self._inside = False
            self._spent[kind] = self._spent.get(kind, 0.0) + self._clock.monotonic() - begun

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds by kind, so far."""
        return {kind.value: seconds for kind, seconds in self._spent.items()}

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Seconds by kind since ``before`` (an earlier value of ``spent``), rounded, without zeros."""
        grown = {kind: round(seconds - before.get(kind, 0.0), 3) for kind, seconds in self.spent.items()}
        return {kind: seconds for kind, seconds in grown.items() if seconds > 0}
