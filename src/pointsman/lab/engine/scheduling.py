"""Who runs and who waits: at most so many requests at once, first come first served, counted exactly.

Also the prefix cache, which only shortens the time to the first token, as a real one does.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from pointsman.lab.engine.metrics import EngineMetrics

__all__ = ["PrefixCache", "Slots"]

_BLOCK = 16


class Slots:
    """A queue in front of a number of places that may change while requests wait."""

    def __init__(self, limit: Callable[[], int], metrics: EngineMetrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._queue: deque[asyncio.Future[None]] = deque()
        self._held = True

    def open(self) -> None:
        """Let requests run: the engine is warm."""
        self._held = False
        self.admit()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among the running requests; waits for one."""
        await self._enter()
        try:
            yield
        finally:
            self._metrics.running -= 1
            self.admit()

    def admit(self) -> None:
        """Give free places to those who wait longest."""
        while self._queue and self._free():
            ticket = self._queue.popleft()
            if not ticket.done():
                self._metrics.waiting -= 1
                self._metrics.running += 1
                ticket.set_result(None)

    def _free(self) -> bool:
        return not self._held and self._metrics.running < max(1, self._limit())

    async def _enter(self) -> None:
        if not self._queue and self._free():
            self._metrics.running += 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(ticket)
        self._metrics.waiting += 1
        try:
            await ticket
        except asyncio.CancelledError:
            self._leave(ticket)
            raise

    def _leave(self, ticket: asyncio.Future[None]) -> None:
        if ticket.done() and not ticket.cancelled():
            self._metrics.running -= 1
            self.admit()
        else:
            self._metrics.waiting -= 1


class PrefixCache:
    """Remembers prompts in blocks of 16 tokens, the oldest forgotten first."""

    def __init__(self, blocks: int = 4096) -> None:
        self._blocks = blocks
        self._known: OrderedDict[int, None] = OrderedDict()

    def hit(self, ids: Sequence[int]) -> int:
        """How many leading tokens were known; all of them are from now on."""
        hits, key, broken = 0, 0, False
        for start in range(0, len(ids) - _BLOCK + 1, _BLOCK):
            key = hash((key, *ids[start : start + _BLOCK]))
            broken = broken or key not in self._known
            hits += 0 if broken else _BLOCK
            self._known[key] = None
            self._known.move_to_end(key)
        while len(self._known) > self._blocks:
            self._known.popitem(last=False)
        return hits
