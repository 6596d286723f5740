"""An event loop whose time passes only when everybody waits, and then at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

__all__ = ["Clock", "run_virtually"]

T = TypeVar("T")


class Clock:
    """The loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Jumping(selectors.DefaultSelector):
    """Waits for processes, which know nothing of the loop's time; for nothing else: it moves that time on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.processes: list[asyncio.SubprocessTransport] = []

    def select(self, timeout: float | None = None) -> list[Any]:
        if any(one.get_returncode() is None for one in self.processes):
            return super().select(0 if timeout == 0 else None)
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        if ready := super().select(0):
            return ready
        self.now += max(0.0, timeout)
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, starting: Callable[[Sequence[Any]], None] = lambda argv: None) -> None:
        self._jumping, self._starting = _Jumping(), starting
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        self._starting(args[1:])
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._jumping.processes.append(transport)
        return transport, protocol


def run_virtually(work: Coroutine[Any, Any, T], starting: Callable[[Sequence[Any]], None] = lambda argv: None) -> T:
    """Run to the end; a minute of waiting takes no time, unless it is for a process that the work started.

    ``starting`` is told of every process before it begins, and may raise.
    """
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(starting)) as runner:
        return runner.run(work)
