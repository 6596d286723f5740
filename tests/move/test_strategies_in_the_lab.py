"""A gap in the lab, there and back, under tenants who call: what they lose lies in it, and it is as long as said."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pointsman.demo.ledger import Entry, summary
from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.move.platform import MODEL, layer_of, pointsman_in, served
from tests.move.tenants import accounts

pytestmark = pytest.mark.lab


async def test_a_gap_is_as_long_as_predicted_and_tenants_lose_nothing_outside_of_it(lab: RunningLab) -> None:
    served(lab)
    start = layer_of(lab)
    other = "kserve" if start != "kserve" else "raw-vllm"
    async with accounts(lab, rate=6, seed=11) as books:
        load = books.load
        for target in (other, start):
            counted = len(load.ledger.entries)
            receipt = await asyncio.to_thread(gap, lab, target)
            end = load.now()
            await load.settle()
            entries = [one for one in load.ledger.entries[counted:] if one.sent < end]
            measured, predicted = receipt["downtime"]["measuredSeconds"], receipt["predicted"]["downtimeSeconds"]
            felt = summary(entries)["silentSeconds"]
            allowed = max(5.0, 0.25 * measured)
            print(f"{target}: predicted {predicted} s, measured {measured} s, felt {felt} s")  # noqa: T201
            assert receipt["strategy"] == "gap"
            assert felt > 0, "a gap that nobody felt is none"
            assert abs(measured - felt) <= allowed
            assert abs(predicted - measured) <= allowed
            assert spread(entries) <= measured + rolls(receipt) + 1, "requests were lost outside of the gap"
    assert layer_of(lab) == start
    found = books.reconcile()
    assert (found.agrees, found.exact) == (True, True), sentence(found)


def test_a_gap_that_nobody_allowed_is_refused(lab: RunningLab) -> None:
    served(lab)
    other = "kserve" if layer_of(lab) != "kserve" else "raw-vllm"
    words = ("plan", MODEL, "--to", other, "--strategy", "gap", "--kubeconfig", str(lab.kubeconfig))
    done = pointsman_in(lab)(*words)
    assert done.returncode == 1
    assert "preflight.room" in done.stderr
    assert "--allow-downtime" in done.stderr


def test_what_a_move_may_be_told_can_be_planned(lab: RunningLab) -> None:
    served(lab)
    other = "kserve" if layer_of(lab) != "kserve" else "raw-vllm"
    words = ("plan", MODEL, "--to", other, "--drain-policy", "give-back", "--drain-timeout", "1m30s", "--hold", "7")
    done = pointsman_in(lab)(*words, "--kubeconfig", str(lab.kubeconfig))
    assert done.returncode == 0, done.stderr
    assert "up to 90 s, then give tenants back" in done.stdout


def gap(lab: RunningLab, target: str) -> dict[str, Any]:
    """Move with a gap; its receipt."""
    words = ("move", MODEL, "--to", target, "--yes", "--hold", "2", "--strategy", "gap", "--allow-downtime", "5m")
    done = pointsman_in(lab)(*words, "--output", "json", "--kubeconfig", str(lab.kubeconfig), timeout=300)
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    return receipt


def rolls(receipt: dict[str, Any]) -> float:
    """Seconds of the two rolls of the edge around the gap: some of its replicas turn tenants away, others do not."""
    return sum(float(step["seconds"]) for step in receipt["steps"] if step["id"] in ("close", "open"))


def spread(entries: list[Entry]) -> float:
    """Seconds from the first unanswered request to the last one, by time of sending."""
    lost = [one.sent for one in entries if not one.answered]
    return max(lost) - min(lost)
