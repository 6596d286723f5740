"""Port-forwarding: a local TCP port that ends in a pod, whole and unfiltered.

The API server's own pod proxy strips the Authorization header (it is the caller's), so a key cannot be tried
through it. A port-forward carries bytes. The protocol is the kubelet's ``v4.channel.k8s.io`` WebSocket form
(kubernetes 1.34, pkg/kubelet/server, cri streaming portforward/websocket.go): binary frames, first byte the
channel, two channels a port (data, error); the first frame of each channel carries the port as two bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from pointsman.errors import TemporaryError
from pointsman.kube.answers import backoff, retry_delay
from pointsman.kube.connections import aiohttp
from pointsman.kube.reasons import reason
from pointsman.kube.resources import Ref, kind_of

__all__ = ["Sockets", "forward"]

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
CHUNK = 64 * 1024
ATTEMPTS = 4
"""How often one way to a pod is opened before it counts as closed: nothing was sent through it yet."""


class Sockets(Protocol):
    """Whoever opens WebSockets at an API server."""

    async def websocket(self, path: str, protocol: str) -> aiohttp.ClientWebSocketResponse:
        """Open one; raises aiohttp's own errors."""


@asynccontextmanager
async def forward(client: Sockets, namespace: str, pod: str, port: int) -> AsyncIterator[str]:
    """Listen on a free loopback port while the block runs; yields ``http://127.0.0.1:N``.

    Each local connection is one WebSocket. Raises TemporaryError when the pod cannot be reached at all; later
    failures cut the local connection, as a network would.
    """
    probe = await _open(client, namespace, pod, port)
    await probe.close()
    tasks: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(client, namespace, pod, port, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _open(client: Sockets, namespace: str, pod: str, port: int) -> aiohttp.ClientWebSocketResponse:
    path = f"{Ref(kind_of('Pod'), pod, namespace).path('portforward')}?ports={port}"
    for attempt in range(ATTEMPTS):
        try:
            async with asyncio.timeout(10):
                return await client.websocket(path, PROTOCOL)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            delay = _again(error, attempt)
            if delay is None or attempt == ATTEMPTS - 1:
                raise TemporaryError(
                    f"cannot forward to port {port} ({reason(error)})",
                    where=f"Pod {namespace}/{pod}",
                    next_action="check that the pod runs and that you may create pods/portforward",
                    code="forward-failed",
                ) from error
        await asyncio.sleep(delay)
    raise AssertionError("unreachable")


def _again(error: Exception, attempt: int) -> float | None:
    """Seconds until the way is tried again; None for an answer that will not change."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return retry_delay("GET", error.status, error.headers or {}, attempt)
    return None if isinstance(error, TimeoutError) else backoff(attempt)


async def _serve(
    client: Sockets,
    namespace: str,
    pod: str,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    try:
        socket = await _open(client, namespace, pod, port)
    except TemporaryError:
        writer.transport.abort()
        return
    upward = asyncio.create_task(_upward(reader, socket))
    try:
        await _downward(socket, writer)
    except (aiohttp.ClientError, OSError):
        writer.transport.abort()
    finally:
        writer.close()
        upward.cancel()
        await asyncio.gather(upward, return_exceptions=True)
        await socket.close()


async def _upward(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    while data := await reader.read(CHUNK):
        await socket.send_bytes(bytes([DATA]) + data)
    await socket.close()


async def _downward(socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    opened: set[int] = set()
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel not in opened:
            opened.add(channel)
            data = data[2:]
        if channel == ERROR and data:
            writer.transport.abort()
            return
        if channel == DATA and data:
            writer.write(data)
            await writer.drain()
