"""The kubelet's HTTPS API, as far as the API server asks for it: container logs and port-forwards.

Port-forwarding speaks the WebSocket form (``v4.channel.k8s.io``): binary frames whose first byte is the channel, data
and error in turn for each port; the first frame of a channel carries the port as two bytes, little endian
(kubernetes 1.34, cri-streaming portforward/websocket.go). The SPDY form, exec and attach are refused in words.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import aiohttp
from aiohttp import web

from pointsman.lab.node.logs import LogQuery, LogWriter, read_log

__all__ = ["PodView", "Pods", "serve_api"]

log = logging.getLogger(__name__)

PROTOCOLS = ("v4.channel.k8s.io", "portforward.k8s.io")
_CHUNK = 64 * 1024
_PATIENCE = 5.0
"""Seconds a TCP connection to the pod may take."""


class PodView(Protocol):
    """What this API needs to know of a running pod."""

    @property
    def local_address(self) -> str:
        """The loopback address its processes listen on."""

    def log(self, container: str, *, previous: bool) -> tuple[Path, LogWriter | None]:
        """The log file of a container's current or previous run, and its writer while it runs.

        Raises LookupError with a sentence when there is no such container or run.
        """


class Pods(Protocol):
    """The pods of this node process."""

    def view(self, namespace: str, name: str) -> PodView | None:
        """The pod, or None when it is not here."""


@asynccontextmanager
async def serve_api(pods: Pods, addresses: list[str], port: int, tls: ssl.SSLContext) -> AsyncIterator[None]:
    """Listen on every node's address while the block runs."""
    app = web.Application()
    api = _Api(pods)
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", api.logs)
    for path in ("/portForward/{namespace}/{pod}", "/portForward/{namespace}/{pod}/{uid}"):
        app.router.add_route("*", path, api.port_forward)
    app.router.add_get("/healthz", _healthz)
    app.router.add_route("*", "/{rest:.*}", _not_here)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        for address in addresses:
            await web.TCPSite(runner, address, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


async def _healthz(request: web.Request) -> web.Response:
    del request
    return web.Response(text="ok")


async def _not_here(request: web.Request) -> web.Response:
    return web.Response(status=501, text=f"the lab's node does not do {request.path.split('/')[1]}\n")


class _Api:
    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    def _find(self, request: web.Request) -> PodView:
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        found = self._pods.view(namespace, name)
        if found is None:
            raise web.HTTPNotFound(text=f'pod "{name}" in namespace "{namespace}" is not on this node\n')
        return found

    async def logs(self, request: web.Request) -> web.StreamResponse:
        pod = self._find(request)
        words = dict(request.query)
        try:
            query = LogQuery.from_words(words)
            path, writer = pod.log(request.match_info["container"], previous=words.get("previous") in ("true", "1"))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        except LookupError as error:
            raise web.HTTPNotFound(text=f"{error.args[0]}\n") from error
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for text in read_log(path, query, writer):
            await response.write(text)
        await response.write_eof()
        return response

    async def port_forward(self, request: web.Request) -> web.StreamResponse:
        pod = self._find(request)
        ports = _ports(request)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPNotImplemented(text="the lab's node forwards ports over WebSocket only\n")
        socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0)
        await socket.prepare(request)
        streams = [_Forward(socket, index, port, pod.local_address) for index, port in enumerate(ports)]
        try:
            for stream in streams:
                await stream.open()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data[0] % 2 == 0:
                    await streams[message.data[0] // 2].feed(message.data[1:])
        except (ConnectionError, IndexError):
            log.debug("a port-forward to %s broke", pod.local_address)
        finally:
            for stream in streams:
                await stream.close()
            await socket.close()
        return socket


def _ports(request: web.Request) -> list[int]:
    words = [
        word for name in ("port", "ports") for value in request.query.getall(name, []) for word in value.split(",")
    ]
    if not words or not all(word.isdigit() for word in words):
        raise web.HTTPBadRequest(text="say which ports: ?ports=8000\n")
    return [int(word) for word in words]


class _Forward:
    """One port: a TCP connection to the pod, and its two channels."""

    def __init__(self, socket: web.WebSocketResponse, index: int, port: int, address: str) -> None:
        self._socket, self._port, self._address = socket, port, address
        self._data, self._error = 2 * index, 2 * index + 1
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Name the port on both channels, then connect; a refusal is told on the error channel."""
        name = self._port.to_bytes(2, "little")
        for channel in (self._data, self._error):
            await self._socket.send_bytes(bytes([channel]) + name)
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, self._writer = await asyncio.open_connection(self._address, self._port)
        except (OSError, TimeoutError) as error:
            said = f"cannot connect to port {self._port} of the pod: {error or 'no answer'}"
            await self._socket.send_bytes(bytes([self._error]) + said.encode())
            await self._socket.close()
            return
        self._task = asyncio.create_task(self._downward(reader))

    async def feed(self, data: bytes) -> None:
        """Bytes for the pod."""
        if self._writer is not None and data:
            self._writer.write(data)
            await self._writer.drain()

    async def close(self) -> None:
        """End both directions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    async def _downward(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._socket.send_bytes(bytes([self._data]) + data)
        except ConnectionError:
            pass
        await self._socket.close()
