"""A bad road to the API server: a proxy that answers a share of the calls itself, or breaks them.

It speaks plain HTTP on loopback, so a kubeconfig that points at it needs no certificates; the way on to the real API
server is the one of the kubeconfig it was made from. Every connection carries one request, so that each call is
drawn for once; upgraded connections (port-forwards) pass untouched after the draw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pointsman.kube.credentials import Grant
from pointsman.kube.kubeconfig import Access, load_access

__all__ = ["ApiFault", "ApiFaults", "bad_road"]

HEAD_LIMIT = 64 * 1024
DELAY = 5.0
"""Seconds of the fault ``delay``."""
QUIET_AFTER = 0.2
"""Seconds after which a watch that is to die silently is passed nothing more."""
QUIET_FOR = 120.0
"""Seconds such a watch is kept open at most."""


class ApiFault(StrEnum):
    """What can happen to a call."""

    CONFLICT = "409"
    """A write meets somebody else's."""
    EXPIRED = "410"
    """A watch begins at a version that is too old."""
    THROTTLED = "429"
    """Too many requests, with Retry-After."""
    INTERNAL = "500"
    """The server failed before it did anything."""
    TIMED_OUT = "504"
    """A gateway gave up; the server did what was asked all the same."""
    RESET = "reset"
    """The connection breaks after the server did what was asked."""
    DELAY = "delay"
    """The answer takes five seconds more."""
    SILENT_WATCH = "silent-watch"
    """A watch stays open and says nothing more."""


_STATUS = {
    ApiFault.CONFLICT: (409, "Conflict", "the object has been modified"),
    ApiFault.EXPIRED: (410, "Expired", "too old resource version"),
    ApiFault.THROTTLED: (429, "TooManyRequests", "please try again later"),
    ApiFault.INTERNAL: (500, "InternalError", "etcdserver: leader changed"),
    ApiFault.TIMED_OUT: (504, "Timeout", "request timed out"),
}
_DONE_ALL_THE_SAME = (ApiFault.TIMED_OUT, ApiFault.RESET)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    target: str
    head: bytes

    @property
    def watch(self) -> bool:
        return "watch=" in self.target

    @property
    def upgrade(self) -> bool:
        return b"upgrade: websocket" in self.head.lower()

    def can(self, fault: ApiFault) -> bool:
        """Could a real server do this to this call?"""
        if self.upgrade:
            return fault in (ApiFault.INTERNAL, ApiFault.DELAY)
        if fault is ApiFault.CONFLICT:
            return self.method in ("PUT", "PATCH") and "force=true" not in self.target
        if fault in (ApiFault.EXPIRED, ApiFault.SILENT_WATCH):
            return self.watch
        return True


@dataclass(slots=True)
class ApiFaults:
    """The proxy's settings and counts; ``rate`` may be changed while it runs."""

    access: Access
    rate: float = 0.1
    """Share of the calls that something happens to."""
    kinds: Sequence[ApiFault] = tuple(ApiFault)
    seed: int = 0
    cut_off: bool = False
    """While true nothing gets through at all: the network is away."""
    calls: int = 0
    made: Counter[ApiFault] = field(default_factory=Counter)
    _draw: random.Random = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; ended with the proxy."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._one(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        """End all connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = _call(await reader.readuntil(b"\r\n\r\n"))
        self.calls += 1
        if self.cut_off:
            writer.transport.abort()
            return
        fault = self._drawn(call)
        if fault is ApiFault.DELAY:
            await asyncio.sleep(DELAY)
        if fault in _STATUS and fault not in _DONE_ALL_THE_SAME:
            await _answer(writer, fault)
            return
        await self._through(call, fault, reader, writer)

    def _drawn(self, call: _Call) -> ApiFault | None:
        possible = [kind for kind in self.kinds if call.can(kind)]
        if not possible or self._draw.random() >= self.rate:
            return None
        fault = self._draw.choice(possible)
        self.made[fault] += 1
        return fault

    async def _through(
        self, call: _Call, fault: ApiFault | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server = urlsplit(self.access.server)
        port = server.port or (443 if server.scheme == "https" else 80)
        grant = await self.access.credentials.grant()
        there, back = await asyncio.open_connection(server.hostname, port, ssl=grant.tls)
        try:
            back.write(_onward(call, server.netloc, grant))
            up = asyncio.create_task(_pump(reader, back))
            try:
                if fault in _DONE_ALL_THE_SAME:
                    await _swallow(there)
                    if fault is ApiFault.RESET:
                        writer.transport.abort()
                    else:
                        await _answer(writer, fault)
                elif fault is ApiFault.SILENT_WATCH:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(QUIET_AFTER):
                            await _pump(there, writer)
                    await asyncio.sleep(QUIET_FOR)
                else:
                    await _pump(there, writer)
            finally:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
        finally:
            back.close()


def _call(head: bytes) -> _Call:
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    return _Call(method, target, head)


def _onward(call: _Call, host: str, grant: Grant) -> bytes:
    """The request's head for the real server, ``host``: its own credentials, and one request a connection."""
    first, *lines = call.head.rstrip(b"\r\n").split(b"\r\n")
    dropped = (b"host:", b"authorization:") if call.upgrade else (b"host:", b"authorization:", b"connection:")
    kept = [line for line in lines if not line.lower().startswith(dropped)]
    kept.append(f"Host: {host}".encode())
    kept += [f"{name}: {value}".encode() for name, value in grant.headers.items()]
    if not call.upgrade:
        kept.append(b"Connection: close")
    return b"\r\n".join([first, *kept]) + b"\r\n\r\n"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(HEAD_LIMIT):
        writer.write(data)
        await writer.drain()


async def _swallow(reader: asyncio.StreamReader) -> None:
    """Wait for the whole answer and keep it; a watch has no whole answer, so its first bytes will do."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            while await reader.read(HEAD_LIMIT):
                pass


async def _answer(writer: asyncio.StreamWriter, fault: ApiFault) -> None:
    code, reason, message = _STATUS[fault]
    body = json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code}
    ).encode()
    after = "Retry-After: 1\r\n" if fault is ApiFault.THROTTLED else ""
    head = (
        f"HTTP/1.1 {code} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"{after}Connection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


@asynccontextmanager
async def bad_road(
    kubeconfig: Path, folder: Path, *, rate: float = 0.1, seed: int = 0, kinds: Sequence[ApiFault] = tuple(ApiFault)
) -> AsyncIterator[tuple[Path, ApiFaults]]:
    """Run the proxy; yields a kubeconfig (in ``folder``) whose cluster is reached through it, and its counts."""
    faults = ApiFaults(load_access(kubeconfig), rate=rate, seed=seed, kinds=kinds)
    server = await asyncio.start_server(faults.serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
    port = server.sockets[0].getsockname()[1]
    path = folder / "bad-road.kubeconfig"
    path.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{port}")))
    try:
        yield path, faults
    finally:
        server.close()
        await faults.stop()
        await server.wait_closed()


def _kubeconfig(server: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bad-road", "cluster": {"server": server}}],
        "users": [{"name": "bad-road", "user": {}}],
        "contexts": [{"name": "bad-road", "context": {"cluster": "bad-road", "user": "bad-road"}}],
        "current-context": "bad-road",
    }
