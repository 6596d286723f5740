"""What a peer may do with a connection of ours: answer, within bounds, and nothing else.

A peer is whoever answers: the API server, but also any pod that it passes an answer on from. An answer never decides
where we call next: a redirect is an answer like any other (the API server follows none for us either, kubernetes 1.34,
and rewrites only the hosts of those that its pod proxy passes on). An answer has an end: what is longer than its use
needs is not read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

from pointsman.kube.connections import aiohttp

__all__ = [
    "FROM_PEER",
    "FROM_SERVER",
    "MESSAGE",
    "RedirectedError",
    "TooLargeError",
    "lines_within",
    "read_within",
    "unled",
]

FROM_SERVER = 256 << 20
"""Bytes of an answer of the API server: a page of 500 objects of half a megabyte each."""
FROM_PEER = 32 << 20
"""Bytes of an answer of a pod. LiteLLM's list of 1,000 entries takes 7 million (1.106, measured)."""
LINE = 16 << 20
"""Bytes of a line of a watch or a stream; an object in etcd has 1.5 million at most, its managed fields included."""
MESSAGE = 4 << 20
"""Bytes of a WebSocket's message; a kubelet sends 32,768 at a time."""


class TooLargeError(aiohttp.ClientError):
    """An answer is longer than what it is for needs. Never leaves this package."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is longer than {most >> 20} MiB")


class RedirectedError(aiohttp.ClientError):
    """A peer wants a call to be made somewhere else. Never leaves this package."""


def unled() -> aiohttp.TraceConfig:
    """Ends every call that aiohttp is about to repeat where a peer says; ``ws_connect`` knows no other way."""

    async def refuse(
        session: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestRedirectParams
    ) -> None:
        told.response.close()
        raise RedirectedError("the answer is a redirect, which is not followed")

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


async def read_within(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body; raises TooLargeError, and closes the connection, when it is longer than ``most`` bytes."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > most:
            response.close()
            raise TooLargeError(most)
        parts.append(part)
    return b"".join(parts)


async def lines_within(response: aiohttp.ClientResponse, most: int | None = None) -> AsyncIterator[bytes]:
    """Whole lines without their line feeds, empty ones too; raises TooLargeError past ``most`` bytes in all, or past
    LINE in one. aiohttp's own reader refuses lines over its buffer, which definitions of kinds are.
    """
    begun: list[bytes] = []
    size = total = 0
    async for part in response.content.iter_any():
        total += len(part)
        first, *others = part.split(b"\n")
        begun.append(first)
        size += len(first)
        for piece in others:
            yield b"".join(begun)
            begun, size = [piece], len(piece)
        if size > LINE or (most is not None and total > most):
            response.close()
            raise TooLargeError(LINE if size > LINE else most or LINE)
    if size:
        yield b"".join(begun)
