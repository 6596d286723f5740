"""The client against a peer that misbehaves as API servers do."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from pointsman.errors import ClusterError, ConflictError, NotFoundError, PermanentError, TemporaryError
from pointsman.kube.client import Client
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.kubeconfig import Access
from pointsman.kube.resources import Ref, kind_of
from tests.kube.peer import Peer, client_for

Answer = tuple[int, dict[str, str], Any]
MAP = Ref(kind_of("ConfigMap"), "m", "n")
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n", "resourceVersion": "5"}}
OK: Answer = (200, {}, OBJECT)


async def test_waits_as_long_as_the_server_asks_then_succeeds() -> None:
    peer = Peer([(429, {"Retry-After": "0"}, {}), (503, {"Retry-After": "0"}, {}), OK])
    async with client_for(peer) as client:
        assert await client.get(MAP) == OBJECT
    assert len(peer.seen) == 3


async def test_a_reset_is_tried_again_when_the_call_can_be_said_twice() -> None:
    peer = Peer(["reset", OK])
    async with client_for(peer) as client:
        assert await client.patch(MAP, {"data": {}}) == OBJECT


async def test_a_create_that_may_have_happened_is_not_repeated() -> None:
    peer = Peer([(500, {}, {"message": "etcd went away"}), OK])
    async with client_for(peer) as client:
        with pytest.raises(TemporaryError, match="etcd went away"):
            await client.create(OBJECT)
    assert len(peer.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, PermanentError, "cluster-unauthorized"),
        (403, PermanentError, "cluster-forbidden"),
        (404, NotFoundError, "cluster-not-found"),
        (409, ConflictError, "cluster-conflict"),
        (410, PermanentError, "cluster-expired"),
        (422, PermanentError, "cluster-invalid"),
    ],
)
async def test_a_refusal_names_the_object_and_is_not_repeated(status: int, kind: type[ClusterError], code: str) -> None:
    peer = Peer([(status, {}, {"message": "no"})])
    async with client_for(peer) as client:
        with pytest.raises(kind) as caught:
            await client.get(MAP)
    assert (caught.value.code, caught.value.where, len(peer.seen)) == (code, "ConfigMap n/m", 1)


async def test_no_library_error_leaves_the_client_when_nobody_listens() -> None:
    async with Client(Access("http://127.0.0.1:1", Credentials.of(Grant()), "c", "d", "file")) as client:
        with pytest.raises(TemporaryError) as caught:
            await client.http("GET", "/")
    assert not isinstance(caught.value, aiohttp.ClientError)
    assert "context c in file" in caught.value.where


def change(kind: str, version: str, name: str = "m") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "resourceVersion": version}
    return {"type": kind, "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}}


def listing(version: str, *items: dict[str, Any]) -> Answer:
    return 200, {}, {"metadata": {"resourceVersion": version}, "items": [item["object"] for item in items]}


async def told(peer: Peer, count: int, watch_seconds: int = 20) -> list[tuple[str, str]]:
    found = []
    async with client_for(peer, watch_seconds=watch_seconds) as client:
        async for event in client.watch(kind_of("ConfigMap"), "n"):
            found.append((event.type, event.object.get("metadata", {}).get("name", "")))
            if len(found) == count:
                break
    return found


async def test_a_watch_that_the_server_closes_goes_on_from_where_it_was() -> None:
    first: Answer = (200, {}, [change("MODIFIED", "6")])
    second: Answer = (200, {}, [change("DELETED", "7")])
    peer = Peer([listing("5", change("ADDED", "5")), first, second])
    assert await told(peer, 4) == [("ADDED", "m"), ("SYNCED", ""), ("MODIFIED", "m"), ("DELETED", "m")]
    assert "resourceVersion=6" in peer.seen[2][1]


async def test_a_watch_that_dies_without_a_word_is_opened_again() -> None:
    peer = Peer([listing("5"), "silence", (200, {}, [change("ADDED", "6")])])
    async with asyncio.timeout(20):
        assert await told(peer, 2, watch_seconds=1) == [("SYNCED", ""), ("ADDED", "m")]
    assert "timeoutSeconds=1" in peer.seen[1][1]


async def test_a_watch_whose_answer_does_not_begin_is_opened_again() -> None:
    peer = Peer([listing("5"), "mute", (200, {}, [change("ADDED", "6")])])
    async with asyncio.timeout(20):
        assert await told(peer, 2, watch_seconds=1) == [("SYNCED", ""), ("ADDED", "m")]


async def test_a_watch_that_says_something_else_is_opened_again() -> None:
    peer = Peer([listing("5"), (200, {}, b"hello\n"), (200, {}, b"{}\n"), (200, {}, [change("ADDED", "6")])])
    async with asyncio.timeout(20):
        assert await told(peer, 2) == [("SYNCED", ""), ("ADDED", "m")]


async def test_an_expired_watch_lists_again_and_tells_what_vanished() -> None:
    gone: Answer = (200, {}, [{"type": "ERROR", "object": {"code": 410}}])
    peer = Peer([listing("5", change("ADDED", "5"), change("ADDED", "4", "old")), gone, listing("9", change("A", "9"))])
    assert await told(peer, 6) == [
        ("ADDED", "m"),
        ("ADDED", "old"),
        ("SYNCED", ""),
        ("MODIFIED", "m"),
        ("DELETED", "old"),
        ("SYNCED", ""),
    ]


async def test_a_forbidden_watch_is_raised_not_retried() -> None:
    peer = Peer([listing("5"), (403, {}, {"message": "not you"})])
    with pytest.raises(PermanentError, match="not you"):
        await told(peer, 3)


def page(*names: str, more: str = "") -> Answer:
    """A part of a list of ConfigMaps."""
    items = [{"metadata": {"name": name, "namespace": "n"}} for name in names]
    return (200, {}, {"metadata": {"continue": more}, "items": items})


async def paged(client: Client) -> list[list[str]]:
    """The names on each page."""
    return [[one["metadata"]["name"] for one in part] async for part in client.pages(MAP.kind, "n", {"a": ""})]


async def test_a_long_list_is_read_in_pages() -> None:
    peer = Peer([page("a", "b", more="1"), page("c")])
    async with client_for(peer) as client:
        assert await paged(client) == [["a", "b"], ["c"]]
    path = "/api/v1/namespaces/n/configmaps?labelSelector=a&limit=500"
    assert peer.seen == [("GET", path), ("GET", f"{path}&continue=1")]


async def test_a_list_that_cannot_be_gone_on_with_comes_once_more_whole() -> None:
    peer = Peer([page("a", more="1"), (410, {}, {"message": "too old"}), page("a", "b")])
    async with client_for(peer) as client:
        assert await paged(client) == [["a"], ["a", "b"]]
    assert "limit" not in peer.seen[-1][1]


async def test_a_list_that_was_begun_is_asked_for_once() -> None:
    peer = Peer([page("a"), page("b")])
    async with client_for(peer) as client:
        client.begin(MAP.kind, "n", {"a": ""})
        assert await paged(client) == [["a"]]
        assert await paged(client) == [["b"]]
    assert len(peer.seen) == 2


async def test_a_list_that_was_begun_and_never_read_leaves_nothing_behind() -> None:
    async with client_for(Peer(["mute"])) as client:
        client.begin(MAP.kind, "n")


async def test_names_are_read_from_a_table_or_from_a_server_that_makes_none() -> None:
    columns = [{"name": "Age", "format": ""}, {"name": "Name", "format": "name"}]
    table = {"kind": "Table", "metadata": {}, "columnDefinitions": columns, "rows": [{"cells": ["1d", "a"]}]}
    odd = {"kind": "Table", "metadata": {}, "columnDefinitions": [], "rows": []}
    async with client_for(Peer([(200, {}, table), page("b"), (200, {}, odd)])) as client:
        assert await client.names(MAP.kind, "n") == ["a"]
        assert await client.names(MAP.kind, "n") == ["b"]
        with pytest.raises(PermanentError, match="not Kubernetes"):
            await client.names(MAP.kind, "n")
