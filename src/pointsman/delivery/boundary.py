"""What a delivery needs from outside: a cluster, a clock, somebody who listens, somebody who may say stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pointsman.errors import StoppedError, TemporaryError
from pointsman.foreign import harmless
from pointsman.kube.resources import Kind, Ref

__all__ = ["Clock", "Cluster", "Deadline", "Means", "Object"]

Object = dict[str, Any]
T = TypeVar("T")

PAUSE = 1.0
"""Seconds between two looks. Argo CD writes times with a grain of one second, so more looks would see no more."""
AT_FIRST = (0.2, 0.3, 0.5)
"""Seconds before the first looks: what Argo CD does at once it does within a second. Only where few are looked at."""
AT_MOST = 20
"""Looks a second at all Applications together: a platform of hundreds is no load on the API server."""


class Cluster(Protocol):
    """The calls of ``pointsman.kube.client.Client`` that are made here."""

    async def get(self, ref: Ref) -> Object:
        """The object, or NotFoundError."""

    async def find(self, ref: Ref) -> Object | None:
        """The object, or None."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> list[Object]:
        """All objects of a kind."""

    async def patch(self, ref: Ref, body: Any, *, subresource: str = "", kind: str = "merge") -> Object:
        """Patch; with metadata.resourceVersion in the body, ConflictError when it is old."""


class Clock(Protocol):
    """Time, so that tests need not spend it."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def now(self) -> datetime:
        """The time of day, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of a clock; ``seconds`` is what was given in all."""

    clock: Clock
    at: float
    seconds: float

    @property
    def over(self) -> bool:
        """Has it passed?"""
        return self.clock.monotonic() >= self.at


@dataclass
class Means:
    """What everything here acts with."""

    cluster: Cluster
    clock: Clock
    tell: Callable[[str], None]
    """One line of narration for a person."""
    stopped: bool = False
    """Somebody pressed ctrl-C."""
    pause: float = PAUSE
    """Seconds between two looks at one Application."""
    _told: dict[str, str] = field(default_factory=dict)

    def spread(self, count: int) -> None:
        """So many Applications are looked at: together no more often than ``AT_MOST`` times a second."""
        self.pause = max(PAUSE, count / AT_MOST)

    def stop(self) -> None:
        """Ask everything to end in an orderly way."""
        self.stopped = True

    def say(self, who: str, what: str) -> None:
        """Tell what is new; the same words again about the same thing are not said."""
        if self._told.get(who) != what:
            self._told[who] = what
            self.tell(harmless(" ".join(f"{who}: {what}".split())))

    def within(self, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return Deadline(self.clock, self.clock.monotonic() + seconds, seconds)

    def heed(self) -> None:
        """Raise StoppedError when somebody said stop."""
        if self.stopped:
            raise StoppedError("interrupted while it was waited for", next_action="run it again")

    async def until(
        self, deadline: Deadline, look: Callable[[], Awaitable[T | None]], *, ending: bool = False
    ) -> T | None:
        """What ``look`` finds at last; None at the deadline. An API server that is away for a while is waited for.

        Raises StoppedError when somebody says stop, unless this is the ``ending`` that follows from it, and
        TemporaryError when the server is still away at the deadline.
        """
        pauses = iter(AT_FIRST if self.pause <= PAUSE else ())
        while True:
            if not ending:
                self.heed()
            away: TemporaryError | None = None
            try:
                if (found := await look()) is not None:
                    return found
            except TemporaryError as error:
                away = error
            if deadline.over:
                if away is not None:
                    raise away
                return None
            await self.clock.sleep(next(pauses, self.pause))
