"""The gateways' data plane: from a request to a backend and back.

The forward proxy calls it in this process; requests that come over the API server's tunnel arrive at a listener
of each gateway on the gateway's own loopback address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from pointsman.lab.network.exchange import (
    Carrier,
    HeaderChange,
    Outgoing,
    body_of,
    end_to_end,
    http_server,
    refusal,
)
from pointsman.lab.network.gateway.filters import redirect, rewrite
from pointsman.lab.network.gateway.matching import ANY_PORT, Backend, Entry, Table
from pointsman.lab.network.gateway.picker import PREFILL_HEADER, Picker
from pointsman.lab.network.proxy import absolute
from pointsman.lab.network.resolver import Resolver, Target, UnreachableError
from pointsman.lab.network.store import Key

__all__ = ["DataPlane"]


class DataPlane:
    """Serves whatever tables the controller programs."""

    def __init__(self, resolver: Resolver, carrier: Carrier, picker: Picker) -> None:
        self._resolver = resolver
        self._carrier = carrier
        self._picker = picker
        self.tables: Mapping[Key, Table] = {}

    async def handle(self, request: web.BaseRequest, target: Target, host: str, path: str) -> web.StreamResponse:
        """Answer a request for ``target.gateway``."""
        assert target.gateway is not None
        table = self.tables.get(target.gateway, Table())
        name = urlsplit(f"//{host}").hostname or ""
        headers = end_to_end(request.headers)
        headers["Host"] = host
        entry = table.find(target.gateway_port, name, request.method, path, headers)
        if entry is None:
            return refusal(404, f"{target.shown} has no route for {request.method} {host}{path}", "no-route")
        moved = redirect(entry.rule.filters, host, path, entry.match)
        if moved is not None:
            return moved
        backend = entry.rule.choose()
        if backend is None or backend.problem:
            problem = backend.problem if backend else "the rule has no backend with a weight"
            return refusal(500, f"HTTPRoute {'/'.join(entry.rule.route)}: {problem}", "invalid-backend")
        outgoing = Outgoing(request.method, path, headers, await body_of(request))
        changes = rewrite(outgoing, (*entry.rule.filters, *backend.filters), entry.match)
        try:
            return await self._forward(request, outgoing, entry, backend, changes)
        except UnreachableError as error:
            status = 500 if error.status == 502 else error.status
            return refusal(status, error.what, error.code)

    async def listen(self, address: str, port: int, gateway: Key) -> asyncio.Server:
        """A listener for one gateway on its loopback address."""
        target = Target(address, port, f"Gateway {'/'.join(gateway)}", gateway=gateway, gateway_port=ANY_PORT)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            asked = absolute(request.raw_path)
            path = asked[3] if asked else request.raw_path
            return await self.handle(request, target, request.headers.get("Host", ""), path)

        loop = asyncio.get_running_loop()
        return await loop.create_server(http_server(handle), address, port, backlog=1024)

    async def _forward(
        self,
        request: web.BaseRequest,
        outgoing: Outgoing,
        entry: Entry,
        backend: Backend,
        changes: list[HeaderChange],
    ) -> web.StreamResponse:
        timeout = entry.rule.timeout
        if backend.kind == "Service":
            target = self._resolver.service(backend.key, backend.port)
            return await self._carrier.carry(request, outgoing, target, timeout=timeout, answer_changes=changes)
        choice = self._picker.pick(backend.key, _whole(outgoing.body))
        if choice.prefill:
            outgoing.headers[PREFILL_HEADER] = choice.prefill
        with self._picker.under_way(choice.address):
            return await self._carrier.carry(request, outgoing, choice.target, timeout=timeout, answer_changes=changes)


def _whole(body: bytes | aiohttp.StreamReader | None) -> bytes:
    return body if isinstance(body, bytes) else b""
