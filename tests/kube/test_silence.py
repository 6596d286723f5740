"""Servers that accept a connection and say nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from pointsman.errors import TemporaryError
from pointsman.kube.client import Client, Limits
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.http import Http
from pointsman.kube.kubeconfig import Access
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.watch import WatchError
from tests.kube.peer import Peer, client_for

MAP = Ref(kind_of("ConfigMap"), "m", "n")
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n", "resourceVersion": "5"}}
FOREVER = 30.0
"""Seconds; the limits of these tests end every call in a small part of it."""


@asynccontextmanager
async def silent(scheme: str, limits: Limits) -> AsyncIterator[tuple[Client, list[float]]]:
    """A client of a server that never says a word, and the times of the connections made to it."""
    connections: list[float] = []
    over = asyncio.Event()

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(time.monotonic())
        await over.wait()
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    tls = ssl.create_default_context() if scheme == "https" else None
    address = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with Client(Access(address, Credentials.of(Grant({}, tls)), "c", "d", "file"), limits=limits) as client:
            yield client, connections
    finally:
        over.set()
        server.close()


@pytest.mark.parametrize(
    ("scheme", "limits"),
    [("http", Limits(call=0.3, first=0.5)), ("https", Limits(connect=0.3, call=FOREVER, first=0.5))],
)
async def test_a_server_that_never_answered_is_given_up(scheme: str, limits: Limits) -> None:
    async with asyncio.timeout(FOREVER), silent(scheme, limits) as (client, connections):
        with pytest.raises(TemporaryError, match="does not answer") as caught:
            await client.get(MAP)
    assert (caught.value.code, len(connections)) == ("cluster-unreachable", 2)
    assert "context c in file" in caught.value.where


async def test_a_server_that_answered_once_gets_every_attempt() -> None:
    peer = Peer([(200, {}, OBJECT), "mute", "silence", "mute", (200, {}, OBJECT)])
    async with client_for(peer, limits=Limits(call=1.5, first=0.0)) as client:
        await client.get(MAP)
        assert await client.get(MAP) == OBJECT
    assert len(peer.seen) == 5


async def test_a_call_that_names_its_own_time_has_it() -> None:
    peer = Peer(["mute"])
    async with asyncio.timeout(FOREVER), client_for(peer, limits=Limits(call=FOREVER)) as client:
        with pytest.raises(TemporaryError, match="no answer in time"):
            await client.proxy_get("n", "pod", 80, "/metrics", timeout=0.3)


async def test_a_watch_does_not_wait_for_a_connection_that_is_not_completed() -> None:
    async with asyncio.timeout(FOREVER), silent("https", Limits(connect=0.3)) as (client, connections):
        with pytest.raises(WatchError):
            await anext(client.events("/api/v1/configmaps", {}))
    assert len(connections) == 1


async def test_an_idle_connection_is_ended_by_us_before_an_engine_would() -> None:
    """Uvicorn ends one after 5 s, and whatever is sent on it at that moment gets no answer."""
    ended = asyncio.Event()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert await reader.read() == b""
        ended.set()
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        async with Http(base=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as wire:
            assert (await wire.request("GET", "/health")).status == 200
            async with asyncio.timeout(4.9):
                await ended.wait()
    finally:
        server.close()


async def test_what_was_never_written_to_a_connection_that_had_ended_is_sent_anew() -> None:
    """The end of an idle connection is seen only after the next request has taken it: nobody has read that one.

    One that was written by then may have been read, and is not sent twice.
    """
    listener, ended, said = socket.create_server(("127.0.0.1", 0)), threading.Event(), list[str]()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(4096):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                ended.set()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        async with Http(base=f"http://127.0.0.1:{listener.getsockname()[1]}") as wire:
            for _ in range(40):
                ended.clear()
                try:
                    assert (await wire.request("POST", "/v1/completions", body={})).status == 200
                except TemporaryError as error:
                    said.append(error.what)
                else:
                    assert ended.wait(FOREVER), "the loop does nothing meanwhile, as one that is busy"
        listener.shutdown(socket.SHUT_RDWR)
    assert not [one for one in said if "not write" in one]
