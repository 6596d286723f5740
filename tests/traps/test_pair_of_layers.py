"""What tenants notice between two layers of one model, and between an alias and its engine.

Raw vLLM and KServe are those of the lab: the controllers are real, and the engines simulated. What these do here was
measured on the real vLLM (docs/real-engines.md): 404 for a name they do not serve, 400 beyond the context, 401 without
the key, other words of other weights. The Gateway that carries out an HTTPRoute's timeout is the lab's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.traps.gateway import ENGINE_KEY, SWIFT, WEIGHTS, Edge, Manifest, engine, entry, service_of_kserve
from tests.traps.tenants import Asking
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

QWEN, LONG = "--served-model-name=qwen", "--max-model-len=8192"


@dataclass
class Layers:
    """A model on raw vLLM, and on KServe."""

    edge: Edge

    @property
    def name(self) -> str:
        """Of the engine on both."""
        return f"pair-{self.edge.name.removeprefix('edge-')}"

    def raw(self, *args: str, key: bool = False, weights: str = WEIGHTS) -> list[Manifest]:
        """On raw vLLM."""
        return _of(engine(self.name, self.edge.space.name, *args, key=key), weights)

    def kserve(self, *args: str, key: bool = False, weights: str = WEIGHTS) -> list[Manifest]:
        """On KServe."""
        return _of([service_of_kserve(self.name, self.edge.space.name, *args, key=key)], weights)

    def write(self, kind: str, *objects: Manifest) -> Path:
        """A file with these, and no others."""
        return self.edge.write(kind, *objects, engines=())

    def run(self, file: Path) -> None:
        """Apply it, and wait until it serves."""
        self.edge.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))

    def asking(self, layer: str, key: str = "") -> Asking:
        """Who asks an engine past the edge."""
        host = self.name if layer == "raw-vllm" else f"{self.name}-predictor"
        port = 8000 if layer == "raw-vllm" else 80
        return Asking(self.edge.space.lab, f"http://{host}.{self.edge.space.name}.svc.cluster.local:{port}", key)

    def gone(self) -> None:
        """Nothing of it is left."""
        name = self.name
        self.edge.space.delete(f"deployment/{name}", f"service/{name}", f"inferenceservice/{name}")


def _of(objects: list[Manifest], weights: str) -> list[Manifest]:
    spec = objects[0]["spec"]
    pod = spec["predictor"] if "predictor" in spec else spec["template"]["spec"]
    pod["containers"][0]["args"][0] = weights
    return objects


@pytest.fixture
def layers(edge: Edge) -> Iterator[Layers]:
    """One pair; nothing runs until it is applied."""
    made = Layers(edge)
    yield made
    made.gone()


def members(edge: Edge, *bases: str, model: str = "openai/qwen", params: str = "api_key: none") -> str:
    """An alias that leads to these addresses."""
    return "model_list:\n" + "".join(
        entry("chat", base, params, f"id: m{at}", model=model) for at, base in enumerate(bases)
    )


@pytest.mark.bites("an alias moves to another layer by its api_base alone, and that layer serves another name", "PM601")
def test_a_layer_that_serves_another_name_answers_404_and_the_alias_429(trap: Trap, layers: Layers) -> None:
    edge = layers.edge
    raw, config = layers.raw(QWEN, LONG), members(edge, f"{layers.asking('raw-vllm').base}/v1")
    moved = edge.objects(config.replace(layers.asking("raw-vllm").base, layers.asking("kserve").base))
    file = layers.write("trap", *raw, *layers.kserve("--served-model-name=qwen2.5-0.5b", LONG), *edge.objects(config))
    assert trap.lint(file)
    layers.run(file)
    assert edge.asking()("chat").lost == 0
    edge.space.serve(*moved)
    told = [edge.asking()("chat")[0].status for _ in range(3)]
    assert told == [404, 429, 429]
    trap.bit(
        "after the alias's address was changed: one request told 404, the next ones 429, as the alias rests for 5 s"
    )
    mended = layers.write("mended", *raw, *layers.kserve(QWEN, LONG), *edge.objects(config))
    layers.run(mended)
    edge.space.serve(*moved)
    assert edge.asking()("chat", 3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("the context is smaller on the other layer", "PM602")
def test_a_prompt_that_fits_on_one_layer_is_refused_on_the_other(trap: Trap, layers: Layers) -> None:
    long = {"model": "qwen", "messages": [{"role": "user", "content": "word " * 3000}], "max_tokens": 4}

    def told() -> list[int]:
        asked = [layers.asking(one).post("/v1/chat/completions", long) for one in ("raw-vllm", "kserve")]
        return [one[0].status for one in asked]

    file = layers.write("trap", *layers.raw(QWEN, LONG), *layers.kserve(QWEN, "--max-model-len=4096"))
    assert trap.lint(file)
    layers.run(file)
    assert told() == [200, 400]
    trap.bit("a prompt of 3,000 words: raw vLLM (8192) answered, KServe (4096) refused it with 400")
    mended = layers.write("mended", *layers.raw(QWEN, LONG), *layers.kserve(QWEN, LONG))
    layers.run(mended)
    assert told() == [200, 200]
    trap.sound(mended)


@pytest.mark.bites("the other layer asks for no key", "PM603")
def test_a_layer_without_the_key_answers_everybody(trap: Trap, layers: Layers) -> None:
    def told(key: str = "") -> list[int]:
        return [layers.asking(one, key)("qwen")[0].status for one in ("raw-vllm", "kserve")]

    file = layers.write("trap", *layers.raw(QWEN, LONG, key=True), *layers.kserve(QWEN, LONG))
    assert trap.lint(file)
    layers.run(file)
    assert told() == [401, 200]
    trap.bit("without a key raw vLLM answers 401, and KServe 200")
    mended = layers.write("mended", *layers.raw(QWEN, LONG, key=True), *layers.kserve(QWEN, LONG, key=True))
    layers.run(mended)
    assert (told(), told(ENGINE_KEY)) == ([401, 401], [200, 200])
    trap.sound(mended)


@pytest.mark.bites("the other layer loads other weights under the same name", "PM605")
def test_other_weights_say_other_words_under_the_same_name(trap: Trap, layers: Layers) -> None:
    def words() -> list[str]:
        asked = {"temperature": 0, "max_tokens": 24}
        said = [layers.asking(one)("qwen", **asked)[0] for one in ("raw-vllm", "kserve")]
        return [one.body["choices"][0]["message"]["content"] for one in said]

    other = "Qwen/Qwen2.5-1.5B-Instruct"
    file = layers.write("trap", *layers.raw(QWEN, LONG), *layers.kserve(QWEN, LONG, weights=other))
    assert trap.lint(file)
    layers.run(file)
    first, second = words()
    assert first != second
    trap.bit("the same question at temperature 0 under the same name: other words, and nothing in the answer tells why")
    mended = layers.write("mended", *layers.raw(QWEN, LONG), *layers.kserve(QWEN, LONG))
    layers.run(mended)
    first, second = words()
    assert first == second
    trap.sound(mended)


@pytest.mark.bites("the other layer serves a LoRA adapter less", "PM604")
def test_an_adapter_that_a_layer_does_not_serve_is_404(trap: Trap, layers: Layers) -> None:
    lora = ("--enable-lora", "--lora-modules", "sql=/adapters/sql", "chat=/adapters/chat")

    def told(name: str) -> list[int]:
        return [layers.asking(one)(name)[0].status for one in ("raw-vllm", "kserve")]

    file = layers.write("trap", *layers.raw(QWEN, LONG, *lora), *layers.kserve(QWEN, LONG, *lora[:-1]))
    assert trap.lint(file)
    layers.run(file)
    assert (told("sql"), told("chat")) == ([200, 200], [200, 404])
    trap.bit("the adapter answers on raw vLLM, and on KServe it is told 404")
    mended = layers.write("mended", *layers.raw(QWEN, LONG, *lora), *layers.kserve(QWEN, LONG, *lora))
    layers.run(mended)
    assert told("chat") == [200, 200]
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: two prices in one alias", "PM608")
def test_a_tenants_bill_hangs_on_which_member_answered(trap: Trap, layers: Layers) -> None:
    edge = layers.edge
    bases = [f"{layers.asking(one).base}/v1" for one in ("raw-vllm", "kserve")]

    def file(kind: str, price: str) -> Path:
        first, second = (
            entry("chat", base, f"api_key: none, {costs}", f"id: {layer}")
            for base, costs, layer in zip(bases, (prices(), prices(price)), ("raw-vllm", "kserve"), strict=True)
        )
        config = f"model_list:\n{first}{second}"
        return layers.write(kind, *layers.raw(QWEN, LONG), *layers.kserve(QWEN, LONG), *edge.objects(config))

    def costs() -> dict[str, str]:
        layers.run(written)
        got = edge.asking()("chat", 20, at_once=4, max_tokens=8, ignore_eos=True)
        return {one.member: one.headers["x-litellm-response-cost"] for one in got}

    written = file("trap", "0.002")
    assert trap.lint(written)
    told = costs()
    assert len(told) == len(set(told.values())) == 2, told
    trap.bit(f"the same request costs {told['raw-vllm']} by one member and {told['kserve']} by the other")
    written = file("mended", "0.001")
    told = costs()
    assert (len(told), len(set(told.values()))) == (2, 1), told
    trap.sound(written)


def prices(each: str = "0.001") -> str:
    """Of an entry."""
    return f"input_cost_per_token: {each}, output_cost_per_token: {each}"


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
