"""Moves to targets that are not what they should be: each goes back by itself, names the step and the reason, and
the tenants who call all the while lose nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.demo.ledger import summary
from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.platform import MODEL, faults, journal, layer_of, objects, pointsman_in, served, spec_with
from tests.move.tenants import Books, accounts

pytestmark = pytest.mark.lab

RATE = 6.0

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("never ready", {"never_ready": True}, "serve-ready.not-ready", "waited 12 s"),
    ("shorter context", {"max_model_len": 4096}, "contract.context-length", "takes 4096 tokens, promised are 8192"),
    ("key not enforced", {"ignore_key": True}, "contract.no-key-refused", "200 to a request with no key"),
    ("another model's weights", {"wrong_model": "Other/Model-7B"}, "contract.weights", "from the source's"),
    ("a nearby revision's weights", {"nearby": 0.18}, "contract.weights", "from the source's"),
    ("damaged weights", {"wrong_text": True}, "contract.weights", "from the source's"),
    ("another served name", {"wrong_name": "other-7b"}, "serve-ready.completion", "404"),
]


@pytest.fixture(scope="module")
async def books(lab: RunningLab) -> AsyncIterator[Books]:
    await asyncio.to_thread(served, lab)
    async with accounts(lab, rate=RATE, seed=5) as kept:
        yield kept


SELDOM = {"shorter context", "damaged weights", "another model's weights", "another served name"}
"""Cases that the world in memory has too; here they are played with ``--soak all``."""


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [pytest.param(*one[1:], id=one[0], marks=[pytest.mark.soak] if one[0] in SELDOM else []) for one in CASES],
)
async def test_a_bad_target_is_refused_and_taken_away_and_no_tenant_notices(
    lab: RunningLab, books: Books, settings: dict[str, Any], code: str, words: str
) -> None:
    tenants = books.load
    began, counted = tenants.now(), len(tenants.ledger.entries)
    await asyncio.to_thread(_refused, lab, settings, code, words)
    seconds = tenants.now() - began
    await tenants.settle()
    felt = summary([one for one in tenants.ledger.entries[counted:] if one.sent < began + seconds])
    assert felt["requests"] >= 0.9 * RATE * seconds
    assert (felt["lost"], felt["cut"], felt["wrong"]) == (0, 0, 0), felt["errors"]


async def test_an_engine_that_dies_is_told_with_its_words_at_its_first_death(
    lab: RunningLab, books: Books, tmp_path: Path
) -> None:
    source = await asyncio.to_thread(layer_of, lab)
    target = "kserve" if source != "kserve" else "raw-vllm"
    spec = spec_with(tmp_path, (f"    {target}:\n", f"    {target}:\n      args: [--no-such-flag]\n"))
    command = ("move", str(spec), "--to", target, "--yes", "--ready-timeout", "20", "--kubeconfig", str(lab.kubeconfig))
    done = await asyncio.to_thread(pointsman_in(lab), *command, timeout=200)
    assert done.returncode == 3, done.stderr
    told = done.stderr.splitlines()
    words = (
        "died of exit code 2 (started again 1 time) saying: vllm serve: error: unrecognized arguments: --no-such-flag"
    )
    first = next(number for number, line in enumerate(told) if words in line)
    assert any("CrashLoopBackOff" in line for line in told[first + 1 :]), done.stderr
    (error,) = (line for line in told if line.startswith("error "))
    assert "died of exit code 2 (started again" in error
    assert error.startswith("error [serve-ready.not-ready]")
    assert layer_of(lab) == source


async def test_the_receipts_of_all_that_was_undone_are_the_tenants_ledger_to_the_request(books: Books) -> None:
    await books.close()
    found = books.reconcile()
    assert (found.agrees, found.exact) == (True, True), sentence(found)
    assert found.failed == 0


def _refused(lab: RunningLab, settings: dict[str, Any], code: str, words: str) -> None:
    source = layer_of(lab)
    target = "kserve" if source != "kserve" else "raw-vllm"
    before = objects(lab)
    with faults(lab, target, settings):
        command = ("move", MODEL, "--to", target, "--yes", "--ready-timeout", "12", "--output", "json")
        done = pointsman_in(lab)(*command, "--kubeconfig", str(lab.kubeconfig), timeout=200)
    assert done.returncode == 3, done.stderr
    receipt = json.loads(done.stdout)
    held("receipt", receipt)
    assert receipt["error"]["code"] == code
    assert words in receipt["error"]["what"]
    assert receipt["state"] == "undone"
    assert layer_of(lab) == source
    assert objects(lab) == before
    assert journal(lab, receipt["move"])[-1]["event"] == "undone"
