"""Is an engine idle? Decided by several readings in a row, because one moment of silence proves nothing.

An engine counts as drained when nothing runs, nothing waits and nothing was counted between ``READINGS``
consecutive readings. A reading that is missing, or a metric that is missing in it, starts the count again. A pod
that is gone has nothing running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.move.probes.counters import Counters, Reading

__all__ = ["READINGS", "Watch"]

READINGS = 3


@dataclass(slots=True)
class Watch:
    """The readings so far."""

    quiet: int = 0
    """Consecutive quiet looks over all pods."""
    work: dict[str, tuple[float, float]] = field(default_factory=dict)
    last: dict[str, Counters] = field(default_factory=dict)
    """The last numbers of each pod, kept when it dies."""
    why: str = "no reading yet"

    @property
    def drained(self) -> bool:
        """Was it quiet for long enough?"""
        return self.quiet >= READINGS

    def look(self, readings: Sequence[Reading]) -> bool:
        """Take in one reading of every pod; True when all were quiet."""
        busy = [why for one in readings if (why := self._busy(one))]
        for one in readings:
            if one.counters:
                self.work[one.pod] = one.counters.work
                self.last[one.pod] = one.counters
        self.why = busy[0] if busy else "idle"
        self.quiet = 0 if busy else self.quiet + 1
        return not busy

    def _busy(self, one: Reading) -> str:
        if one.counters is None:
            return f"{one.pod} does not say ({one.why})"
        if one.counters.running is None or one.counters.waiting is None:
            return f"{one.pod} does not say how many requests run and wait"
        if not one.counters.idle:
            return f"{one.pod} has {one.counters.running:g} running and {one.counters.waiting:g} waiting"
        before = self.work.get(one.pod)
        if before is not None and one.counters.work != before:
            return f"{one.pod} still answers"
        return ""
