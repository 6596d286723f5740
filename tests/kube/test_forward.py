"""A way to a pod through an API server that fails now and then: opened again, since nothing went through it yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from pointsman.errors import TemporaryError
from pointsman.kube.http import Http
from tests.kube.peer import Peer, client_for

BUSY: tuple[int, dict[str, str], dict[str, str]] = (429, {"Retry-After": "0"}, {"message": "slow down"})
BROKEN: tuple[int, dict[str, str], dict[str, str]] = (500, {}, {"message": "etcd"})
FORBIDDEN: tuple[int, dict[str, str], dict[str, str]] = (403, {}, {"message": "no"})


class Pod(Peer):
    """What is not scripted reaches a pod that answers ``200 ok`` to every request."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.answers:
            return await super().handle(request)
        self.seen.append((request.method, request.path_qs))
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for channel in (0, 1):
            await socket.send_bytes(bytes([channel, 80, 0]))
        async for _ in socket:
            await socket.send_bytes(b"\0HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return socket


@asynccontextmanager
async def forwarded(pod: Pod) -> AsyncIterator[str]:
    async with client_for(pod) as client, client.port_forward("serving", "engine", 80) as base:
        yield base


@pytest.mark.parametrize("trouble", [BUSY, BROKEN, "reset"])
async def test_a_way_that_the_api_server_fails_to_open_is_tried_again(trouble: Any) -> None:
    pod = Pod([trouble])
    async with forwarded(pod) as base, Http() as wire:
        pod.answers += [trouble, trouble]
        answer = await wire.request("GET", f"{base}/v1/models", headers={}, timeout=10)
    assert (answer.status, answer.text) == (200, "ok")
    assert len(pod.seen) == 5, "two to see that the pod can be reached at all, three for the request"


async def test_a_way_that_stays_closed_is_given_up() -> None:
    pod = Pod([BROKEN] * 9)
    with pytest.raises(TemporaryError, match="cannot forward to port 80"):
        async with forwarded(pod):
            raise AssertionError("it was opened")
    assert len(pod.seen) == 4


async def test_a_way_that_is_forbidden_is_not_tried_again() -> None:
    pod = Pod([FORBIDDEN])
    with pytest.raises(TemporaryError, match="pods/portforward"):
        async with forwarded(pod):
            raise AssertionError("it was opened")
    assert len(pod.seen) == 1
