"""The road from an alias to its engine: name, key, port, address, and the route between them.

The engine is simulated: 404 for a name and 401 without the key are what the real vLLM was measured to say
(docs/real-engines.md). The Gateway that carries out an HTTPRoute's timeout is the lab's own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.traps.gateway import SWIFT, Edge
from tests.traps.layers import Layers, members
from tests.traps.manifests import LONG, QWEN, Manifest
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


@pytest.mark.bites("LiteLLM: a member asks its engine for a name that it does not serve", "PM606")
def test_a_name_that_the_engine_does_not_serve_is_404_and_then_429(trap: Trap, edge: Edge) -> None:
    base = edge.space.base("alpha")
    file = edge.platform("trap", members(edge, base, model="openai/qwen2.5"))
    assert trap.lint(file)
    ask = edge.run(file)
    told = [ask("chat")[0].status for _ in range(3)]
    assert told == [404, 429, 429]
    trap.bit("the first request was told 404, and the next ones 429, since the alias rests for 5 s")
    mended = edge.platform("mended", members(edge, base))
    assert edge.run(mended)("chat", 3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a member shows no key, and its engine asks for one", "PM607")
def test_a_member_without_a_key_is_told_401(trap: Trap, edge: Edge) -> None:
    base = edge.space.base("keyed")
    file = edge.platform("trap", members(edge, base, params="timeout: 600"))
    assert trap.lint(file)
    got = edge.run(file)("chat")[0]
    assert got.status in (401, 500), got
    trap.bit(f"the request was told {got.status}: {got.body['error']['message'][:90]}")
    mended = edge.platform("mended", members(edge, base, params="api_key: os.environ/ENGINE_KEY"))
    assert edge.run(mended)("chat").lost == 0
    trap.sound(mended)


@pytest.mark.bites("nothing listens on the port that a Service sends to", "PM610")
def test_a_port_that_nothing_listens_on_fails_every_request(trap: Trap, layers: Layers) -> None:
    edge = layers.edge

    def file(kind: str, port: int) -> Path:
        deployment, service = layers.raw(QWEN, LONG)
        service["spec"]["ports"] = [{"port": 8000, "targetPort": port}]
        config = members(edge, f"{layers.asking('raw-vllm').base}/v1")
        return layers.write(kind, deployment, service, *edge.objects(config))

    trapped = file("trap", 8080)
    assert trap.lint(trapped)
    layers.run(trapped)
    got = edge.asking()("chat", 3, at_once=3)
    assert got.lost == 3
    trap.bit(f"3 of 3 requests failed with {got[0].status}, the last after {max(one.seconds for one in got):.1f} s")
    mended = file("mended", 8000)
    layers.run(mended)
    assert edge.asking()("chat", 3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: an address that leads to nothing", "PM611")
def test_an_address_that_leads_to_nothing_fails_every_request(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", members(edge, edge.space.base("alpha-2")))
    assert trap.lint(file)
    got = edge.run(file)("chat", 3, at_once=3)
    assert got.lost == 3
    trap.bit(f"3 of 3 requests failed with {got[0].status}, the last after {max(one.seconds for one in got):.1f} s")
    mended = edge.platform("mended", members(edge, edge.space.base("alpha")))
    assert edge.run(mended)("chat", 3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("a route's timeout cuts answers that are still streamed", "PM614")
def test_a_route_cuts_a_stream_that_is_longer_than_its_timeout(trap: Trap, layers: Layers) -> None:
    edge = layers.edge
    stream = {"stream": True, "max_tokens": 60, "ignore_eos": True}
    settings = json.dumps({"data": {layers.name: json.dumps(SWIFT | {"itl": 0.1})}})
    edge.space.lab.kubectl("patch", "configmap", "lab-engine", "-n", edge.space.name, "--type=merge", "-p", settings)
    trapped, mended = (layers.write(kind, *routed(layers, told)) for kind, told in (("trap", "3s"), ("mended", "0s")))
    assert trap.lint(trapped)
    try:
        layers.run(trapped)
        said = edge.asking()("chat", **stream)[0]
        assert "[DONE]" not in said.text
        trap.bit(f"a stream of 60 tokens in 6 s, and a timeout of 3: a tenant had {said.text.count('content')} pieces")
        layers.run(mended)
        assert "[DONE]" in edge.asking()("chat", **stream)[0].text
        trap.sound(mended)
    finally:
        edge.space.delete(f"httproute/{layers.name}", f"gateway/{edge.name}-gateway", f"service/{edge.name}-gateway")


def routed(layers: Layers, timeout: str) -> list[Manifest]:
    """A platform whose edge reaches the engine through a Gateway, whose route waits so long."""
    edge, name = layers.edge, layers.name
    gateway, here = f"{edge.name}-gateway", {"namespace": edge.space.name}
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    rule = {"timeouts": {"request": timeout}, "backendRefs": [{"name": name, "port": 8000}]}
    labels = {"gateway.networking.k8s.io/gateway-name": gateway}
    return [
        *layers.raw(QWEN, LONG),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": gateway, **here},
            "spec": {"gatewayClassName": "pointsman-lab", "listeners": [listener]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": gateway, **here, "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80}]},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": name, **here},
            "spec": {"parentRefs": [{"name": gateway}], "rules": [rule]},
        },
        *edge.objects(members(edge, f"http://{gateway}.{edge.space.name}.svc.cluster.local/v1")),
    ]
