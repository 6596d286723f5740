"""All six directed moves in the lab, one after the other, under tenants who never wait.

The round visits every ordered pair of layers once, so it can begin at any of them and ends where it began.
"""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from typing import Any

import pytest

from pointsman.demo.demo import Demo, Outcome, Plan, Stage
from pointsman.demo.reconciliation import sentence
from pointsman.demo.tenants import Traffic
from pointsman.move.context import Options
from pointsman.report.contract import Quiet
from pointsman.spec.loading import load_model
from tests.conftest import RunningLab, undisturbed
from tests.docs.schemas.holding import held
from tests.move.platform import journal, layer_of, manifests, served, sure

pytestmark = pytest.mark.lab

ROUND = ("raw-vllm", "kserve", "raw-vllm", "llm-d", "kserve", "llm-d")
PAIRS = tuple(itertools.permutations(("raw-vllm", "kserve", "llm-d"), 2))


def route_from(start: str) -> list[str]:
    """The layers to go to, in order, beginning at ``start``."""
    place = ROUND.index(start)
    turned = [*ROUND[place:], *ROUND[:place]]
    return [*turned[1:], start]


@pytest.fixture(scope="module")
async def outcome(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    served(lab)
    folder = tmp_path_factory.mktemp("six")
    plan = Plan(
        # What verdicts do with the example's margins is seen where others' edges, bad targets and faults are.
        model=load_model(sure(folder)),
        platform=manifests(folder),
        kubeconfig=lab.kubeconfig,
        proxy=lab.config.proxy_url,
        simulated=True,
        route=route_from(layer_of(lab)),
        traffic=Traffic(rate=16.0, streams=0.3, seed=11),
        around=1.0,
        # Two cores carry more than this: a verdict may take its time here.
        options=Options(hold=2.0, ready_timeout=180.0, evidence_timeout=180.0, probe_budget=330),
    )
    quiet = Stage(say=lambda text: None, watching=lambda title: nullcontext(Quiet()), moved=lambda receipt: None)
    with undisturbed():
        found = await Demo(plan, quiet).run()
    assert found.error is None, found.error
    books = found.reconciliation.as_dict() if found.reconciliation else None
    held(
        "demo", {"moves": found.moves, "load": found.load, "reconciliation": books, "seconds": 0, "interrupted": False}
    )
    return found


@pytest.fixture(scope="module")
def moves(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["from"], one["to"]): one for one in outcome.moves}


each_move = pytest.mark.parametrize(("source", "target"), PAIRS)


@each_move
def test_nothing_is_lost_cut_or_wrong(moves: dict[tuple[str, str], Any], source: str, target: str) -> None:
    receipt = moves[source, target]
    assert receipt["requests"] >= 500
    assert receipt["requestsPerSecond"] >= 15
    assert receipt["streamShareInFlight"] >= 0.2
    assert (receipt["lost"], receipt["cut"], receipt["wrong"]) == (0, 0, 0), receipt["lostRequests"]


@each_move
def test_the_move_is_done_and_its_split_was_seen(moves: dict[tuple[str, str], Any], source: str, target: str) -> None:
    receipt = moves[source, target]
    assert receipt["state"] == "done"
    assert [one["askedPercent"] for one in receipt["split"]] == [10, 50, 100, 100]
    assert receipt["split"][2]["observedPercent"] == 100


@each_move
def test_the_receipt_divides_the_moves_time(moves: dict[tuple[str, str], Any], source: str, target: str) -> None:
    receipt = moves[source, target]
    assert 0 < receipt["overheadSeconds"] < receipt["seconds"]
    assert receipt["overheadGoalSeconds"] == pytest.approx(2 + 0.05 * receipt["seconds"], abs=0.1)


def test_the_journal_in_the_cluster_tells_the_same(lab: RunningLab, moves: dict[tuple[str, str], Any]) -> None:
    for receipt in moves.values():
        records = journal(lab, receipt["move"])
        assert [one["seq"] for one in records] == list(range(1, len(records) + 1))
        assert (records[0]["event"], records[-1]["event"]) == ("opened", "finished")


def test_the_receipts_are_the_tenants_ledger_to_the_request(outcome: Outcome) -> None:
    found = outcome.reconciliation
    assert found is not None
    assert (found.agrees, found.exact) == (True, True), sentence(found)
    assert all(one["traffic"]["tenants"] >= 500 for one in outcome.moves)
    assert sum(row.ledger for row in found.layers.values()) == outcome.load["requests"]
