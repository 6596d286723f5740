"""``CONNECT``: the API server's egress tunnel, and the forward proxy's answer to the same verb.

The API server asks for pods, Services and webhooks by announced address or by name, over a Unix socket, and puts
TLS or plain HTTP inside. A refusal carries its reason in the status line, because that is the part the API
server repeats to its own caller.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pointsman.lab.network.credential import ASKING, WANTED, is_shown
from pointsman.lab.network.resolver import Resolver, UnreachableError
from pointsman.lab.network.splice import Side, join

__all__ = ["CONNECT_TIMEOUT", "Front", "Tunnel", "listen_egress"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
"""Seconds to reach an endpoint; on loopback, anything longer is a process that does not accept."""
_HEAD_LIMIT = 16384
_END = b"\r\n\r\n"
_VERB = b"CONNECT "


class Tunnel(Side):
    """A client's connection that starts with ``CONNECT`` and becomes one side of a splice.

    ``password`` is what the client has to show; None: nothing, since only some can connect.
    """

    def __init__(self, resolver: Resolver, password: str | None = None) -> None:
        super().__init__()
        self._resolver = resolver
        self._password = password
        self._head: bytearray | None = bytearray()
        self._early = bytearray()
        self._dialling: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Read the request; after it, pass bytes on."""
        if self.peer is not None:
            super().data_received(data)
        elif self._head is None:
            self._early += data
        else:
            self._head += data
            self._read_head()

    def eof_received(self) -> bool:
        """Before the splice, a client that ends has left."""
        return super().eof_received() if self.peer is not None else False

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop dialling for a client that left."""
        if self._dialling is not None:
            self._dialling.cancel()
        super().connection_lost(exc)

    def _read_head(self) -> None:
        assert self._head is not None
        end = self._head.find(_END)
        if end < 0:
            if len(self._head) > _HEAD_LIMIT:
                self._refuse(400, "request head is too long")
            return
        line, *headers = bytes(self._head[:end]).decode("latin-1").split("\r\n")
        self._early += self._head[end + len(_END) :]
        self._head = None
        if self._password is not None and not is_shown(_authorization(headers), self._password):
            self._refuse(407, WANTED)
        else:
            self._dialling = asyncio.ensure_future(self._dial(line))

    async def _dial(self, line: str) -> None:
        try:
            host, port = _authority(line)
            target = self._resolver.resolve(host, port)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, far = await loop.create_connection(Side, target.host, target.port)
        except UnreachableError as error:
            self._refuse(error.status, error.what)
        except ValueError:
            self._refuse(400, f"not a CONNECT request: {line[:100]}")
        except OSError as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else "connection refused"
            self._refuse(503, f"{target.shown}: {reason}")
        else:
            self._established(far)
        finally:
            self._dialling = None

    def _established(self, far: Side) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            assert far.transport is not None
            far.transport.abort()
            return
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        join(self, far)
        if self._early:
            super().data_received(bytes(self._early))
            self._early.clear()

    def _refuse(self, status: int, reason: str) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        body = f"lab network: {reason}\n".encode()
        asking = f"{ASKING[0]}: {ASKING[1]}\r\n" if status == 407 else ""
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n{asking}Connection: close\r\n\r\n"
        self.transport.write(head.encode("latin-1", "replace") + body)
        self.transport.close()


class Front(asyncio.Protocol):
    """The first bytes decide: ``CONNECT`` becomes a tunnel, anything else is handed to the HTTP server."""

    def __init__(self, resolver: Resolver, http: Callable[[], asyncio.BaseProtocol], password: str) -> None:
        self._resolver = resolver
        self._http = http
        self._password = password
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Decide as soon as the bytes allow it."""
        self._seen += data
        if len(self._seen) < len(_VERB) and _VERB.startswith(self._seen):
            return
        assert self._transport is not None
        chosen = Tunnel(self._resolver, self._password) if self._seen.startswith(_VERB) else self._http()
        assert isinstance(chosen, asyncio.Protocol)
        self._transport.set_protocol(chosen)
        chosen.connection_made(self._transport)
        chosen.data_received(self._seen)


async def listen_egress(path: Path, resolver: Resolver) -> asyncio.Server:
    """Listen for the API server on a Unix socket only this user can open; a stale socket is replaced."""
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: Tunnel(resolver), sock=_bound(path), backlog=512)


def _bound(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    return listener


def _authorization(headers: list[str]) -> str | None:
    named = (header.partition(":") for header in headers)
    return next((value.strip() for name, _, value in named if name.strip().lower() == "proxy-authorization"), None)


def _authority(line: str) -> tuple[str, int]:
    verb, authority, _ = line.split(" ", 2)
    if verb != "CONNECT":
        raise ValueError(line)
    host, _, port = authority.rpartition(":")
    return host, int(port)
