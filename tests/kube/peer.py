"""A peer that answers HTTP as an API server may: a list of scripted answers, then 404. Not a patch of the client."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from pointsman.kube.client import Client, Limits
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.kubeconfig import Access


@dataclass
class Peer:
    """Scripted answers in order: (status, headers, body), "reset" to cut the connection, "silence" to send a head and
    nothing after it, "mute" to send nothing. A body is JSON, a list of lines that are JSON each, or bytes.
    """

    answers: list[Any] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs))
        answer = self.answers.pop(0) if self.answers else (404, {}, {"message": "not found"})
        if answer == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if answer == "mute":
            await asyncio.Event().wait()
        if answer == "silence":
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.Event().wait()
        status, headers, body = answer
        if isinstance(body, bytes):
            return web.Response(status=status, headers=headers, body=body)
        if isinstance(body, list):
            return web.Response(status=status, headers=headers, text="".join(json.dumps(line) + "\n" for line in body))
        return web.json_response(body, status=status, headers=headers)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The base URL of a peer that answers everything so."""
    async with listening(handler) as address:
        yield f"http://{address}"


@asynccontextmanager
async def listening(peer: Peer | Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The peer's host and port while the block runs."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.handle if isinstance(peer, Peer) else peer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_for(peer: Peer, *, watch_seconds: int = 20, limits: Limits | None = None) -> AsyncIterator[Client]:
    async with listening(peer) as address:
        access = Access(f"http://{address}", Credentials.of(Grant()), "peer", "default", "tests")
        async with Client(access, watch_seconds=watch_seconds, limits=limits) as client:
            yield client
