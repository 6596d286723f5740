"""The gateways' data plane, asked through the forward proxy."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.lab.network.world import (
    World,
    a_gateway,
    a_route,
    a_rule,
    address,
    eventually,
    http_endpoint,
    path,
)

GATEWAY = "http://10.99.254.1"


class Backends:
    """Services ``a``, ``b`` and ``c``; each answers with its name and what it was asked."""

    def __init__(self, net: World, http: aiohttp.ClientSession) -> None:
        self.net = net
        self.http = http
        self.slow = asyncio.Event()
        self.cancelled = asyncio.Event()

    def handler(self, name: str) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            if request.path == "/slow":
                await self._stall()
            if request.path == "/drip":
                return await self._drip(request)
            seen = {"name": name, "path": request.raw_path, "headers": dict(request.headers)}
            return web.json_response(seen, headers={"X-Old": "1"})

        return handle

    async def ask(self, url: str, method: str = "GET", **more: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        options = {"proxy": self.net.proxy, "allow_redirects": False, **more}
        async with self.http.request(method, url, **options) as answer:
            body = await answer.read()
            seen = json.loads(body) if answer.status == 200 else {"text": body.decode()}
            return answer.status, seen, dict(answer.headers)

    async def _stall(self) -> None:
        try:
            await self.slow.wait()
        finally:
            self.cancelled.set()

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")
        await self._stall()
        return answer


@pytest_asyncio.fixture
async def backends(net: World, http: aiohttp.ClientSession) -> AsyncIterator[Backends]:
    made = Backends(net, http)
    async with AsyncExitStack() as stack:
        for last, name in enumerate("abc", start=5):
            port = await stack.enter_async_context(http_endpoint(last, made.handler(name)))
            net.serve_at(name, [address(last)], port)
        yield made


MATCHES: list[tuple[str, str, dict[str, str], str]] = [
    ("GET", "/exact", {}, "a"),
    ("GET", "/exact/more", {}, "b"),
    ("GET", "/v1/chat", {}, "c"),
    ("GET", "/v1", {}, "b"),
    ("GET", "/v1/chatter", {}, "b"),
    ("GET", "/re/17", {}, "a"),
    ("GET", "/headers", {"X-Tenant": "gold"}, "c"),
    ("GET", "/headers", {"X-Tenant": "tin"}, "b"),
    ("GET", "/headers", {}, "b"),
    ("POST", "/method", {}, "a"),
    ("GET", "/method", {}, "b"),
    ("GET", "/query?beta=yes", {}, "a"),
    ("GET", "/query?beta=no", {}, "b"),
]


@pytest.mark.parametrize(("method", "target", "headers", "expected"), MATCHES)
async def test_the_most_specific_match_wins(
    backends: Backends, method: str, target: str, headers: dict[str, str], expected: str
) -> None:
    gold = [{"name": "x-tenant", "type": "RegularExpression", "value": "go.d"}]
    backends.net.program(
        a_route(
            "r",
            a_rule("b", path("/")),
            a_rule("a", path("/exact", "Exact"), path("/re/[0-9]+", "RegularExpression")),
            a_rule("c", path("/v1/chat"), path("/headers", headers=gold)),
            a_rule("a", path("/method", method="POST"), path("/query", queryParams=[{"name": "beta", "value": "yes"}])),
        )
    )
    status, seen, _ = await backends.ask(f"{GATEWAY}{target}", method, headers=headers)
    assert (status, seen["name"]) == (200, expected)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("one.example.com", "a"), ("two.example.com", "b"), ("deep.two.example.com", "b"), ("other.test", "c")],
)
async def test_the_most_specific_host_name_wins(backends: Backends, host: str, expected: str) -> None:
    backends.net.program(
        a_route("exact", a_rule("a"), hostnames=["one.example.com"]),
        a_route("wild", a_rule("b"), hostnames=["*.example.com"]),
        a_route("any", a_rule("c")),
    )
    assert (await backends.ask(GATEWAY, headers={"Host": host}))[1]["name"] == expected


async def test_a_routes_host_name_is_a_name_of_the_lab(backends: Backends) -> None:
    backends.net.program(a_route("r", a_rule("a"), hostnames=["one.example.com"]))
    assert (await backends.ask("http://one.example.com/"))[1]["headers"]["Host"] == "one.example.com"


@pytest.mark.parametrize(
    ("target", "to", "expected"),
    [
        ("/llm-d/q/v1/models?x=1", "/v1", "/v1/models?x=1"),
        ("/llm-d/q/v1", "/v1", "/v1"),
        ("/llm-d/q/v1/a%2Fb", "/", "/a%2Fb"),
        ("/llm-d/q/v1", "/", "/"),
    ],
)
async def test_a_prefix_is_rewritten(backends: Backends, target: str, to: str, expected: str) -> None:
    modifier = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": to}, "hostname": "inner.test"}
    rule = a_rule("a", path("/llm-d/q/v1"), filters=[{"type": "URLRewrite", "urlRewrite": modifier}])
    backends.net.program(a_route("r", rule))
    from yarl import URL

    _, seen, _ = await backends.ask(URL(f"{GATEWAY}{target}", encoded=True))  # type: ignore[arg-type]
    assert (seen["path"], seen["headers"]["Host"]) == (expected, "inner.test")


async def test_a_full_path_is_replaced_and_headers_are_changed(backends: Backends) -> None:
    filters = [
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}}},
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "X-Set", "value": "s"}], "remove": ["X-Gone"]},
        },
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [{"name": "X-New", "value": "n"}], "remove": ["X-Old"]},
        },
    ]
    backends.net.program(a_route("r", a_rule("a", path("/"), filters=filters)))
    _, seen, headers = await backends.ask(f"{GATEWAY}/old?q=1", headers={"X-Gone": "1", "X-Set": "0"})
    assert seen["path"] == "/new?q=1"
    assert seen["headers"]["X-Set"] == "s"
    assert "X-Gone" not in seen["headers"]
    assert headers["X-New"] == "n"
    assert "X-Old" not in headers


async def test_a_redirect_is_answered_by_the_gateway(backends: Backends) -> None:
    spec = {"scheme": "https", "hostname": "elsewhere.test", "statusCode": 301}
    backends.net.program(
        a_route("r", {"filters": [{"type": "RequestRedirect", "requestRedirect": spec}], "matches": [path("/")]})
    )
    status, _, headers = await backends.ask(f"{GATEWAY}/p?q=1")
    assert (status, headers["Location"]) == (301, "https://elsewhere.test/p?q=1")


async def test_weights_are_kept_exactly(backends: Backends) -> None:
    refs = [{"name": "a", "port": 80, "weight": 9}, {"name": "b", "port": 80, "weight": 1}]
    backends.net.program(a_route("r", {"backendRefs": [*refs, {"name": "c", "port": 80, "weight": 0}]}))
    counted = Counter([(await backends.ask(GATEWAY))[1]["name"] for _ in range(50)])
    assert counted == {"a": 45, "b": 5}


@pytest.mark.parametrize("limit", ["request", "backendRequest"])
async def test_a_request_that_takes_too_long_is_504_and_cancelled(backends: Backends, limit: str) -> None:
    backends.net.program(a_route("r", a_rule("a", timeouts={limit: "100ms"})))
    status, seen, _ = await backends.ask(f"{GATEWAY}/slow")
    assert status == 504
    assert "did not answer within 0.1 s" in seen["text"]
    await asyncio.wait_for(backends.cancelled.wait(), 5)


async def test_a_stream_over_its_time_is_cut_not_ended(backends: Backends) -> None:
    backends.net.program(a_route("r", a_rule("a", timeouts={"request": "100ms"})))
    async with backends.http.get(f"{GATEWAY}/drip", proxy=backends.net.proxy) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_zero_means_no_time_limit(backends: Backends) -> None:
    backends.net.program(a_route("r", a_rule("a", timeouts={"request": "0s", "backendRequest": "0s"})))
    asking = asyncio.create_task(backends.ask(f"{GATEWAY}/slow"))
    await asyncio.wait([asking], timeout=0.2)
    assert not asking.done()
    backends.slow.set()
    assert (await asking)[0] == 200


async def test_what_cannot_be_answered_says_why(backends: Backends) -> None:
    net = backends.net
    net.serve_at("empty", [], 1)
    refs = {
        "nothing": [],
        "missing": [{"name": "nobody", "port": 80}],
        "elsewhere": [{"name": "a", "namespace": "other", "port": 80}],
        "kind": [{"name": "a", "kind": "Sandwich", "group": "example.com"}],
        "weightless": [{"name": "a", "port": 80, "weight": 0}],
        "empty": [{"name": "empty", "port": 80}],
    }
    rules = [{"matches": [path(f"/{name}")], "backendRefs": refs} for name, refs in refs.items()]
    net.program(a_route("r", *rules))
    found = {name: (await backends.ask(f"{GATEWAY}/{name}"))[0] for name in (*refs, "unrouted")}
    expected = dict.fromkeys(("nothing", "missing", "elsewhere", "kind", "weightless"), 500)
    assert found == {**expected, "empty": 503, "unrouted": 404}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rules": [{"backendRefs": [{"name": "nobody", "port": 80}]}]}, "BackendNotFound"),
        ({"rules": [{"backendRefs": [{"name": "a", "namespace": "x", "port": 80}]}]}, "RefNotPermitted"),
        ({"rules": [{"backendRefs": [{"name": "a", "kind": "InferencePool", "group": "x-k8s"}]}]}, "InvalidKind"),
    ],
)
async def test_unresolved_references_have_their_reason(net: World, change: dict[str, Any], reason: str) -> None:
    route = a_route("r")
    route["spec"].update(change)
    assert net.program(route).routes["ns", "r"].refs[2] == reason


@pytest.mark.parametrize(
    ("listener", "ref", "reason"),
    [
        ({}, {}, "Accepted"),
        ({}, {"sectionName": "other"}, "NoMatchingParent"),
        ({}, {"port": 81}, "NoMatchingParent"),
        ({"protocol": "HTTPS"}, {}, "NoMatchingParent"),
        ({"hostname": "*.inner.test"}, {}, "NoMatchingListenerHostname"),
        ({"allowedRoutes": {"namespaces": {"from": "None"}}}, {}, "NotAllowedByListeners"),
        ({"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}, {}, "NotAllowedByListeners"),
    ],
)
async def test_attachment_has_its_reason(
    net: World, listener: dict[str, Any], ref: dict[str, Any], reason: str
) -> None:
    route = a_route("r", hostnames=["one.example.com"])
    route["spec"]["parentRefs"] = [{"name": "gw", **ref}]
    gateway = a_gateway({"name": "http", "port": 80, "protocol": "HTTP", **listener})
    judged = net.program(route, gateway=gateway).routes["ns", "r"].attachments
    assert [item.reason for item in judged] == [reason]


def pod(name: str, last: int, role: str = "", ready: bool = True) -> dict[str, Any]:
    labels = {"app": "q", **({"llm-d.ai/role": role} if role else {})}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "status": {"podIP": address(last), "conditions": conditions},
    }


class Engines:
    """Pods behind an InferencePool; their metrics say what ``load`` says."""

    def __init__(self, net: World, http: aiohttp.ClientSession) -> None:
        self.net = net
        self.http = http
        self.load: dict[str, int] = {}
        self.polled: Counter[str] = Counter()

    def handler(self, name: str) -> Any:
        async def handle(request: web.Request) -> web.Response:
            if request.path == "/metrics":
                self.polled[name] += 1
                load = self.load.get(name, 0)
                lines = [f'vllm:num_requests_waiting{{m="q"}} {load}.0', 'vllm:num_requests_running{m="q"} 0.0']
                return web.Response(text="\n".join(lines))
            return web.json_response([name, request.headers.get("x-prefiller-host-port", "")])

        return handle

    async def ask(self, prompt: str) -> tuple[str, str]:
        options: dict[str, Any] = {"proxy": self.net.proxy, "json": {"model": "q", "prompt": prompt}}
        async with self.http.post(f"{GATEWAY}/v1/completions", **options) as answer:
            if answer.status != 200:
                return str(answer.status), await answer.text()
            name, prefill = await answer.json()
            return name, prefill


@pytest_asyncio.fixture
async def engines(net: World, http: aiohttp.ClientSession) -> AsyncIterator[Engines]:
    made = Engines(net, http)
    async with AsyncExitStack() as stack:
        port = 0
        for last, name in enumerate(("one", "two"), start=5):
            port = await stack.enter_async_context(http_endpoint(last, made.handler(name), port))
            net.store.put("Pod", pod(name, last))
        selector = {"matchLabels": {"app": "q"}}
        spec = {"selector": selector, "targetPorts": [{"number": port}]}
        net.store.put("InferencePool", {"metadata": {"name": "pool", "namespace": "ns"}, "spec": spec})
        ref = {"kind": "InferencePool", "group": "inference.networking.k8s.io", "name": "pool"}
        net.program(a_route("r", {"backendRefs": [ref]}))
        yield made


async def test_a_pool_spreads_different_prompts(engines: Engines) -> None:
    assert Counter([(await engines.ask(f"{n}"))[0] for n in range(10)]) == {"one": 5, "two": 5}


async def test_a_pool_keeps_a_known_prompt_where_it_is_cached(engines: Engines) -> None:
    shared = "the same long system prompt " * 20
    assert len({(await engines.ask(f"{shared}{n}"))[0] for n in range(10)}) == 1


async def test_a_pool_avoids_a_long_queue_even_for_a_known_prompt(engines: Engines) -> None:
    shared = "the same long system prompt " * 20
    busy, _ = await engines.ask(shared)
    engines.load[busy] = 50
    engines.polled.clear()
    await eventually(lambda: engines.polled[busy] >= 2, "the queue to be noticed")
    assert busy not in {(await engines.ask(shared))[0] for _ in range(4)}


async def test_a_pool_uses_ready_pods_only(engines: Engines) -> None:
    engines.net.store.put("Pod", pod("one", 5, ready=False))
    assert {(await engines.ask(f"{n}"))[0] for n in range(4)} == {"two"}
    engines.net.store.put("Pod", {**pod("two", 6), "metadata": {**pod("two", 6)["metadata"], "deletionTimestamp": "x"}})
    status, text = await engines.ask("x")
    assert status == "503"
    assert "InferencePool ns/pool has no ready endpoint" in text


async def test_prefill_pods_are_named_to_the_decode_pod(engines: Engines) -> None:
    engines.net.store.put("Pod", pod("one", 5, role="prefill"))
    engines.net.store.put("Pod", pod("two", 6, role="decode"))
    name, prefill = await engines.ask("x")
    assert name == "two"
    assert prefill.startswith(f"{address(5)}:")
