"""Port forwarding over a WebSocket, with a kubelet's channel protocol.

Each port has two channels: data (even) and error (odd). Each channel's first message is the port, two bytes, least
significant first. Every message starts with one byte: its channel.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSMsgType, web

__all__ = ["serve_port_forward"]

_PROTOCOLS = ("v4.channel.k8s.io", "portforward.k8s.io")
_CONNECT_TIMEOUT = 10.0
_CHUNK = 65536


async def serve_port_forward(request: web.Request, address: str) -> web.StreamResponse:
    """Join the WebSocket of ``request`` with the asked ports of ``address``."""
    asked = request.query.getall("port", []) + request.query.getall("ports", [])
    ports = [int(port) for word in asked for port in word.split(",") if port.isdigit()]
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return web.Response(status=501, text="the lab's node forwards ports over WebSocket (v4.channel.k8s.io) only\n")
    if not ports:
        return web.Response(status=400, text='query parameter "port" is required\n')
    socket = web.WebSocketResponse(protocols=_PROTOCOLS, autoping=True, max_msg_size=0, compress=False)
    await socket.prepare(request)
    await _serve(socket, address, ports)
    return socket


async def _serve(socket: web.WebSocketResponse, address: str, ports: list[int]) -> None:
    writers: dict[int, asyncio.StreamWriter] = {}
    async with asyncio.TaskGroup() as group:
        pumps = []
        for index, port in enumerate(ports):
            data, error = index * 2, index * 2 + 1
            for channel in (data, error):
                await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT):
                    reader, writers[data] = await asyncio.open_connection(address, port)
            except (OSError, TimeoutError) as failed:
                text = f"error forwarding port {port} to the pod: {failed or 'no answer'}"
                await socket.send_bytes(bytes([error]) + text.encode())
                continue
            pumps.append(group.create_task(_to_client(socket, reader, data)))
        closing = group.create_task(_close_when_done(socket, pumps))
        await _from_client(socket, writers)
        for task in (*pumps, closing):
            task.cancel()
    for writer in writers.values():
        writer.close()


async def _to_client(socket: web.WebSocketResponse, reader: asyncio.StreamReader, channel: int) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            await socket.send_bytes(bytes([channel]) + data)


async def _from_client(socket: web.WebSocketResponse, writers: dict[int, asyncio.StreamWriter]) -> None:
    async for message in socket:
        if message.type is WSMsgType.BINARY and message.data and message.data[0] in writers:
            writer = writers[message.data[0]]
            writer.write(message.data[1:])
            with contextlib.suppress(ConnectionError):
                await writer.drain()


async def _close_when_done(socket: web.WebSocketResponse, pumps: list[asyncio.Task[None]]) -> None:
    """Close once every pod-side connection has ended, as a real kubelet does."""
    if pumps:
        await asyncio.wait(pumps)
    await socket.close()
