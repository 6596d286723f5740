"""A hard road to an API server: tokens that end every few seconds, a load balancer, a proxy that wants CONNECT.

The front is a TLS server. It accepts one token at a time, which it also writes into a file; after some seconds it makes
another one. It closes connections that are idle, and passes everything else on: calls, watches, port-forwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import WSMsgType, web

from pointsman.kube.kubeconfig import load_access
from pointsman.lab.certificates import Authority
from tests.conftest import RunningLab

__all__ = ["HardRoad", "hard_road", "road_to_the_lab"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAME = "api.front.example"
PLUGIN = """
import json, pathlib
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    asked.write("x")
print(json.dumps({"status": {"token": (here / "token").read_text()}}))
"""
REFUSED = {"kind": "Status", "apiVersion": "v1", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"}
DROPPED = {"host", "authorization", "connection", "content-length", "transfer-encoding", "accept-encoding"}


@dataclass
class HardRoad:
    """What the front and the proxy did; ``folder`` holds ``token`` and ``ca.crt``, as a ServiceAccount's does."""

    folder: Path
    port: int = 0
    proxy: str = ""
    accepted: str = ""
    refused: int = 0
    passed: int = 0
    tunnels: int = 0
    tokens: int = 0
    locked: bool = False
    """Nothing is accepted any more, and no other token is made."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def renew(self) -> None:
        """Another token; the one before is not accepted any more."""
        self.accepted = secrets.token_urlsafe(16)
        self.tokens += 1
        draft = self.folder / ".token"
        draft.write_text(self.accepted)
        draft.replace(self.folder / "token")

    def lock(self) -> None:
        """All credentials have ended for good."""
        self.locked = True

    def plugin(self) -> dict[str, object]:
        """A user whose plugin gives the present token."""
        program = self.folder / "plugin.py"
        program.write_text(PLUGIN)
        return {"exec": {"command": sys.executable, "args": ["-S", str(program)], "interactiveMode": "Never"}}

    @property
    def asked(self) -> int:
        """How often the plugin was asked."""
        return len((self.folder / "asked").read_text())

    def kubeconfig(self, user: dict[str, object]) -> Path:
        """A kubeconfig that leads here through the proxy."""
        path = self.folder / "hard-road.kubeconfig"
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": "ca.crt",
            "tls-server-name": NAME,
            "proxy-url": self.proxy,
        }
        said = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "u"}}],
            "clusters": [{"name": "x", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        path.write_text(json.dumps(said))
        return path


@asynccontextmanager
async def hard_road(
    folder: Path, authority: Authority, answer: Handler, *, life: float, idle: float
) -> AsyncIterator[HardRoad]:
    """The road to whoever answers, while the block runs: tokens live ``life`` seconds, idle connections ``idle``."""
    road = HardRoad(folder)
    road.renew()
    (folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
    stem = folder / "front"
    authority.issue(stem, NAME, [NAME, "127.0.0.1"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(stem.with_suffix(".crt"), stem.with_suffix(".key"))

    async def front(request: web.Request) -> web.StreamResponse:
        if road.locked or request.headers.get("Authorization") != f"Bearer {road.accepted}":
            road.refused += 1
            return web.json_response(REFUSED, status=401)
        road.passed += 1
        return await answer(request)

    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", front)
    runner = web.AppRunner(app, keepalive_timeout=idle, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    road.port = runner.addresses[0][1]
    proxy = await asyncio.start_server(lambda reader, writer: _tunnel(road, reader, writer), "127.0.0.1", 0)
    road.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    turning = asyncio.create_task(_turn(road, life))
    try:
        yield road
    finally:
        turning.cancel()
        proxy.close()
        await asyncio.gather(turning, return_exceptions=True)
        await runner.cleanup()


@asynccontextmanager
async def road_to_the_lab(lab: RunningLab, folder: Path, *, life: float, idle: float) -> AsyncIterator[HardRoad]:
    """A hard road whose end is the lab's API server, asked with an administrator's token."""
    access = load_access(lab.kubeconfig)
    grant = await access.credentials.grant()
    connector = aiohttp.TCPConnector(limit=0, ssl=grant.tls if grant.tls is not None else True)
    headers = dict(grant.headers)
    async with aiohttp.ClientSession(connector=connector, headers=headers, auto_decompress=False) as session:

        async def passed_on(request: web.Request) -> web.StreamResponse:
            return await _passed_on(session, access.server, request)

        authority = Authority(lab.config.home / "pki")
        async with hard_road(folder, authority, passed_on, life=life, idle=idle) as road:
            yield road


async def _turn(road: HardRoad, life: float) -> None:
    while not road.locked:
        await asyncio.sleep(life)
        road.renew()


async def _passed_on(session: aiohttp.ClientSession, server: str, request: web.Request) -> web.StreamResponse:
    url = f"{server}{request.raw_path}"
    headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await _socket(session, url, request)
    async with session.request(
        request.method,
        url,
        data=await request.read() or None,
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None),
    ) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        async for part in answer.content.iter_any():
            await response.write(part)
        await response.write_eof()
        return response


async def _socket(session: aiohttp.ClientSession, url: str, request: web.Request) -> web.StreamResponse:
    protocols = tuple(one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    there = await session.ws_connect(url, protocols=protocols, max_msg_size=0)
    here = web.WebSocketResponse(protocols=protocols, max_msg_size=0)
    await here.prepare(request)

    async def carry(
        one: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
        other: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
    ) -> None:
        async for message in one:
            if message.type is WSMsgType.BINARY:
                await other.send_bytes(message.data)
        await other.close()

    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        await asyncio.gather(carry(there, here), carry(here, there))
    return here


async def _tunnel(road: HardRoad, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy that knows one verb and one destination."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if not head.startswith(f"CONNECT 127.0.0.1:{road.port} "):
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n")
            return
        road.tunnels += 1
        there, back = await asyncio.open_connection("127.0.0.1", road.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
    except (ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
