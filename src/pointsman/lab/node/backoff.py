"""How long to wait before a container is started again: a kubelet's back-off.

The first restart is immediate; then 10 s, doubling up to five minutes. A container that ran for ten minutes starts
from the beginning.
"""

from __future__ import annotations

__all__ = ["Backoff"]

_FIRST, _LONGEST = 10.0, 300.0
_FORGOTTEN_AFTER = 2 * _LONGEST


class Backoff:
    """The back-off of one container; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._updated = 0.0

    def delay(self, now: float) -> float:
        """Seconds to wait before the next start, for something that ended at ``now``; counts that start."""
        if self._delay and now - self._updated > _FORGOTTEN_AFTER:
            self._delay = 0.0
        waited = self._delay
        self._delay = min(self._delay * 2, _LONGEST) if self._delay else _FIRST
        self._updated = now + waited
        return waited
