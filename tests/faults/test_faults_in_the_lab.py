"""Every fault, in the lab, under tenants: nothing is lost that physics does not take, and the move says what it met.

All of them with ``--faults=all``; by default a sample chosen by ``--faults-seed`` and printed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.demo.reconciliation import sentence
from pointsman.lab.config import LabConfig
from tests.conftest import RunningLab
from tests.faults.case import Case
from tests.faults.cases import CASES, DEAD_NODE
from tests.faults.losses import at_stake, receipt_of_the_dead_source, unexplained
from tests.faults.outcome import Outcome
from tests.faults.run import carry_out
from tests.faults.table import row, write_table
from tests.move.platform import layer_of, platform, pointsman_in, served, sure
from tests.move.tenants import accounts
from tests.sweep import Sweep

pytestmark = pytest.mark.lab

RATE = 6.0
PAGE = Path(__file__).parents[2] / "docs/faults.md"
ORDER = [case.id for case in (*CASES, DEAD_NODE)]


@pytest.fixture(scope="module")
def sweep(request: pytest.FixtureRequest) -> Iterator[Sweep]:
    """What was seen: written into docs/faults.md at the end, in the order of the cases, when it was all of them."""
    faults = Sweep.of(request.config, "faults")
    yield faults
    if faults.whole:
        write_table(PAGE, sorted(faults.found(), key=lambda one: ORDER.index(one["run"])))


def home(lab: RunningLab, folder: Path) -> None:
    """The model is on raw vLLM, where every case begins, and nothing is left of an earlier target, weights included."""
    pointsman_in(lab)("rollback", "qwen", "--yes", "--kubeconfig", str(lab.kubeconfig))  # of a case that broke off
    if layer_of(lab) != "raw-vllm":
        words = ("move", str(sure(folder)), "--to", "raw-vllm", "--yes", "--hold", "0")
        done = pointsman_in(lab)(*words, "--kubeconfig", str(lab.kubeconfig), timeout=300)
        assert done.returncode == 0, done.stderr
    kinds = "inferenceservices,persistentvolumeclaims"
    lab.kubectl("delete", kinds, "--all", "-n", "kserve", "--wait", timeout=120)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
async def test_a_fault_costs_tenants_nothing(
    lab: RunningLab, sweep: Sweep, case: Case, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    sweep.skip(case.id, ORDER.index(case.id))
    await asyncio.to_thread(served, lab)
    await asyncio.to_thread(home, lab, tmp_path)
    async with accounts(lab, rate=RATE, seed=3) as books:
        outcome = await carry_out(lab, books, case, tmp_path, request.config.getoption("--faults-seed"))
    judge(case, outcome)
    sweep.keep(case.id, row(case, outcome))


async def test_a_source_whose_node_dies_costs_what_was_in_flight_and_tenants_go_on(
    lab: RunningLab, sweep: Sweep, tmp_path: Path
) -> None:
    sweep.skip(DEAD_NODE.id, ORDER.index(DEAD_NODE.id))
    with two_nodes(lab) as pair:
        await asyncio.to_thread(source_alone, pair)
        async with accounts(pair, rate=RATE, seed=3) as kept:
            outcome = await carry_out(pair, kept, DEAD_NODE, tmp_path, 0)
    judge(DEAD_NODE, outcome)
    receipt_of_the_dead_source(outcome)
    sweep.keep(DEAD_NODE.id, row(DEAD_NODE, outcome))


@contextmanager
def two_nodes(lab: RunningLab) -> Iterator[RunningLab]:
    """A lab of its own beside the shared one."""
    program = pointsman_in(lab)
    try:
        done = program("lab", "up", "--name", "pair", "--nodes", "2", timeout=300)
        assert done.returncode == 0, done.stderr
        yield RunningLab(LabConfig.load(lab.config.home.parent / "pair"))
    finally:
        done = program("lab", "down", "--name", "pair", "--purge")
        assert done.returncode == 0, done.stderr


def source_alone(lab: RunningLab) -> None:
    """The edge and, later, the target are on the first node, the source on the second."""
    lab.kubectl("cordon", "lab-1")
    platform(lab)
    lab.kubectl("cordon", "lab-0")
    lab.kubectl("uncordon", "lab-1")
    served(lab)
    lab.kubectl("cordon", "lab-1")
    lab.kubectl("uncordon", "lab-0")


def judge(case: Case, outcome: Outcome) -> None:
    """Is this how the move had to end, and what tenants may have felt?"""
    assert outcome.exit in case.exits, (outcome.exit, outcome.code, outcome.what)
    if outcome.exit and case.code:
        assert outcome.code.startswith(case.code), (outcome.code, outcome.what)
    assert case.says.format(**outcome.names) in outcome.what
    # Tenants really called, all the time.
    assert outcome.felt["requests"] >= 0.9 * RATE * outcome.seconds
    assert unexplained(case, outcome) == []
    assert at_stake(outcome) or case.loss in ("none", "engine")
    assert outcome.felt["wrong"] == 0
    assert outcome.books.agrees, sentence(outcome.books)
    expected = {"source": ("raw-vllm",), "target": ("kserve",), "any": ("raw-vllm", "kserve")}[case.ends]
    assert outcome.layer in expected
    if outcome.layer == "raw-vllm":
        assert not outcome.left
