"""The network against the real API server: names, endpoints that come and go, gateways and their status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of, ref_of
from tests.conftest import RunningLab

pytestmark = pytest.mark.lab

GATEWAY = Ref(kind_of("Gateway"), "kserve-ingress-gateway", "kserve")


@pytest_asyncio.fixture
async def client(lab: RunningLab) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(lab.kubeconfig) as made:
        yield made


@pytest_asyncio.fixture
async def namespace(client: Client) -> AsyncIterator[str]:
    """A namespace of the test's own, left to be deleted in the background."""
    name = f"network-{uuid.uuid4().hex[:8]}"
    await client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await client.delete(Ref(kind_of("Namespace"), name))


@pytest_asyncio.fixture
async def web_port(lab: RunningLab) -> AsyncIterator[int]:
    """A server on 127.<octet>.250.2."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"served {request.path}")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, lab.config.local(lab.config.announced(250, 2)), 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def manifests(lab: RunningLab, namespace: str, port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    metadata = {"name": "web", "namespace": namespace}
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [lab.config.announced(250, 2)], "conditions": {"ready": True}}],
    }
    return service, endpoints


async def ask(lab: RunningLab, url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url, proxy=lab.config.proxy_url) as answer:
        return answer.status, await answer.text()


async def until(lab: RunningLab, url: str, status: int, seconds: float) -> float:
    """Poll until ``url`` answers ``status``; the seconds it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        found = await ask(lab, url)
        if found[0] == status:
            return loop.time() - started
        assert loop.time() - started < seconds, f"{url}: {found} after {seconds} s"
        await asyncio.sleep(0.002)


async def test_endpoints_are_used_and_dropped_at_once(
    lab: RunningLab, client: Client, namespace: str, web_port: int
) -> None:
    service, endpoints = manifests(lab, namespace, web_port)
    await client.apply(service)
    await client.apply(endpoints)
    url = f"http://web.{namespace}.svc.cluster.local/x"
    await until(lab, url, 200, 5)
    slices = ref_of(endpoints)
    for ready, status in ((False, 503), (True, 200), (False, 503)):
        changed = [{**endpoints["endpoints"][0], "conditions": {"ready": ready}}]
        await client.patch(slices, {"endpoints": changed})
        assert await until(lab, url, status, 5) < 0.5


async def test_a_route_is_accepted_served_and_refused_with_its_reason(
    lab: RunningLab, client: Client, namespace: str, web_port: int
) -> None:
    for manifest in manifests(lab, namespace, web_port):
        await client.apply(manifest)
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": GATEWAY.name, "namespace": GATEWAY.namespace}],
            "hostnames": [f"{namespace}.example.com"],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }
    await client.apply(route)
    await client.wait(
        ref_of(route),
        lambda item: conditions(item) == {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"},
        timeout=5,
        what="the route to be accepted",
    )
    assert await ask(lab, f"http://{namespace}.example.com/hello") == (200, "served /hello")
    await client.delete(Ref(kind_of("Service"), "web", namespace))
    await client.wait(
        ref_of(route),
        lambda item: conditions(item).get("ResolvedRefs") == "BackendNotFound",
        timeout=5,
        what="the missing backend to be noticed",
    )
    assert (await ask(lab, f"http://{namespace}.example.com/hello"))[0] == 500


async def test_the_gateway_is_programmed_and_the_api_server_reaches_it(lab: RunningLab, client: Client) -> None:
    gateway = await client.wait(GATEWAY, is_programmed, timeout=10, what="the gateway to be programmed")
    assert gateway is not None
    assert gateway["status"]["addresses"][0]["value"].startswith(f"10.{lab.config.octet}.254.")
    answer = await client.service_get("kserve", GATEWAY.name, 80, "nothing/here")
    assert answer.status == 404
    assert "Gateway kserve/kserve-ingress-gateway has no route" in answer.text


async def test_names_the_lab_does_not_know_are_refused(lab: RunningLab) -> None:
    status, text = await ask(lab, "http://nobody.serving.svc.cluster.local/")
    assert (status, "unknown name" in text) == (502, True)
    status, text = await ask(lab, "http://huggingface.co/")
    assert (status, "no route out of the lab" in text) == (502, True)


def conditions(route: dict[str, Any] | None) -> dict[str, str]:
    parents = ((route or {}).get("status") or {}).get("parents") or []
    return {item["type"]: item["reason"] for parent in parents for item in parent["conditions"]}


def is_programmed(gateway: dict[str, Any] | None) -> bool:
    found = ((gateway or {}).get("status") or {}).get("conditions") or []
    return any(item["type"] == "Programmed" and item["status"] == "True" for item in found)


async def test_a_killed_network_comes_back_without_a_wrong_answer(
    lab: RunningLab, client: Client, namespace: str, web_port: int
) -> None:
    """While it is away connections are refused; from its first answer on, its answers are right."""
    for manifest in manifests(lab, namespace, web_port):
        await client.apply(manifest)
    url = f"http://web.{namespace}.svc.cluster.local/x"
    await until(lab, url, 200, 5)
    os.kill(network_pid(lab), signal.SIGKILL)
    answered: list[int] = []
    refused = 0
    async with asyncio.timeout(90):
        while len(answered) < 20:
            try:
                answered.append((await ask(lab, url))[0])
            except aiohttp.ClientError:
                refused += 1
            await asyncio.sleep(0.01)
    assert refused, "the network was not seen away: the test shows nothing"
    assert set(answered) == {200}


def network_pid(lab: RunningLab) -> int:
    state = json.loads((lab.config.run / "state.json").read_text())
    return next(int(item["pid"]) for item in state["processes"] if item["name"] == "network")
