"""Doing something for as long as the model's lock is ours, and not a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pointsman.errors import ClusterError, NeedsPersonError
from pointsman.move.boundary import Clock
from pointsman.move.holding.fence import Fence
from pointsman.move.holding.lock import DURATION, Lock

__all__ = ["Tenure", "quietly"]

RENEWALS = 3
"""Renewals of the lock within the time after which it would be lost."""

T = TypeVar("T")


@dataclass(slots=True)
class Tenure:
    """A process's hold on a model: the fence that stops its acts falls with the lock."""

    clock: Clock
    fence: Fence = field(default_factory=Fence)

    async def while_held(self, lock: Lock, work: Coroutine[Any, Any, T]) -> T:
        """Do the work and keep renewing the lock; stop the work when the lock is lost. Gives the lock back."""
        self.fence.renewed()
        job = asyncio.ensure_future(work)
        beat = asyncio.create_task(self._beat(lock))
        try:
            await asyncio.wait({job, beat}, return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                self.fence.lost()
                raise NeedsPersonError(
                    f"the lock of {lock.whose} is lost: the cluster was out of reach, or another process took it",
                    where=str(lock.ref),
                    next_action=f"{f'pointsman status {lock.model}'.strip()}; the journal says how far it came",
                    code="lock-lost",
                )
            return job.result()
        finally:
            # Work that puts something back when it is cancelled does so under the lock.
            for task in (job, beat):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            self.fence.left()
            await quietly(lock.release())

    async def _beat(self, lock: Lock) -> None:
        """Renew until that fails for good; returns when the lock is lost."""
        last = self.clock.monotonic()
        while True:
            await asyncio.sleep(DURATION / (RENEWALS + 1))
            try:
                async with asyncio.timeout(DURATION / RENEWALS):
                    if not await lock.renew():
                        return
                self.fence.renewed()
                last = self.clock.monotonic()
            except (ClusterError, TimeoutError):
                if self.clock.monotonic() - last >= DURATION * 0.8:
                    return


async def quietly(work: Awaitable[object]) -> None:
    """Do it if the cluster lets us; nothing hangs on it (a lock that cannot be given back runs out by itself)."""
    try:
        await work
    except ClusterError:
        return
