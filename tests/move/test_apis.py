"""Models that tenants do not chat with: base models, which go on with a text, and embedding models."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.move.means import Result
from pointsman.spec.apis import APIS
from tests.world.engine import Faults
from tests.world.world import World, quick

BASE, EMBEDDING = frozenset({"completions"}), frozenset({"embeddings"})
BOTH = pytest.mark.parametrize("api", ["completions", "embeddings"])


def promised(world: World, **contract: Any) -> None:
    """The model's contract has these fields."""
    spec = world.model.spec
    world.model = world.model.model_copy(
        update={"spec": spec.model_copy(update={"contract": spec.contract.model_copy(update=contract)})}
    )
    world.edge.api = APIS[world.model.spec.contract.api]


async def moved(
    api: str, target: Faults | None = None, source: Faults | None = None, **contract: Any
) -> tuple[World, Result]:
    world = World()
    promised(world, api=api, **contract)
    only = frozenset({api, "completions"} if api == "chat" else {api})
    for engine in world.cluster.engines.values():
        engine.faults = source or Faults(apis=only)
    world.cluster.faults["kserve"] = target or Faults(apis=only)
    return world, await world.conductor().move(world.model, "kserve", quick())


def told(world: World, check: str) -> str:
    return next(one.text for one in world.seen.happenings if one.text.startswith(f"{check}: "))


@BOTH
async def test_a_model_that_takes_no_chats_is_moved_and_its_weights_are_compared(api: str) -> None:
    world, result = await moved(api)
    assert result.error is None, result.error
    assert world.serving() == {"kserve": 100}
    seen = "log-probabilities of " if api == "completions" else "vectors of 8 texts are "
    assert told(world, "weights").startswith(f"weights: {seen}")
    assert told(world, "template") == f"template: tenants ask for {api}, and no template comes into it"


@BOTH
async def test_its_receipt_counts_each_of_our_own_requests(api: str) -> None:
    world, result = await moved(api)
    assert result.error is None, result.error
    assert sum(engine.ended for engine in world.cluster.engines.values()) > 0
    assert result.receipt["traffic"]["tenants"] == 0, result.receipt["traffic"]


@BOTH
@pytest.mark.parametrize("wrong", [{"nearby": 0.18}, {"wrong_text": True}], ids=["a nearby revision", "other weights"])
async def test_other_weights_are_refused(api: str, wrong: dict[str, Any]) -> None:
    world, result = await moved(api, Faults(apis=frozenset({api}), **wrong))
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert world.serving() == {"raw-vllm": 100}


@BOTH
async def test_a_slower_target_is_told_from_an_equal_one(api: str) -> None:
    world, result = await moved(api, Faults(apis=frozenset({api}), ttft=3.0))
    assert result.error is not None
    assert result.error.code == "shift-10.slower", result.error
    assert world.serving() == {"raw-vllm": 100}


@BOTH
@pytest.mark.parametrize(("served", "code"), [("law", ""), ("law=other", "contract.adapters")])
async def test_its_adapters_are_compared_by_what_it_gives(api: str, served: str, code: str) -> None:
    only = frozenset({api})
    target, source = Faults(apis=only, adapters=(served,)), Faults(apis=only, adapters=("law",))
    world, result = await moved(api, target, source)
    assert (result.error.code if result.error else "") == code, result.error
    if not code:
        assert told(world, "adapters") == "adapters: law: as on the source"


async def test_vectors_are_no_stream_whatever_is_promised() -> None:
    world, result = await moved("embeddings")
    assert result.error is None, result.error
    assert told(world, "streaming") == "streaming: a vector is no stream"
    evidence = next(one for one in world.seen.happenings if one.text.startswith("evidence: pass"))
    assert not [one["measure"] for one in evidence.data["measures"] if one["measure"].startswith("itl")]


async def test_vectors_of_nothing_but_zeros_on_both_sides_are_no_agreement() -> None:
    nothing = Faults(apis=EMBEDDING, wordless=True)
    world, result = await moved("embeddings", nothing, source=Faults(apis=EMBEDDING, wordless=True))
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert "nothing was compared: /v1/embeddings gives no vectors" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_an_engine_that_gives_no_vectors_is_no_embedding_model() -> None:
    world, result = await moved("embeddings", Faults(apis=BASE))
    assert result.error is not None
    assert result.error.code == "serve-ready.completion"
    assert "answers an embedding with 404" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_a_base_model_that_is_declared_as_one_that_chats_is_told_before_tenants_reach_it() -> None:
    _, result = await moved("chat", Faults(apis=BASE))
    assert result.error is not None
    assert result.error.code == "serve-ready.completion"
    assert "spec.contract.api" in str(result.error)


@pytest.mark.parametrize("api", ["chat", "completions"])
async def test_weights_of_fewer_bits_pass_where_that_is_meant_and_it_is_told_what_that_is_worth(api: str) -> None:
    fewer = Faults(apis=frozenset({"chat", "completions"}), nearby=0.85)
    _, result = await moved(api, fewer)
    assert result.error is not None
    assert "spec.contract.weights: quantised" in str(result.error)
    world, result = await moved(api, fewer, weights="quantised")
    assert result.error is None, result.error
    assert "allowed up to 1.7 (spec.contract.weights: quantised): a nearby revision would pass" in told(
        world, "weights"
    )


async def test_other_weights_are_refused_where_fewer_bits_are_meant() -> None:
    world, result = await moved("chat", Faults(wrong_text=True), weights="quantised")
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert world.serving() == {"raw-vllm": 100}


@pytest.mark.parametrize("api", APIS)
def test_marked_requests_hold_nothing_that_other_members_providers_refuse(api: str) -> None:
    """LiteLLM answers 400 for a parameter that a provider lacks; Anthropic and Bedrock, say, know no seed."""
    assert set(APIS[api].body("chat", "ping", 1)) <= {"model", APIS[api].key, "max_tokens", "temperature"}  # type: ignore[index]
