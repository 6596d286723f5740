"""Requests in flight, and ending a web server without cutting them or waiting for connections that are idle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web

__all__ = ["Flight"]

_CLOSE_SECONDS = 0.3
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Flight:
    """Counts the requests that a handler is at work on."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._number = 0
        self._landed = asyncio.Event()
        self._landed.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The handler, counted."""
        self._number += 1
        self._landed.clear()
        try:
            return await self._handler(request)
        finally:
            self._number -= 1
            if not self._number:
                self._landed.set()

    async def end(self, server: web.Server, listener: asyncio.Server | None, timeout: float) -> None:
        """Accept nothing more, let what is in flight land for so many seconds, then close every connection."""
        if listener is not None:
            listener.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._landed.wait(), timeout)
        await server.shutdown(_CLOSE_SECONDS)
