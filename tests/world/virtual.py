"""An event loop whose time passes only when everybody waits, and then at once."""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["run_virtually"]

T = TypeVar("T")
GRACE = 0.05
"""Seconds in which the end of a process of ours reaches the loop."""


class _Jumping(selectors.DefaultSelector):
    """Never waits: it moves the loop's time on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class _Patient(_Jumping):
    """Waits really while a process that we started runs: that one knows nothing of the loop's time."""

    _until = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if ready := selectors.DefaultSelector.select(self, 0):
            return ready
        thread = threading.get_native_id()
        if Path(f"/proc/{os.getpid()}/task/{thread}/children").read_text():
            self._until = time.monotonic() + GRACE
        if time.monotonic() < self._until:
            return selectors.DefaultSelector.select(self, GRACE / 5)
        return super().select(timeout)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, jumping: _Jumping) -> None:
        self._jumping = jumping
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtually(work: Coroutine[Any, Any, T], *, processes: bool = False) -> T:
    """Run to the end; a minute of waiting takes no time, unless it is for ``processes`` that are started."""
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(_Patient() if processes else _Jumping())) as runner:
        return runner.run(work)
