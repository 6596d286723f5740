"""Why there is no answer, in plain words: the address and the reason, nothing of the library that noticed it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from pointsman.errors import ClusterError, TemporaryError
from pointsman.kube.client import Client, Limits
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.http import Http
from pointsman.kube.kubeconfig import Access
from pointsman.kube.reasons import reason
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.certificates import Authority
from tests.kube.peer import listening

POD = Ref(kind_of("Pod"), "p", "n")
PROGRAM = re.compile(r"object at 0x|\[None\]|<\w+|ssl:|message=|\[Errno|_ssl\.c|Errors?\b", re.ASCII)
"""What only a programmer reads."""


def nobody() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def told(server: str, *, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> ClusterError:
    """What a client says of this server."""
    access = Access(server, Credentials.of(Grant({}, tls)), "c", "d", "file", proxy=proxy)
    async with Client(access, limits=Limits(first=0.0)) as client:
        with pytest.raises(ClusterError) as caught:
            await client.get(POD)
    return caught.value


def plain(text: str) -> str:
    assert not PROGRAM.search(text), text
    return text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_port_that_nobody_listens_on(host: str) -> None:
    port = nobody()
    error = await told(f"https://{host}:{port}", tls=ssl.create_default_context())
    assert plain(error.what) == f"the API server does not answer ({host}:{port}: connection refused)"


async def test_a_name_that_nobody_knows() -> None:
    error = await told("https://nobody.invalid:6443", tls=ssl.create_default_context())
    assert plain(error.what).startswith("the API server does not answer (nobody.invalid:6443: ")


async def test_a_proxy_that_is_not_there() -> None:
    port = nobody()
    error = await told("http://api.example", proxy=f"http://127.0.0.1:{port}")
    assert f"127.0.0.1:{port}: connection refused" in plain(error.what)


@asynccontextmanager
async def saying(what: bytes) -> AsyncIterator[str]:
    """The address of a server that says this to everybody, and hangs up."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(what)
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (b"", "the connection was closed before an answer came"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "what came is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "the answer broke off"),
    ],
)
async def test_answers_that_are_none(what: bytes, expected: str) -> None:
    async with saying(what) as address:
        assert expected in plain((await told(f"http://{address}")).what)
        async with Http(base=f"http://{address}") as wire:
            with pytest.raises(TemporaryError) as caught:
                await wire.request("GET", "/")
        assert plain(caught.value.what) == f"no answer: {expected}"


async def test_plain_words_where_tls_was_meant() -> None:
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        error = await told(f"https://{address}", tls=ssl.create_default_context())
    assert f"{address}: " in plain(error.what)


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    authority, stem = Authority(tmp_path), tmp_path / "server"
    authority.ensure()
    authority.issue(stem, "server", ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(stem.with_suffix(".crt"), stem.with_suffix(".key"))

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with listening(answer, context) as address:
        error = await told(f"https://{address}", tls=ssl.create_default_context())
        assert "certificate verify failed" in plain(error.what)
        async with Http(base=f"https://{address}") as wire:
            with pytest.raises(TemporaryError, match="certificate verify failed") as caught:
                await wire.request("GET", "/")
        plain(caught.value.what)


async def test_a_port_of_a_pod_that_may_not_be_forwarded() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=403)

    async with listening(refuse) as address:
        access = Access(f"http://{address}", Credentials.of(Grant()), "c", "d", "file")
        async with Client(access) as client:
            with pytest.raises(TemporaryError) as caught:
                async with client.port_forward("n", "p", 8000):
                    raise AssertionError("it was opened")
    assert plain(caught.value.what) == "cannot forward to port 8000 (the answer was 403)"


def test_what_several_addresses_of_one_name_say() -> None:
    both = OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 113] No route")
    assert reason(both) == "connection refused; no route to host"
