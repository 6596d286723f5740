"""The end of a process that was killed: it takes no time, and is waited for by whoever is cancelled meanwhile, too."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process

__all__ = ["gone"]

_SECONDS = 5.0
"""The kernel ends a killed process at once, unless it hangs in a call to a disk; nobody waits for that."""


async def gone(process: Process) -> None:
    """Wait until a killed process is gone.

    A cancellation does not end the wait and is raised after it: a process that nobody has waited for stays in the
    table, and asyncio goes on holding it.
    """
    ending = asyncio.ensure_future(process.wait())
    late = asyncio.get_running_loop().time() + _SECONDS
    cancelled: asyncio.CancelledError | None = None
    while not ending.done() and (left := late - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait({ending}, timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
    if cancelled is not None:
        raise cancelled
