"""The forward proxy: ``http_proxy`` for pods, tests and tenants.

Requests arrive in absolute form (``GET http://raw-vllm.serving:8000/health``) or as ``CONNECT``. A request for a
gateway is answered by the data plane in this process, without a second hop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from pointsman.lab.network.credential import ASKING, WANTED, is_shown
from pointsman.lab.network.exchange import Carrier, Outgoing, body_of, end_to_end, http_server, refusal
from pointsman.lab.network.resolver import Resolver, Target, UnreachableError
from pointsman.lab.network.tunnel import Front

__all__ = ["GatewayHandler", "absolute", "listen_proxy"]

GatewayHandler = Callable[[web.BaseRequest, Target, str, str], Awaitable[web.StreamResponse]]
"""Answers a request for a gateway, given the ``Host`` header, as a gateway sees it, and path with query."""


async def listen_proxy(
    host: str, port: int, resolver: Resolver, carrier: Carrier, gateway: GatewayHandler | None = None, *, password: str
) -> asyncio.Server:
    """Start the forward proxy; every request has to show the password."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if not is_shown(request.headers.get("Proxy-Authorization"), password):
            answer = refusal(407, WANTED, "password")
            answer.headers[ASKING[0]] = ASKING[1]
            return answer
        asked = absolute(request.raw_path)
        if asked is None:
            return refusal(400, "this is a forward proxy: ask with an absolute http:// address", "not-absolute")
        authority, name, target_port, path = asked
        try:
            target = resolver.resolve(name, target_port)
        except UnreachableError as error:
            return refusal(error.status, error.what, error.code)
        if target.gateway is not None and gateway is not None:
            return await gateway(request, target, request.headers.get("Host", authority), path)
        headers = end_to_end(request.headers)
        headers["Host"] = authority
        outgoing = Outgoing(request.method, path, headers, await body_of(request))
        return await carrier.carry(request, outgoing, target)

    server = http_server(handle)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Front(resolver, server, password), host, port, backlog=1024)


def absolute(raw: str) -> tuple[str, str, int, str] | None:
    """Authority, host, port, and path with query of an absolute ``http`` address; None for anything else."""
    scheme, separator, rest = raw.partition("://")
    if not separator or scheme.lower() != "http":
        return None
    cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:cut].rpartition("@")[2], rest[cut:]
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port or 80
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return authority, parts.hostname, port, path if path.startswith("/") else f"/{path}"
