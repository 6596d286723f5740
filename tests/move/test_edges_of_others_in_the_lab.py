"""A model moves behind a LiteLLM that others wrote: other aliases on its engines, a cloud beside it, a client past it.

What nobody named makes a move refuse. What was named moves along, and loses nothing. What is left on purpose loses its
engine, and nothing else does. Two pairs of layers, and a third; all six with ``--soak all``.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator

import pytest

from pointsman.demo.reconciliation import sentence
from pointsman.move.judging.binomial import plausible
from tests.conftest import RunningLab
from tests.move.others import scene
from tests.move.others.journey import QUICK, Seen, command, journey, naming
from tests.move.others.scene import CLOUD, MODEL, engines_of
from tests.move.others.tenants import LEFT, PAST, RATES
from tests.move.others.text import cloud_share, line_of, of_the_cloud, pointing_at, without

pytestmark = pytest.mark.lab

OURS = ("qwen-local", "gpt-4o-mini", "team-a/*")
NAMED, STAYING = ("chat-mini", "team-a/*"), ("gpt-4o-mini", "chat-mini", "team-a/*")
ROUND = ("raw-vllm", "kserve", "llm-d", "raw-vllm", "llm-d", "kserve", "raw-vllm")
HOPS = list(itertools.pairwise(ROUND))


def hops(*usual: int) -> pytest.MarkDecorator:
    """A test for each of the six moves; without ``--soak all`` these."""
    marked = [
        pytest.param(pair, marks=() if number in usual else pytest.mark.soak, id="-to-".join(pair))
        for number, pair in enumerate(HOPS)
    ]
    return pytest.mark.parametrize("pair", marked, scope="module")


with_all_named = hops(0, 1)
with_others_left = hops(2)


@pytest.fixture(scope="module")
def edge(lab: RunningLab) -> Iterator[RunningLab]:
    """Their platform, with the model where the round begins."""
    scene.put_up(lab, ROUND[0])
    yield lab
    scene.take_down(lab)


@pytest.fixture(scope="module")
async def named(edge: RunningLab, pair: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The move of a pair with every alias named; the first one pauses for who goes past the edge, others wait."""
    await asyncio.to_thread(_all_on, edge, pair[0])
    file = naming(tmp_path_factory.mktemp("named"), *NAMED)
    patient = pair == HOPS[0]
    return await journey(edge, *pair, file, *(() if patient else ("--drain-timeout", "90")), patient=patient)


@pytest.fixture(scope="module")
async def left(edge: RunningLab, pair: tuple[str, str]) -> Seen:
    """The move of a pair with the other aliases left behind; ``chat-mini`` is another name of one of them."""
    await asyncio.to_thread(_all_on, edge, pair[0])
    words = [word for alias in OURS[1:] for word in ("--leave", alias)]
    return await journey(edge, *pair, MODEL, *words, "--drain-timeout", "240", past=False)


def _all_on(lab: RunningLab, source: str) -> None:
    """The model is on ``source`` with all aliases; where it is not, somebody wrote that by hand and restarted it."""
    addresses = [where - {CLOUD} for name, where in pointing_at(scene.declared(lab)).items() if name in OURS]
    if addresses != [{engines_of(source)}] * len(OURS):
        scene.place(lab, source)
        scene.edit(lab, scene.config(engines_of(source)))
        scene.restart(lab)
        scene.rolled(lab)


@with_all_named
def test_a_move_is_refused_while_other_aliases_on_the_engines_are_not_named(
    edge: RunningLab, pair: tuple[str, str]
) -> None:
    source, target = pair
    _all_on(edge, source)
    text, version, pods = scene.declared(edge), scene.version(edge), scene.pods(edge)
    done = command(edge, "move", MODEL, "--to", target, "--yes", *QUICK)
    assert done.returncode == 1, done.stderr
    for alias in STAYING:
        said = rf"{re.escape(alias)} \([^()]*:{line_of(text, alias)}\)"
        assert re.search(said, done.stderr), done.stderr
    assert "--leave" in done.stderr
    assert (scene.version(edge), scene.pods(edge)) == (version, pods)


@with_all_named
def test_aliases_that_are_named_move_together_and_lose_nothing(named: Seen) -> None:
    tenants = named.tenants
    assert tenants is not None
    assert named.exits[-1] == 0, named.told
    assert {name: tenants.lost(name) for name in tenants.loads} == {name: [] for name in tenants.loads}
    parted = tenants.unlike(*(name for name in tenants.loads if name != "cloud-large"))
    assert parted > 0, "engines that are exact are kinder than life"
    assert parted < 1, "an answer of other weights is always another one"
    assert all(len(tenants.entries(name)) >= 0.8 * rate * named.ended for name, rate in RATES.items())
    everywhere = pointing_at(named.after)
    target = engines_of(named.target)
    assert everywhere["qwen-local"] == {target, CLOUD}
    assert everywhere["gpt-4o-mini"] == everywhere["team-a/*"] == {target}


@with_all_named
def test_a_client_past_the_edge_keeps_the_source_from_being_parked(named: Seen) -> None:
    assert PAST in named.told
    assert "not drained" in named.told
    assert named.exits == ([4, 0] if (named.source, named.target) == HOPS[0] else [0]), named.told


@with_all_named
def test_the_cloud_keeps_its_share_and_its_entry(named: Seen) -> None:
    assert named.tenants is not None
    assert len(named.declared) > 3, "the edge was never changed"
    assert [round(cloud_share(text), 6) for text in named.declared] == [0.2] * len(named.declared)
    answers = [one.base.rstrip("/") for one in named.tenants.entries("qwen-local")]
    assert plausible(answers.count(CLOUD), len(answers), 0.2), (answers.count(CLOUD), len(answers))
    assert {tuple(of_the_cloud(text)) for text in named.declared} == {tuple(of_the_cloud(named.before))}


@with_all_named
def test_every_line_that_is_not_of_a_moved_alias_is_as_it_was(named: Seen) -> None:
    assert {without(text, OURS) for text in named.declared} == {without(named.before, OURS)}


@with_all_named
def test_the_receipt_tells_of_others_and_agrees_with_all_ledgers(named: Seen) -> None:
    assert named.tenants is not None
    (receipt,) = named.receipts
    assert receipt["state"] == "done"
    cloud = [one.base.rstrip("/") for one in named.tenants.entries("qwen-local") if one.sent < named.ended]
    told = receipt["traffic"]["others"]
    known = told["tenants"] == cloud.count(CLOUD) if isinstance(told["tenants"], int) else told["atLeast"] > 0
    assert known, (told, cloud.count(CLOUD))
    assert told["atLeast"] <= cloud.count(CLOUD), (told, cloud.count(CLOUD))
    assert receipt["aliases"] == {"moved": list(OURS), "left": []}
    asked = receipt["askedAfterwards"]["came"] or [one for one in receipt["pauses"] if "came to" in one]
    assert asked, "who goes past the edge was seen"
    found = named.tenants.reconcile(named.receipts)
    assert (found.agrees, found.failed) == (True, 0), sentence(found)


@with_others_left
def test_aliases_left_on_purpose_lose_their_engine_and_nothing_else_does(left: Seen) -> None:
    tenants = left.tenants
    assert tenants is not None
    assert left.exits == [0], left.told
    kept = {name for name in tenants.loads if name not in LEFT}
    assert {name: tenants.lost(name) for name in kept} == {name: [] for name in kept}
    assert all(tenants.lost(name) for name in LEFT), "they had an engine to the end"
    source, target = engines_of(left.source), engines_of(left.target)
    everywhere = pointing_at(left.after)
    assert everywhere["qwen-local"] == {target, CLOUD}
    assert everywhere["gpt-4o-mini"] == everywhere["team-a/*"] == {source}
    assert {without(text, OURS[:1]) for text in left.declared} == {without(left.before, OURS[:1])}


@with_others_left
def test_plan_and_receipt_say_which_aliases_are_left(left: Seen) -> None:
    (receipt,) = left.receipts
    assert receipt["aliases"]["moved"] == ["qwen-local"]
    assert sorted(receipt["aliases"]["left"]) == sorted(STAYING)
    assert receipt["askedAfterwards"]["came"] > 0
    assert f"{', '.join([*OURS[1:], 'chat-mini'])} lose their engine" in left.told


@with_others_left
def test_nobody_else_loses_anything_by_the_receipts_count_either(left: Seen) -> None:
    assert left.tenants is not None
    found = left.tenants.reconcile(left.receipts)
    assert found.agrees, sentence(found)
