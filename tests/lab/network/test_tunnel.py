from __future__ import annotations

import asyncio

import pytest

from tests.lab.network.world import World, address, eventually, raw_endpoint

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(net: World, authority: str, early: bytes = b"") -> tuple[bytes, Streams]:
    reader, writer = await asyncio.open_unix_connection(str(net.egress))
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode() + early)
    return (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0], (reader, writer)


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only once the client has ended its half: needs a working half-close."""
    text = await reader.read()
    writer.write(text.upper())
    await writer.drain()


async def test_pods_services_and_names_are_reached_and_half_close_works(net: World) -> None:
    async with raw_endpoint(5, shout) as port:
        net.serve_at("hook", [address(5)], port)
        for authority in (f"{address(5)}:{port}", "hook.ns.svc:80", "10.96.0.9:80", f"127.99.0.5:{port}"):
            status, (reader, writer) = await connect(net, authority, b"hel")
            assert status == b"HTTP/1.1 200 Connection established"
            writer.write(b"lo")
            writer.write_eof()
            assert await reader.read() == b"HELLO"
            writer.close()


async def test_the_far_ends_half_close_keeps_the_way_back_open(net: World) -> None:
    received = bytearray()

    async def talk_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        received.extend(await reader.read())

    async with raw_endpoint(5, talk_first) as port:
        _, (reader, writer) = await connect(net, f"{address(5)}:{port}")
        assert await reader.read() == b"bye"
        writer.write(b"still here")
        writer.write_eof()
        await eventually(lambda: bytes(received) == b"still here", "the last words")
        writer.close()


async def test_a_refusal_carries_its_reason_in_the_status_line(net: World) -> None:
    net.serve_at("hook", [], 1)
    expected = {
        "hook.ns.svc:80": b"HTTP/1.1 503 Service ns/hook has no ready endpoint for port 80",
        "other.ns.svc:80": b"HTTP/1.1 502 unknown name: there is no Service ns/other",
        f"{address(9)}:1": b"HTTP/1.1 503 10.99.0.9:1: connection refused",
        "nonsense": b"HTTP/1.1 400 not a CONNECT request: CONNECT nonsense HTTP/1.1",
    }
    for authority, line in expected.items():
        status, (_, writer) = await connect(net, authority)
        assert status == line
        writer.close()


async def test_much_data_passes_with_back_pressure_and_in_order(net: World) -> None:
    payload = bytes(range(251)) * 100_000

    async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async with raw_endpoint(5, mirror) as port:
        _, (reader, writer) = await connect(net, f"{address(5)}:{port}")

        async def send() -> None:
            writer.write(payload)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        assert await reader.read() == payload
        await sending
        writer.close()


async def test_a_client_that_resets_ends_the_far_side(net: World) -> None:
    ended = asyncio.Event()

    async def wait_for_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async with raw_endpoint(5, wait_for_end) as port:
        _, (_, writer) = await connect(net, f"{address(5)}:{port}")
        writer.transport.abort()
        await asyncio.wait_for(ended.wait(), 5)


async def test_the_forward_proxy_answers_connect_too(net: World) -> None:
    async with raw_endpoint(5, shout) as port:
        reader, writer = await asyncio.open_connection(*net.proxy_address)
        for piece in (b"CON", b"NECT ", f"{address(5)}:{port} HTTP/1.1\r\n{net.shown}\r\n".encode()):
            writer.write(piece)
            await writer.drain()
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x")
        writer.write_eof()
        assert await reader.read() == b"X"
        writer.close()


@pytest.mark.parametrize("shown", ["", "Proxy-Authorization: Basic bGFiOg==\r\n", "Proxy-Authorization: Basic\r\n"])
async def test_who_does_not_show_the_labs_password_gets_no_tunnel(net: World, shown: str) -> None:
    ended = asyncio.Event()

    async def reached(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.set()

    async with raw_endpoint(5, reached) as port:
        reader, writer = await asyncio.open_connection(*net.proxy_address)
        writer.write(f"CONNECT {address(5)}:{port} HTTP/1.1\r\n{shown}\r\n".encode())
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 407 ")
    assert b'\r\nProxy-Authenticate: Basic realm="lab"\r\n' in answer
    assert not ended.is_set()
