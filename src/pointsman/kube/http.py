"""Plain HTTP with this project's errors: one request, or one stream.

A thin skin over aiohttp so that no library type or exception leaves this package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from pydantic_core import from_json

from pointsman.errors import TemporaryError
from pointsman.kube.connections import aiohttp
from pointsman.kube.peers import FROM_PEER, lines_within, read_within
from pointsman.kube.reasons import reason

__all__ = ["IDLE", "Caller", "Http", "Response", "Stream"]

IDLE = 2.0
"""Seconds an idle connection is kept: engines and LiteLLM (uvicorn) end theirs after 5, and a request that is sent just
then is lost."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is not, or nests too deeply."""
        return from_json(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Caller(Protocol):
    """Whoever makes calls to an API server."""

    async def http(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        """One raw call, no retry; the answer, whatever its status, or TemporaryError."""


class Stream:
    """An answer that is still arriving."""

    def __init__(self, response: aiohttp.ClientResponse, where: str) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._where = where

    async def lines(self) -> AsyncIterator[bytes]:
        """Lines as they come, without their line ends; raises TemporaryError when the stream is cut."""
        try:
            async for line in lines_within(self._response, FROM_PEER):
                yield line.rstrip(b"\r")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(self._where, error) from error

    async def read(self) -> bytes:
        """The rest of the body."""
        try:
            return await read_within(self._response, FROM_PEER)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(self._where, error) from error


class Http:
    """A pool of connections, optionally through a forward proxy. Use as an async context manager."""

    def __init__(self, *, proxy: str | None = None, base: str = "", limit: int = 0) -> None:
        self._proxy = proxy
        self._base = base
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Http:
        connector = aiohttp.TCPConnector(limit=self._limit, keepalive_timeout=IDLE)
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> AsyncIterator[Stream]:
        """Open a request; ``timeout`` is seconds for the whole exchange, the reading of the body included.

        Raises TemporaryError when the peer cannot be reached, cuts the exchange or takes too long.
        """
        where = self._base + url
        try:
            response = await self._sent(method, where, body, headers, timeout)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(where, error) from error
        try:
            yield Stream(response, where)
        finally:
            response.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        """One request and its whole answer, whatever its status. Raises TemporaryError like ``stream``."""
        where = self._base + url
        try:
            async with await self._sent(method, where, body, headers, timeout) as response:
                return Response(response.status, response.headers, await read_within(response, FROM_PEER))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(where, error) from error

    async def _sent(
        self, method: str, where: str, body: Any, headers: Mapping[str, str] | None, timeout: float
    ) -> aiohttp.ClientResponse:
        """The head of an answer. What met a connection that had just ended, and was not written to it, is sent anew."""
        assert self._session is not None, "use Http as an async context manager"
        ask = partial(
            self._session.request,
            method,
            where,
            json=body,
            headers=headers,
            proxy=self._proxy,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout),
        )
        try:
            return await ask()
        except aiohttp.ClientOSError as error:
            if not isinstance(error.__cause__, aiohttp.ClientConnectionResetError):
                raise
        return await ask()


def _unreachable(where: str, error: BaseException) -> TemporaryError:
    return TemporaryError(f"no answer: {reason(error)}", where=where, next_action="try again", code="http-unreachable")
