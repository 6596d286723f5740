"""A model moves behind a LiteLLM that others wrote: other aliases on its engines, a cloud beside it, a client past it.

What nobody named makes a move refuse. What was named moves along, and loses nothing. What is left on purpose loses its
engine, and nothing else does. Two pairs of layers; all six with ``--soak all``.
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

NAMED, STAYING = ("chat-mini", "team-a/*"), ("gpt-4o-mini", "chat-mini", "team-a/*")
ROUND = ("raw-vllm", "kserve", "llm-d", "raw-vllm", "llm-d", "kserve", "raw-vllm")
PAIRS = [
    pytest.param(pair, marks=() if number < 2 else pytest.mark.soak, id="-to-".join(pair))
    for number, pair in enumerate(itertools.pairwise(ROUND))
]
each_pair = pytest.mark.parametrize("pair", PAIRS, scope="module")


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
    return await journey(edge, *pair, file, patient=pair == ROUND[:2])


@pytest.fixture(scope="module")
async def left(edge: RunningLab, pair: tuple[str, str]) -> Seen:
    """The move of a pair with the other aliases left behind."""
    await asyncio.to_thread(_all_on, edge, pair[0])
    words = [word for alias in STAYING for word in ("--leave", alias)]
    return await journey(edge, *pair, MODEL, *words, patient=False)


def _all_on(lab: RunningLab, source: str) -> None:
    """The model is on ``source``, and somebody wrote that into the edge by hand and restarted it."""
    text = scene.config(engines_of(source))
    if scene.declared(lab) != text:
        scene.place(lab, source)
        scene.edit(lab, text)
        scene.restart(lab)
        scene.rolled(lab)


@each_pair
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


@each_pair
def test_aliases_that_are_named_move_together_and_lose_nothing(named: Seen) -> None:
    tenants = named.tenants
    assert tenants is not None
    assert named.exits[-1] == 0, named.told
    assert {name: tenants.lost(name) for name in tenants.loads} == {name: [] for name in tenants.loads}
    assert all(len(tenants.entries(name)) >= 0.8 * rate * named.ended for name, rate in RATES.items())
    everywhere = pointing_at(named.after)
    target = engines_of(named.target)
    assert everywhere["qwen-local"] == {target, CLOUD}
    assert everywhere["gpt-4o-mini"] == everywhere["team-a/*"] == {target}


@each_pair
def test_a_client_past_the_edge_keeps_the_source_from_being_parked(named: Seen) -> None:
    assert PAST in named.told
    assert "not drained" in named.told
    if named.source == ROUND[0]:
        assert named.exits == [4, 0], named.told


@each_pair
def test_the_cloud_keeps_its_share_and_its_entry(named: Seen) -> None:
    assert named.tenants is not None
    assert len(named.declared) > 3, "the edge was never changed"
    assert [round(cloud_share(text), 6) for text in named.declared] == [0.2] * len(named.declared)
    answers = [one.base.rstrip("/") for one in named.tenants.entries("qwen-local")]
    assert plausible(answers.count(CLOUD), len(answers), 0.2), (answers.count(CLOUD), len(answers))
    assert {tuple(of_the_cloud(text)) for text in named.declared} == {tuple(of_the_cloud(named.before))}


@each_pair
def test_every_line_that_is_not_of_a_moved_alias_is_as_it_was(named: Seen) -> None:
    moved = {"qwen-local", *STAYING}
    assert {without(text, moved) for text in named.declared} == {without(named.before, moved)}


@each_pair
def test_the_receipt_tells_of_others_and_is_the_ledgers_to_the_request(named: Seen) -> None:
    assert named.tenants is not None
    (receipt,) = named.receipts
    assert receipt["state"] == "done"
    cloud = [one.base.rstrip("/") for one in named.tenants.entries("qwen-local") if one.sent < named.ended]
    told = receipt["traffic"]["others"]
    assert told["answered"] == pytest.approx(cloud.count(CLOUD), abs=60), "marked requests may be among them"
    found = named.tenants.reconcile(named.receipts)
    assert (found.agrees, found.exact, found.failed) == (True, True, 0), sentence(found)


@each_pair
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
    assert {without(text, {"qwen-local"}) for text in left.declared} == {without(left.before, {"qwen-local"})}


@each_pair
def test_plan_and_receipt_say_which_aliases_are_left(edge: RunningLab, left: Seen) -> None:
    (receipt,) = left.receipts
    assert all(alias in str(receipt) for alias in STAYING)
