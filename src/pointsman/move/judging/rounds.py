"""Our own requests to both sides in turn, past alias and gateways, timed by our own stopwatch.

They are marked by their ``user`` and short, and a few go at once: enough to be told from each other, too few to be
felt by tenants. Each lane asks one side, then the other, so that both see the same seconds.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from pointsman.errors import TemporaryError
from pointsman.layers.contract import Layer
from pointsman.move.analysis.samples import Values
from pointsman.move.analysis.windows import Pair, Probed, Round
from pointsman.move.boundary import Clock
from pointsman.move.context import Context
from pointsman.move.probes.engine import Engine, Timed, connect
from pointsman.move.probes.pods import engine_pods

__all__ = ["Asked", "Rounds", "rounds"]

LANES = 4
"""Requests under way at once, to both sides together."""
TOKENS = 8


@dataclass(slots=True)
class Asked:
    """What came of our own requests to one side: the engine counts them too, and tenants' numbers are without them."""

    rounds: list[Round] = field(default_factory=list)
    answered: int = 0
    """2xx."""
    broken: int = 0
    """5xx."""
    ended: int = 0
    """Answered in full."""
    left: int = 0
    """Not answered in full, and no error either: it broke off, or took too long."""

    def take(self, seen: Sequence[Timed]) -> None:
        """One round."""
        done = [one for one in seen if one.done]
        ttft = Values.of(one.ttft for one in done if one.ttft is not None)
        itl = Values.of(one.gap for one in done if one.gap is not None)
        self.rounds.append(Round(len(seen), len(seen) - len(done), ttft, itl))
        self.answered += sum(one.status == 200 for one in seen)
        self.broken += sum(one.status >= 500 for one in seen)
        self.ended += len(done)
        self.left += sum(one.status in (0, 200) and not one.done for one in seen)


@dataclass(slots=True)
class Rounds:
    """Engines of both sides, ready to be asked."""

    engines: Pair[tuple[Engine, ...]]
    clock: Clock
    allow: Callable[[int], Awaitable[None]]
    """Sees to it that so many may be sent, before their time is taken."""
    asked: Pair[Asked] = field(default_factory=lambda: Pair(Asked(), Asked()))
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    """Begins every prompt: an engine that was asked the same before would have it in its prefix cache and be faster."""
    _number: int = 0

    @property
    def spent(self) -> int:
        """Requests so far, to both sides."""
        return sum(one.asked for side in (self.asked.target, self.asked.source) for one in side.rounds)

    def probed(self) -> Pair[Probed]:
        """As evidence."""
        return Pair(Probed(tuple(self.asked.target.rounds)), Probed(tuple(self.asked.source.rounds)))

    async def ask(self, count: int) -> None:
        """One round: ``count`` requests to each side."""
        await self.allow(2 * count)
        seen: Pair[list[Timed]] = Pair([], [])
        numbers = iter(range(self._number, self._number + count))
        self._number += count

        async def lane() -> None:
            for number in numbers:
                sides = [(self.engines.target, seen.target), (self.engines.source, seen.source)]
                for engines, told in sides if number % 2 else reversed(sides):
                    if engines:
                        text = f"{self.nonce}-{number}: count from one to eight."
                        told.append(await _one(engines[number % len(engines)], text, self.clock))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(LANES, count)):
                group.create_task(lane())
        self.asked.target.take(seen.target)
        self.asked.source.take(seen.source)


async def _one(engine: Engine, text: str, clock: Clock) -> Timed:
    try:
        return await engine.timed(text, clock, max_tokens=TOKENS)
    except TemporaryError:
        return Timed(0, False, None, None)


@asynccontextmanager
async def rounds(context: Context) -> AsyncIterator[Rounds]:
    """Ways to every serving engine of both sides."""
    async with AsyncExitStack() as stack:

        async def engines(layer: Layer) -> tuple[Engine, ...]:
            pods = await engine_pods(context.cluster, layer, context.model)
            ready = [pod for pod in pods if pod.serving and pod.role == "serve"]
            ways = [connect(context.cluster, context.wire, context.model, pod) for pod in ready]
            return tuple([await stack.enter_async_context(way) for way in ways])

        yield Rounds(Pair(await engines(context.target), await engines(context.source)), context.clock, context.allow)
