"""Same weights or not, on engines that are no more exact than real ones are."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.real.kinds import file_of, known, starts

from pointsman.move.judging.imprints import Imprint, imprint_of
from pointsman.move.judging.weights import same_template, same_weights
from pointsman.move.means import Result
from pointsman.move.probes.engine import Engine as Probe
from tests.world.engine import KEY, NAME, Engine, Faults, MemoryWire
from tests.world.world import World, quick

OFFERED = frozenset({"tokens", "likelihoods"})


def asked(world: World, faults: Faults, name: str = "one") -> Probe:
    world.cluster.engines["there", name] = Engine(faults)
    return Probe(MemoryWire(world.cluster), f"memory://there/{name}", NAME, KEY)


async def imprint(world: World, faults: Faults) -> Imprint:
    return await imprint_of(asked(world, faults), halves=True)


async def moved(target: Faults, source: Faults | None = None) -> tuple[World, Result]:
    world = World()
    for engine in world.cluster.engines.values():
        engine.faults = source or engine.faults
    world.cluster.faults["kserve"] = target
    return world, await world.conductor().move(world.model, "kserve", quick())


@pytest.mark.parametrize("swing", [0.15, 1.0, 3.0], ids=["little of context", "as measured", "much"])
async def test_two_hundred_honest_pairs_are_the_same_and_not_equal(swing: float) -> None:
    world, apart = World(), set()
    for _ in range(70):
        told = same_weights(await imprint(world, Faults(swing=swing)), await imprint(world, Faults(swing=swing)))
        apart.add(told)
        assert told.startswith("log-probabilities of ")
    assert len(apart) > 1, "engines that agree to the digit are kinder than life"


@pytest.mark.parametrize(
    "wrong",
    [Faults(nearby=0.11), Faults(nearby=0.18), Faults(nearby=0.55), Faults(nearby=0.85), Faults(wrong_text=True)],
    ids=["trained on", "a nearby revision", "one random matrix", "int4", "other weights"],
)
@pytest.mark.parametrize("swing", [0.15, 1.0, 3.0], ids=["little of context", "as measured", "much"])
async def test_other_weights_are_never_missed(wrong: Faults, swing: float) -> None:
    world = World()
    for _ in range(20):
        with pytest.raises(Exception, match=r"those of the same weights are less than \S+ apart"):
            same_weights(await imprint(world, replace(wrong, swing=swing)), await imprint(world, Faults(swing=swing)))


async def test_a_token_that_an_engine_finds_impossible_lets_no_other_weights_through() -> None:
    """vLLM writes -9999 for a log-probability of 0; one of them is not what the model makes of context."""
    impossible = await imprint(World(), Faults(impossible=True))
    assert impossible.sense is not None
    assert impossible.sense < 1.5
    with pytest.raises(Exception, match="apart in the mean from the source's"):
        same_weights(await imprint_of(asked(World(), Faults(wrong_text=True))), impossible)


async def test_where_the_measure_is_not_known_that_of_a_small_model_is_taken() -> None:
    """A move that an older version began kept none; a text of few tokens tells none."""
    world = World()
    kept = replace(await imprint(world, Faults()), sense=None)
    assert "other weights from 0.057 on" in same_weights(await imprint_of(asked(world, Faults())), kept)


async def test_a_model_that_makes_nothing_of_context_is_told_to_be_hard_to_compare() -> None:
    world = World()
    mute = Faults(swing=0.0)
    assert "others would pass, too" in same_weights(await imprint(world, mute), await imprint(world, mute))


async def test_one_conversation_that_becomes_other_tokens_is_enough() -> None:
    world = World()
    with pytest.raises(Exception, match="makes other tokens of a conversation"):
        same_template(await imprint(world, Faults(template=" ")), await imprint(world, Faults()))


@pytest.mark.parametrize(
    "target", [Faults(parting=True), Faults(silent_content=True)], ids=["other words", "reasoning"]
)
async def test_engines_whose_words_part_are_moved_between(target: Faults) -> None:
    world, result = await moved(target, Faults(silent_content=target.silent_content))
    assert result.error is None, result.error
    assert world.serving() == {"kserve": 100}


async def test_what_was_compared_is_told() -> None:
    world, result = await moved(Faults(parting=True))
    told = [one.text for one in world.seen.happenings if one.step == "contract"]
    assert any(one.startswith("weights: log-probabilities of ") for one in told), told
    assert "template: 8 conversations become the same tokens" in told
    assert result.error is None


@pytest.mark.parametrize("lacking", ["source", "target"])
async def test_an_engine_that_offers_no_likelihoods_is_compared_by_words_and_that_is_told(lacking: str) -> None:
    mute = Faults(says=OFFERED - {"likelihoods"})
    world, result = await moved(*((Faults(), mute) if lacking == "source" else (mute, None)))
    assert result.error is None, result.error
    told = next(one.text for one in world.seen.happenings if one.text.startswith("weights: "))
    assert "by words alone, since " in told
    assert "prompt_logprobs is answered 404: 4 of 4 answers alike" in told


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ((), ("more",), "the source serves none"),
        (("law", "tax"), ("law", "tax"), "law, tax: as on the source"),
        (("law",), ("law", "tax"), "law: as on the source"),
    ],
)
async def test_adapters_of_the_source_are_served_and_the_same(
    source: tuple[str, ...], target: tuple[str, ...], said: str
) -> None:
    world, result = await moved(Faults(adapters=target), Faults(adapters=source))
    assert result.error is None, result.error
    assert f"adapters: {said}" in [one.text for one in world.seen.happenings]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ((), "does not serve law, tax, which the source serves as LoRA adapters"),
        (("law",), "does not serve tax, which the source serves as LoRA adapter"),
        (("law", "tax=other"), "LoRA adapter tax: log-probabilities of"),
    ],
)
async def test_a_missing_or_another_adapter_is_refused(target: tuple[str, ...], said: str) -> None:
    world, result = await moved(Faults(adapters=target), Faults(adapters=("law", "tax")))
    assert result.error is not None
    assert result.error.code == "contract.adapters"
    assert said in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


@pytest.mark.parametrize("wrong", [Faults(nearby=0.55), Faults(wrong_text=True)], ids=["a matrix", "others"])
async def test_an_engine_with_adapters_is_told_from_others_by_its_likeliest_tokens(wrong: Faults) -> None:
    """It is never asked for ``prompt_logprobs``: vLLM 0.32 dies of them there, beside tenants' requests."""
    world, result = await moved(replace(wrong, adapters=("law",)), Faults(adapters=("law",)))
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert "log-probabilities of the likeliest tokens after 24 texts" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_of_very_many_adapters_those_that_were_not_compared_are_told_and_missing_ones_seen() -> None:
    many = tuple(f"law-{number:02d}" for number in range(34))
    world, result = await moved(Faults(adapters=many), Faults(adapters=many))
    assert result.error is None, result.error
    told = [one.text for one in world.seen.happenings]
    assert "adapters: law-32, law-33 served and not compared: 32 of 34 are compared" in told
    _, result = await moved(Faults(adapters=many[:-1]), Faults(adapters=many))
    assert "does not serve law-33" in str(result.error)


async def test_adapters_that_cannot_be_compared_are_told() -> None:
    mute = Faults(adapters=("law",), says=OFFERED - {"likelihoods"})
    world, result = await moved(mute, mute)
    assert result.error is None, result.error
    told = next(one.text for one in world.seen.happenings if one.text.startswith("adapters: "))
    assert told.startswith("adapters: law served and not compared: /v1/completions gives no log-probabilities")


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("nothing", "/v1/completions gives prompt_logprobs of 0 tokens only"),
        ("logits", "it gives logits in place of log-probabilities"),
    ],
)
async def test_neither_no_tokens_on_both_sides_nor_logits_are_an_agreement(says: str, why: str) -> None:
    """Under ``--logprobs-mode=raw_logits`` vLLM calls logits logprobs, which differ more between equal weights."""
    both = Faults(says=OFFERED | {says})
    world, result = await moved(both, both)
    assert result.error is None, result.error
    told = next(one.text for one in world.seen.happenings if one.text.startswith("weights: "))
    assert f"by words alone, since {why}" in told


async def test_an_engine_that_offers_nothing_and_begins_otherwise_is_refused() -> None:
    world, result = await moved(Faults(says=frozenset(), parting=True))
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert "none of 4 answers at temperature 0 begins as the source's" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_nothing_on_both_sides_is_no_agreement() -> None:
    """An engine whose answers are empty, on both sides, and that says no likelihoods: there was nothing to compare."""
    empty = Faults(says=frozenset(), wordless=True)
    world, result = await moved(empty, Faults(says=frozenset(), wordless=True))
    assert result.error is not None
    assert result.error.code == "contract.weights"
    assert "nothing was compared" in str(result.error)
    assert world.serving() == {"raw-vllm": 100}


async def test_the_source_is_asked_one_passage_after_the_other() -> None:
    world = World()
    probe = asked(world, Faults())
    under_way, most = 0, 0
    ask = probe.wire.request

    async def counted(*args: object, **more: object) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await world.clock.sleep(random.random())
        under_way -= 1
        return await ask(*args, **more)  # type: ignore[arg-type]

    probe.wire.request = counted  # type: ignore[method-assign, assignment]
    await imprint_of(probe)
    assert most == 1


def test_every_start_of_a_real_engine_is_given_flags_and_has_a_name_of_its_own() -> None:
    """``("--dtype=float32")`` is a string, and as a list of arguments its letters."""
    assert [one for start in starts() for one in start.words if not one.startswith("--")] == []
    names = [file_of(Path(), kind, load) for kind, load in known()]
    assert len(set(names)) == len(names) > 50
