"""Peers that mean harm: whoever answers, a pod behind the API server included, decides nothing but its own answer."""

from __future__ import annotations

import asyncio
import functools
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from pointsman.errors import NotFoundError, PermanentError, PointsmanError, TemporaryError
from pointsman.kube.client import Client
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.http import Http
from pointsman.kube.kubeconfig import Access
from pointsman.kube.resources import Ref, kind_of
from tests.kube.peer import Handler, Peer, client_for, serving

SECRET = {"Authorization": "Bearer the-operators-own", "x-litellm-api-key": "sk-master"}
MAP = Ref(kind_of("ConfigMap"), "m", "n")


@asynccontextmanager
async def client_of(base: str) -> AsyncIterator[Client]:
    async with Client(
        Access(base, Credentials.of(Grant(dict(SECRET))), "peer", "default", "tests"), watch_seconds=1
    ) as client:
        yield client


async def get(client: Client) -> None:
    await client.get(MAP)


async def create(client: Client) -> None:
    await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n"}})


async def raw(client: Client) -> None:
    answer = await client.http("POST", "/api/v1/namespaces/n/pods/p:80/proxy/x", body={}, headers=SECRET)
    assert answer.status in (301, 302, 303, 307, 308)
    raise TemporaryError("an answer like any other")


async def watched(client: Client) -> None:
    async with asyncio.timeout(1):
        async for event in client.watch(MAP.kind, "n"):
            assert event.type == "SYNCED"


async def forwarded(client: Client) -> None:
    async with client.port_forward("n", "p", 80):
        raise AssertionError("it was opened")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", [get, create, raw, watched, forwarded])
async def test_a_redirect_leads_nowhere(status: int, call: Callable[[Client], Awaitable[None]]) -> None:
    caught: list[tuple[str, str]] = []

    async def trap(request: web.Request) -> web.StreamResponse:
        caught.append((request.method, request.path))
        return web.json_response({"kind": "Secret", "metadata": {"name": "m", "resourceVersion": "1"}, "items": []})

    async with serving(trap) as there:

        async def lead(request: web.Request) -> web.StreamResponse:
            if "watch" not in request.query and request.method == "GET" and call is watched:
                return web.json_response({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})
            return web.json_response({"metadata": {}}, status=status, headers={"Location": f"{there}/api/v1/secrets"})

        async with serving(lead) as here, client_of(here) as client:
            with pytest.raises((PointsmanError, TimeoutError)):
                await call(client)
    assert caught == []


@pytest.mark.parametrize("way", ["request", "stream"])
async def test_an_engine_cannot_lead_us_away_either(way: str) -> None:
    caught: list[str] = []

    async def trap(request: web.Request) -> web.StreamResponse:
        caught.append(request.headers.get("Authorization", ""))
        return web.Response(text="thank you")

    async with serving(trap) as there:

        async def lead(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": there})

        async with serving(lead) as here, Http() as http:
            if way == "request":
                assert (await http.request("POST", here, body={}, headers=SECRET)).status == 307
            else:
                async with http.stream("POST", here, body={}, headers=SECRET) as stream:
                    assert stream.status == 307
    assert caught == []


@pytest.mark.parametrize(
    "name", ["../secrets/key", "..", ".", "a/../../b", "a?watch=1", "a#b", "a%2f..%2fb", "a\\b", "a b", "a\nb", "ä"]
)
@pytest.mark.parametrize("place", ["name", "namespace"])
async def test_a_name_that_leads_elsewhere_is_nobodys(name: str, place: str) -> None:
    peer = Peer()
    ref = Ref(MAP.kind, name, "n") if place == "name" else Ref(MAP.kind, "m", name)
    async with client_for(peer) as client:
        assert await client.find(ref) is None
        with pytest.raises(NotFoundError, match="is no name"):
            await client.patch(ref, {"data": {}})
        with pytest.raises(NotFoundError, match="is no name"):
            await client.delete(ref, missing_ok=False)
        if len(name.strip(".")):
            with pytest.raises(NotFoundError, match="is no name"):
                await client.proxy_get("n", name, 80, "metrics")
    assert peer.seen == []


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * (1 << 20))


@functools.cache
def small() -> bytes:
    """What 200 MiB of nothing are when they are packed."""
    return gzip.compress(bytes(200 << 20))


async def inflated(request: web.Request) -> web.StreamResponse:
    return web.Response(body=small(), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("handler", [endless, inflated])
async def test_an_answer_without_end_is_not_read_to_its_end(handler: Handler) -> None:
    async with serving(handler) as here, client_of(here) as client, Http() as http:
        with pytest.raises(TemporaryError) as told:
            await client.proxy_get("n", "p", 80, "metrics")
        assert told.value.code == "answer-too-large"
        with pytest.raises(TemporaryError, match="longer than"):
            await http.request("GET", here)
        async with http.stream("GET", here) as stream:
            with pytest.raises(TemporaryError, match="longer than"):
                await stream.read()
        async with http.stream("GET", here) as stream:
            with pytest.raises(TemporaryError, match="longer than"):
                assert [line async for line in stream.lines()] == []


async def test_a_watch_that_sends_a_line_without_end_is_opened_again() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            asked.append(request.path)
            return await endless(request)
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})

    async with serving(handler) as here, client_of(here) as client:
        events = client.watch(MAP.kind, "n")
        assert (await anext(events)).type == "SYNCED"
        more = asyncio.ensure_future(anext(events))
        while len(asked) < 2:
            assert not more.done()
            await asyncio.sleep(0.05)
        more.cancel()
        await asyncio.gather(more, return_exceptions=True)


@pytest.mark.parametrize("deep", [b"[" * 200_000, b'{"a":' * 200_000, b'{"metadata": ' + b"[" * 200_000])
async def test_json_that_nests_without_end_is_no_json(deep: bytes) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=deep)

    async with serving(handler) as here, client_of(here) as client, Http() as http:
        with pytest.raises(PermanentError):
            await client.get(MAP)
        answer = await http.request("GET", here)
        with pytest.raises(ValueError, match="recursion limit"):
            answer.json()


async def test_a_head_without_end_is_an_error_of_ours() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"x-more": "y" * 500_000})

    async with serving(handler) as here, client_of(here) as client, Http() as http:
        with pytest.raises(TemporaryError):
            await client.proxy_get("n", "p", 80, "metrics")
        with pytest.raises(TemporaryError):
            await http.request("GET", here)


async def test_cookies_are_not_carried_from_one_peer_to_another() -> None:
    brought: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        brought.append(dict(request.cookies))
        response = web.json_response({"kind": "x", "metadata": {}})
        response.set_cookie("session", "of-a-pod")
        return response

    async with serving(handler) as here, client_of(here) as client, Http() as http:
        for _ in range(2):
            await client.get(MAP)
            await http.request("GET", here)
    assert brought == [{}] * 4
