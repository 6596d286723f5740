"""How many requests a second the edge carries on this machine, found out before tenants arrive.

In the lab edge, engines, cluster and tenants share one machine's cores, and a load beyond what they carry shows the
proxy's queue and not the move. So callers who each wait for their answer keep the edge busy for a few seconds; what
they are answered is all that it can do, and tenants come at a share of that. The rest is for the move itself: its
probes, a roll of the edge, and an engine that starts. At half of what a busy machine's proxy carried the queue grew for
as long as a shift lasted, and requests were lost to their own deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from pointsman.demo.call import Alias, ask
from pointsman.demo.door import Door
from pointsman.demo.ledger import Entry
from pointsman.demo.tenants import Arrival, Traffic, arrivals

__all__ = ["LEAST", "SHARE", "carried", "rate_sentence", "share_of"]

SECONDS = 5.0
"""How long it is measured."""
WARMING = 1.0
"""Seconds before that, which are not counted: connections are opened."""
CALLERS = 32
SHARE = 0.25
LEAST = 2.0
"""Requests per second below which a move's window shows too few of them to say anything."""


async def carried(door: Door, alias: Alias, mix: Traffic, seconds: float = SECONDS, warming: float = WARMING) -> float:
    """Whole right answers a second when as many callers as help ask what tenants ask, each waiting for its answer.

    Takes ``warming`` + ``seconds`` and the time that the last answers need, at most ``mix.patience``.
    """
    schedule, began = arrivals(mix), time.monotonic()
    end = began + warming + seconds
    ended: list[float] = []
    await asyncio.gather(*(_call(door, alias, schedule, end, ended, mix.patience) for _ in range(CALLERS)))
    return sum(began + warming <= at <= end for at in ended) / seconds


def share_of(capacity: float, most: float) -> float:
    """The tenants' rate on an edge that carries ``capacity``; not above ``most``."""
    return min(most, max(LEAST, float(round(capacity * SHARE))))


def rate_sentence(rate: float, capacity: float) -> str:
    """Why tenants come at this rate."""
    if rate <= capacity * SHARE + 0.5:
        return f"{rate:g} requests/s: this machine's proxy carries {capacity:.0f}, and a move needs most of that"
    return (
        f"{rate:g} requests/s, the least that shows anything: this machine's proxy carries {capacity:.0f}, "
        "so expect slow answers; a machine that is less busy carries more"
    )


async def _call(
    door: Door, alias: Alias, schedule: Iterator[Arrival], end: float, ended: list[float], patience: float
) -> None:
    while time.monotonic() < end and (arrival := next(schedule, None)) is not None:
        case = arrival.case
        entry = Entry(arrival.number, arrival.stream, case.prompt, case.max_tokens, time.monotonic())
        await ask(door, alias, entry, time.monotonic, patience)
        if entry.answered and entry.ended is not None:
            ended.append(entry.ended)
        else:
            await asyncio.sleep(0.1)
