"""One HTTP exchange carried from a client to an endpoint: streamed both ways, never buffered, never made up.

A body that the endpoint breaks off is broken off for the client too, by closing its connection: a truncated
answer must not look whole. A client that leaves cancels its request at the endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from pointsman.lab.network.resolver import Target
from pointsman.lab.network.tunnel import CONNECT_TIMEOUT

__all__ = ["REPLAYABLE", "Carrier", "HeaderChange", "Outgoing", "body_of", "end_to_end", "http_server", "refusal"]

REPLAYABLE = 1 << 20
"""Bodies up to this many bytes are read before they are sent, so that they can be sent again."""
_IDLE = 1.0
"""Seconds an idle connection to an endpoint is kept: less than any server's own limit (uvicorn: 5)."""
_STALE_WINDOW = 0.25
"""A reused connection that ends this soon after a request was sent had been closed while idle."""
_LINE_LIMIT = 65536
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    )
)


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """What a header modifier does: set, then add, then remove."""

    set: Mapping[str, str]
    add: Mapping[str, str]
    remove: tuple[str, ...]

    def apply(self, headers: CIMultiDict[str]) -> None:
        """Change ``headers`` in place."""
        for name, value in self.set.items():
            headers[name] = value
        for name, value in self.add.items():
            headers.add(name, value)
        for name in self.remove:
            headers.popall(name, None)


@dataclass(slots=True)
class Outgoing:
    """The request as it leaves: filters may change everything but its body."""

    method: str
    path: str
    """Path and query, as they go on the wire."""
    headers: CIMultiDict[str]
    body: bytes | aiohttp.StreamReader | None


class Carrier:
    """Carries exchanges over pooled connections. One per process."""

    def __init__(self) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_mark_reused)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            trace_configs=[trace],
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
        )

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, for the data plane's own questions to endpoints."""
        return self._session

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._session.close()

    async def carry(
        self,
        request: web.BaseRequest,
        outgoing: Outgoing,
        target: Target,
        *,
        timeout: float | None = None,
        answer_changes: Iterable[HeaderChange] = (),
    ) -> web.StreamResponse:
        """Send ``outgoing`` to ``target`` and stream the answer to ``request``'s client.

        ``timeout`` bounds the whole exchange: 504 when nothing was answered yet, else the answer is cut.
        """
        answer: web.StreamResponse | None = None
        try:
            async with asyncio.timeout(timeout), await self._open(outgoing, target) as response:
                answer = _answer_of(response, answer_changes)
                await answer.prepare(request)
                async for chunk in response.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except TimeoutError:
            if answer is None or not answer.prepared:
                return refusal(
                    504,
                    f"{target.shown} did not answer within {timeout:g} s"
                    if timeout
                    else f"{target.shown}: no connection in time",
                    "timeout",
                )
            return _cut(request, answer)
        except (aiohttp.ClientError, OSError) as error:
            if answer is None or not answer.prepared:
                return _failed(error, target)
            return _cut(request, answer)

    async def _open(self, outgoing: Outgoing, target: Target) -> aiohttp.ClientResponse:
        """The answer's head. A request that met a connection closed while idle is sent once more."""
        url = URL(f"http://{target.host}:{target.port}{outgoing.path}", encoded=True)
        loop = asyncio.get_running_loop()
        memory = SimpleNamespace(reused=False)
        started = loop.time()
        try:
            return await self._send(outgoing, url, memory)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            replayable = outgoing.body is None or isinstance(outgoing.body, bytes)
            if not (memory.reused and replayable and loop.time() - started < _STALE_WINDOW):
                raise
        outgoing.headers["Connection"] = "close"
        return await self._send(outgoing, url, memory)

    async def _send(self, outgoing: Outgoing, url: URL, memory: SimpleNamespace) -> aiohttp.ClientResponse:
        return await self._session.request(
            outgoing.method,
            url,
            headers=outgoing.headers,
            data=outgoing.body,
            allow_redirects=False,
            trace_request_ctx=memory,
        )


def http_server(handler: Handler) -> web.Server:
    """An aiohttp server set up for proxying: bodies untouched, a client's leaving cancels its handler."""
    return web.Server(
        handler,
        handler_cancellation=True,
        auto_decompress=False,
        access_log=None,
        max_line_size=_LINE_LIMIT,
        max_field_size=_LINE_LIMIT,
        max_headers=_LINE_LIMIT,
    )


async def body_of(request: web.BaseRequest) -> bytes | aiohttp.StreamReader | None:
    """The client's body: whole when it is small and of known length, else the stream itself."""
    if not request.body_exists:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = request.content_length
    if length is not None and length <= REPLAYABLE:
        return await request.content.readexactly(length)
    return request.content


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers meant for the other end: all but those that concern one connection."""
    named = {token.strip().lower() for value in headers.getall("Connection", ()) for token in value.split(",")}
    left_out = _HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def refusal(status: int, what: str, code: str) -> web.Response:
    """An answer of the network's own; the header tells it from an endpoint's."""
    return web.Response(status=status, text=f"lab network: {what}\n", headers={"X-Lab-Network": code})


def _answer_of(response: aiohttp.ClientResponse, changes: Iterable[HeaderChange]) -> web.StreamResponse:
    headers = end_to_end(response.headers)
    for change in changes:
        change.apply(headers)
    return web.StreamResponse(status=response.status, reason=response.reason, headers=headers)


def _cut(request: web.BaseRequest, answer: web.StreamResponse) -> web.StreamResponse:
    """Break the client's connection off in the middle of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return answer


def _failed(error: Exception, target: Target) -> web.Response:
    if isinstance(error, aiohttp.ClientConnectorError):
        return refusal(503, f"{target.shown}: connection refused", "refused")
    return refusal(502, f"{target.shown} closed the connection before it answered", "closed")


async def _mark_reused(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.reused = True
