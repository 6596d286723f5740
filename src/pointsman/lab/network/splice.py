"""Joining two connections byte by byte, with back-pressure and half-close in both directions.

WebSocket port-forwards, ``logs -f`` and TLS run through this; it never looks at what it carries.
"""

from __future__ import annotations

import asyncio
from typing import cast

__all__ = ["Side", "join"]


class Side(asyncio.Protocol):
    """One end. Bytes, end of file, loss and congestion of one end are passed on to the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: Side | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        if (other := self._other()) is not None:
            other.write(data)

    def eof_received(self) -> bool:
        """Pass the half-close on; keep the other direction open until it ends as well."""
        self._ended = True
        if (other := self._other()) is not None and other.can_write_eof():
            other.write_eof()
        if self.peer is not None and self.peer._ended:
            self._close_both()
            return False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on: an orderly end as one, a reset as a reset."""
        if (other := self._other()) is None:
            return
        if exc is None:
            other.close()
        else:
            other.abort()

    def pause_writing(self) -> None:
        """Stop reading from the other end while this one is congested."""
        if (other := self._other()) is not None:
            other.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other end again."""
        if (other := self._other()) is not None:
            other.resume_reading()

    def _other(self) -> asyncio.Transport | None:
        transport = self.peer.transport if self.peer is not None else None
        return None if transport is None or transport.is_closing() else transport

    def _close_both(self) -> None:
        for side in (self, self.peer):
            if side is not None and side.transport is not None:
                side.transport.close()


def join(left: Side, right: Side) -> None:
    """Make each the other's peer."""
    left.peer, right.peer = right, left
