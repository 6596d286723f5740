from __future__ import annotations

import asyncio
import io
import json

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.lab.network.world import World, address, http_endpoint, raw_endpoint


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    seen = {"method": request.method, "path": request.raw_path, "headers": dict(request.headers), "bytes": len(body)}
    return web.json_response(seen)


async def test_a_request_reaches_the_endpoint_as_it_was_made(net: World, http: aiohttp.ClientSession) -> None:
    async with http_endpoint(5, echo) as port:
        net.serve_at("web", [address(5)], port)
        headers = {"X-Key": "v"}
        url = URL("http://web.ns.svc.cluster.local/v1/a%20b?q=%2F", encoded=True)
        async with http.post(url, proxy=net.proxy, data=b"hello", headers=headers) as answer:
            seen = json.loads(await answer.read())
    assert (seen["method"], seen["path"], seen["bytes"]) == ("POST", "/v1/a%20b?q=%2F", 5)
    assert seen["headers"]["Host"] == "web.ns.svc.cluster.local"
    assert seen["headers"]["X-Key"] == "v"
    assert not {"Proxy-Authorization", "Proxy-Connection"} & seen["headers"].keys()


@pytest.mark.parametrize("who", ["", "lab:@", "lab:p-_@", "lab:p-_12@", "root:p-_1@"])
async def test_who_does_not_show_the_labs_password_reaches_nothing(
    net: World, http: aiohttp.ClientSession, who: str
) -> None:
    reached = []

    async def listen(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    async with http_endpoint(5, listen) as port:
        net.serve_at("web", [address(5)], port)
        async with http.get("http://web.ns/", proxy=net.otherwise(who)) as answer:
            assert answer.status == 407
            assert answer.headers["Proxy-Authenticate"] == 'Basic realm="lab"'
            assert "pointsman lab status" in await answer.text()
    assert reached == []


async def test_a_password_that_is_no_text_is_no_password(net: World) -> None:
    reader, writer = await asyncio.open_connection(*net.proxy_address)
    writer.write(b"GET http://web.ns/ HTTP/1.1\r\nHost: web.ns\r\nProxy-Authorization: Basic \xff\xfe\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 407 ")
    writer.close()


@pytest.mark.parametrize("chunked", [False, True])
async def test_big_bodies_pass_both_ways(net: World, http: aiohttp.ClientSession, chunked: bool) -> None:
    async def mirror(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for chunk in request.content.iter_any():
            await answer.write(chunk)
        return answer

    payload = bytes(range(256)) * 80_000

    async def pieces() -> object:
        for start in range(0, len(payload), 100_000):
            yield payload[start : start + 100_000]

    async with http_endpoint(5, mirror) as port:
        net.serve_at("web", [address(5)], port)
        data = pieces() if chunked else io.BytesIO(payload)
        async with http.post("http://web.ns/", proxy=net.proxy, data=data, expect100=not chunked) as answer:
            assert await answer.read() == payload


async def test_a_streams_first_token_passes_before_the_last_is_made(net: World, http: aiohttp.ClientSession) -> None:
    go_on = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: first\n\n")
        await go_on.wait()
        await answer.write(b"data: last\n\n")
        return answer

    async with http_endpoint(5, stream) as port:
        net.serve_at("web", [address(5)], port)
        async with http.get("http://web.ns/", proxy=net.proxy) as answer:
            assert await answer.content.readuntil(b"\n\n") == b"data: first\n\n"
            go_on.set()
            assert await answer.content.read() == b"data: last\n\n"


async def test_a_client_that_leaves_cancels_its_request(net: World, http: aiohttp.ClientSession) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return web.Response()

    async with http_endpoint(5, never) as port:
        net.serve_at("web", [address(5)], port)
        task = asyncio.create_task(http.get("http://web.ns/", proxy=net.proxy).__aenter__())
        await started.wait()
        task.cancel()
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_client_that_leaves_a_stream_cancels_it(net: World, http: aiohttp.ClientSession) -> None:
    cancelled = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return answer

    async with http_endpoint(5, stream) as port:
        net.serve_at("web", [address(5)], port)
        async with http.get("http://web.ns/", proxy=net.proxy) as answer:
            await answer.content.readexactly(5)
        await asyncio.wait_for(cancelled.wait(), 5)


HEADS = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
}


@pytest.mark.parametrize("kind", sorted(HEADS))
async def test_a_body_broken_off_by_the_endpoint_never_looks_whole(
    net: World, http: aiohttp.ClientSession, kind: str
) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEADS[kind])
        await writer.drain()

    async with raw_endpoint(5, cut) as port:
        net.serve_at("web", [address(5)], port)
        async with http.get("http://web.ns/", proxy=net.proxy) as answer:
            assert await answer.content.readexactly(5) == b"hello"
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.read()


async def test_a_connection_closed_while_idle_loses_no_request(net: World, http: aiohttp.ClientSession) -> None:
    """The endpoint answers once per connection and hangs up on the second request without a word."""
    connections: list[int] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2 if b"POST" in head else 0)
            connections[-1] += 1
            if connections[-1] == 2:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with raw_endpoint(5, once) as port:
        net.serve_at("web", [address(5)], port)
        for _ in range(6):
            async with http.post("http://web.ns/", proxy=net.proxy, data=b"hi") as answer:
                assert (answer.status, await answer.read()) == (200, b"ok")
    assert 2 in connections, "no connection was reused: the test shows nothing"


async def test_a_request_dropped_on_a_fresh_connection_is_not_repeated(net: World, http: aiohttp.ClientSession) -> None:
    seen = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        seen += 1

    async with raw_endpoint(5, drop) as port:
        net.serve_at("web", [address(5)], port)
        async with http.post("http://web.ns/", proxy=net.proxy, data=b"hi") as answer:
            assert answer.status == 502
            assert "closed the connection before it answered" in await answer.text()
    assert seen == 1


async def test_refusals_tell_status_and_reason(net: World, http: aiohttp.ClientSession) -> None:
    net.serve_at("web", [address(5)], 1, ready=False)
    expected = {
        "http://web.ns/": (503, "no ready endpoint"),
        "http://nobody.ns/": (502, "there is no Service ns/nobody"),
        "http://huggingface.co/x": (502, "no route out of the lab"),
        f"http://{address(77)}:1/": (503, "connection refused"),
    }
    for url, (status, words) in expected.items():
        async with http.get(url, proxy=net.proxy) as answer:
            assert answer.status == status, url
            assert words in await answer.text()
            assert "X-Lab-Network" in answer.headers


async def test_a_slow_client_holds_the_endpoint_back(net: World) -> None:
    """Back-pressure: what the client does not read is not made."""
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(2000):
            await answer.write(b"x" * 65536)
            sent += 65536
        return answer

    async with http_endpoint(5, flood) as port:
        net.serve_at("web", [address(5)], port)
        reader, writer = await asyncio.open_connection(*net.proxy_address, limit=65536)
        writer.write(f"GET http://web.ns/ HTTP/1.1\r\nHost: web.ns\r\n{net.shown}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert 0 < sent < 40_000_000
        writer.close()


async def test_an_endpoint_in_another_slice_state_is_seen_at_once(net: World, http: aiohttp.ClientSession) -> None:
    async with http_endpoint(5, echo) as first, http_endpoint(6, echo, first) as second:
        assert first == second
        net.serve_at("web", [address(5)], first)
        for host in (5, 6):
            net.serve_at("web", [address(host)], first)
            async with http.get("http://web.ns/", proxy=net.proxy) as answer:
                assert answer.status == 200
        net.serve_at("web", [], first)
        async with http.get("http://web.ns/", proxy=net.proxy) as answer:
            assert answer.status == 503
