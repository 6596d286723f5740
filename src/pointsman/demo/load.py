"""The load: requests leave on schedule, whether earlier ones have come back or not."""

from __future__ import annotations

import asyncio
import time

from pointsman.demo.call import Alias, ask
from pointsman.demo.door import Door
from pointsman.demo.ledger import Entry, Ledger
from pointsman.demo.tenants import Arrival, Traffic, arrivals

__all__ = ["Load"]


class Load:
    """An open-loop load. Use as an async context manager; leaving it stops sending and lets requests finish."""

    def __init__(self, door: Door, alias: Alias, traffic: Traffic) -> None:
        self.ledger = Ledger()
        self._door = door
        self._alias = alias
        self._traffic = traffic
        self._under_way: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        self._start = 0.0
        self.latest = 0.0
        """Seconds by which the most delayed request left too late; a large value means an overloaded machine."""

    def now(self) -> float:
        """The load's clock."""
        return time.monotonic() - self._start

    async def __aenter__(self) -> Load:
        self._start = time.monotonic()
        self._sender = asyncio.create_task(self._send(), name="load")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def halt(self) -> None:
        """Send nothing more."""
        if self._sender is not None:
            self._sender.cancel()

    async def stop(self) -> None:
        """Stop sending; wait for what is under way, for at most a request's timeout."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        await self._settle(self._traffic.patience + 1)
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until every request that is under way now has ended."""
        await self._settle(self._traffic.patience + 1)

    async def _settle(self, seconds: float) -> None:
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=seconds)

    async def _send(self) -> None:
        for arrival in arrivals(self._traffic):
            wait = arrival.at - self.now()
            if wait > 0:
                await asyncio.sleep(wait)
            self.latest = max(self.latest, self.now() - arrival.at)
            task = asyncio.create_task(self._one(arrival))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _one(self, arrival: Arrival) -> None:
        case = arrival.case
        entry = Entry(arrival.number, arrival.stream, case.prompt, case.max_tokens, self.now())
        self.ledger.entries.append(entry)
        await ask(self._door, self._alias, entry, self.now, self._traffic.patience)
