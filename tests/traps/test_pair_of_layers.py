"""What tenants notice between two layers of one model.

Raw vLLM and KServe are those of the lab: the controllers are real, and the engines simulated. What these do here was
measured on the real vLLM (docs/real-engines.md): 404 for a name they do not serve, 400 beyond the context, 401 without
the key, other words of other weights.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.traps.layers import Layers, members
from tests.traps.manifests import ENGINE_KEY, LONG, QWEN, entry
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


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
