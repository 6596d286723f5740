"""Every fault, in the lab, under tenants: nothing is lost that physics does not take, and the move says what it met.

All of them with ``--faults=all``; by default a sample chosen by ``--faults-seed`` and printed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pointsman.demo.load import Load
from tests.conftest import RunningLab
from tests.faults.cases import CASES, Case
from tests.faults.run import carry_out
from tests.faults.table import Row, write_table
from tests.move.platform import MODEL, layer_of, pointsman_in, served
from tests.move.tenants import calling

pytestmark = pytest.mark.lab

RATE = 8.0


@pytest.fixture(scope="module")
async def tenants(lab: RunningLab) -> AsyncIterator[Load]:
    await asyncio.to_thread(served, lab)
    async with calling(lab, rate=RATE, seed=3) as load:
        yield load


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """What was seen; written into docs/faults.md at the end when ``--faults-table`` names it."""
    found: list[Row] = []
    yield found
    table = request.config.getoption("--faults-table")
    if table:
        write_table(Path(table), found)


def home(lab: RunningLab) -> None:
    """The model is on raw vLLM, where every case begins, and nothing is left of an earlier target."""
    if layer_of(lab) != "raw-vllm":
        words = ("move", MODEL, "--to", "raw-vllm", "--yes", "--hold", "0", "--kubeconfig", str(lab.kubeconfig))
        done = pointsman_in(lab)(*words, timeout=300)
        assert done.returncode == 0, done.stderr
    lab.kubectl("delete", "inferenceservices", "--all", "-n", "kserve", "--wait", timeout=120)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
async def test_a_fault_costs_tenants_nothing(
    lab: RunningLab, tenants: Load, rows: list[Row], case: Case, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await asyncio.to_thread(home, lab)
    outcome = await carry_out(lab, tenants, case, tmp_path, request.config.getoption("--faults-seed"))
    rows.append(Row(case, outcome))
    assert outcome.exit in case.exits, (outcome.exit, outcome.code, outcome.what)
    if outcome.exit and case.code:
        assert outcome.code.startswith(case.code), (outcome.code, outcome.what)
    assert case.says in outcome.what
    # Tenants really called, all the time.
    assert outcome.felt["requests"] >= 0.9 * RATE * outcome.seconds
    lost = outcome.felt["lost"]
    assert lost == 0 or case.loss == "counted", outcome.felt["errors"]
    assert outcome.felt["wrong"] == 0
    expected = {"source": ("raw-vllm",), "target": ("kserve",), "any": ("raw-vllm", "kserve")}[case.ends]
    assert outcome.layer in expected
    if outcome.layer == "raw-vllm":
        assert not outcome.left
