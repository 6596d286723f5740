"""Processes that are started and killed whole, also by callers who are cancelled again and again meanwhile.

asyncio leaves one in the table, and goes on holding it, when its start or the wait for its end is cancelled twice
(Python 3.11, ``_make_subprocess_transport`` and ``Process.wait``).
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["gone", "started"]

_SECONDS = 5.0
"""The kernel starts and ends processes at once, unless it hangs in a call to a disk; nobody waits for that."""


async def started(starting: Awaitable[Process], kill: Callable[[Process], None]) -> Process:
    """The process that ``starting`` starts; cancelled meanwhile, it is killed, and gone, before that is raised."""
    begun = asyncio.ensure_future(starting)
    try:
        await _in_any_case(begun)
    except asyncio.CancelledError:
        if not begun.cancelled() and begun.exception() is None:
            kill(begun.result())
            await gone(begun.result())
        raise
    return begun.result()


async def gone(process: Process) -> None:
    """Wait until a killed process is gone. A cancellation is raised after that."""
    await _in_any_case(asyncio.ensure_future(process.wait()))


async def _in_any_case(work: asyncio.Future[Any]) -> None:
    """Wait until the work is done, or for as long as it may take; a cancellation is raised after that."""
    late = asyncio.get_running_loop().time() + _SECONDS
    cancelled: asyncio.CancelledError | None = None
    while not work.done() and (left := late - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait({work}, timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
    work.cancel()
    if cancelled is not None:
        raise cancelled
