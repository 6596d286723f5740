"""What the API server is shown, for as long as a move lasts: obtained, renewed before it ends, renewed when refused.

Common tokens of clouds live for 15 minutes, a move for an hour. So nothing is read once per process: a file is read
again as client-go does (every few seconds), a plugin is asked again before the time that it named, and an answer of
401 is a reason to obtain the credentials anew, once, whatever they said of their own life. The API server
authenticates before it does anything (kubernetes 1.34, the first handler of its chain), so a call that it answered
with 401 did nothing and can be said again, whatever its method.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pointsman.errors import PermanentError, PointsmanError

__all__ = ["ENDED", "Credentials", "Grant"]

ENDED = "cluster-unauthorized"
"""Code of the error when no others can be had: everything stays as it is until somebody logs in again."""
EARLY = 60.0
"""Seconds before its end at which a grant is renewed, but never more than a fifth of its life."""
AGAIN = 5.0
"""Seconds between two attempts to renew what still holds."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Credentials at one time."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = None
    """With the client's certificate, when there is one; None for a server without TLS."""
    until: float = math.inf
    """When they end, in seconds since 1970; infinity when they do not say."""
    shown: object = field(default=None, repr=False)
    """What tells two grants apart: token and certificate."""


Obtain = Callable[[], Awaitable[Grant]]


class Credentials:
    """The credentials of one user. ``obtain`` raises PermanentError when there are none.

    ``every``: seconds after which they are obtained again in any case; infinity where obtaining them costs something.
    ``source``: the user, the plugin or file they come from, for messages.
    """

    def __init__(self, obtain: Obtain, *, source: str, every: float = math.inf, remedy: str = "log in again") -> None:
        self._obtain = obtain
        self._every = every
        self._held: Grant | None = None
        self._due = 0.0
        self._had = False
        self._lock = asyncio.Lock()
        self.source = source
        self.remedy = remedy

    @classmethod
    def of(cls, grant: Grant) -> Credentials:
        """Credentials that are these, for ever."""

        async def obtain() -> Grant:
            return grant

        return cls(obtain, source="the caller")

    async def grant(self) -> Grant:
        """What to show now."""
        if self._held is not None and time.time() < self._due:
            return self._held
        async with self._lock:
            if self._held is None or time.time() >= self._due:
                await self._renew()
        assert self._held is not None
        return self._held

    async def instead(self, refused: Grant) -> Grant | None:
        """Others than those that the server refused; None when there are none but these.

        Raises PermanentError with code ``ENDED`` when they cannot be obtained any more.
        """
        async with self._lock:
            if self._held is refused or self._held is None:
                self._held = None
                await self._renew()
        assert self._held is not None
        return self._held if self._held.shown != refused.shown else None

    async def _renew(self) -> None:
        """Obtain them; what still holds is kept when that fails."""
        held, now = self._held, time.time()
        try:
            fresh = await self._obtain()
        except PointsmanError as error:
            if held is not None and now < held.until:
                self._due = now + AGAIN
                return
            raise self._lost(error) from error
        self._had, now = True, time.time()
        early = min(EARLY, max(0.0, fresh.until - now) / 5)
        self._held, self._due = fresh, max(now + AGAIN, min(now + self._every, fresh.until - early))

    def _lost(self, error: PointsmanError) -> PointsmanError:
        """The error when they cannot be obtained: of the first time as it is, later a word that they were there."""
        if not self._had:
            return error
        what = f"the credentials have ended and cannot be renewed: {error.what}"
        return PermanentError(what, where=error.where, next_action=error.next_action or self.remedy, code=ENDED)

    def ended(self, said: str = "") -> PermanentError:
        """The error for credentials that the server refuses, and there are no others."""
        return PermanentError(
            f"the API server does not accept the credentials{f': {said}' if said else ''}",
            where=self.source,
            next_action=f"{self.remedy}, then run the command again",
            code=ENDED,
        )
