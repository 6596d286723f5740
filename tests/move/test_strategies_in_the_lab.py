"""A gap in the lab under tenants who call: what they lose lies in it, and it is as long as said."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman.demo.ledger import Entry, summary
from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.operators import operator
from tests.move.platform import MODEL, layer_of, pointsman_in, served
from tests.move.tenants import accounts

pytestmark = pytest.mark.lab

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = DOCS / "schemas/receipt.schema.json"


async def test_a_gap_is_as_long_as_predicted_and_tenants_lose_nothing_outside_of_it(
    lab: RunningLab, tmp_path: Path
) -> None:
    served(lab)
    config = operator(lab, tmp_path, "operator")
    target = elsewhere(lab)
    async with accounts(lab, rate=6, seed=11) as books:
        load = books.load
        receipt = await asyncio.to_thread(gap, lab, config, target)
        end = load.now()
        await load.settle()
        entries = [one for one in load.ledger.entries if one.sent < end]
    measured, predicted = receipt["downtime"]["measuredSeconds"], receipt["predicted"]["downtimeSeconds"]
    felt = summary(entries)["silentSeconds"]
    allowed = max(5.0, 0.25 * measured)
    print(f"{target}: predicted {predicted} s, measured {measured} s, felt {felt} s")  # noqa: T201
    assert receipt["strategy"] == "gap"
    assert felt > 0, "a gap that nobody felt is none"
    assert abs(measured - felt) <= allowed
    assert measured / 2 <= predicted <= 2 * measured, "what it foretells has nothing to do with what came"
    assert spread(entries) <= measured + rolls(receipt) + 1, "requests were lost outside of the gap"
    assert layer_of(lab) == target
    found = books.reconcile()
    assert (found.agrees, found.exact) == (True, True), sentence(found)
    kept = pointsman_in(lab)("receipt", "qwen", "--kubeconfig", str(config), "--output", "json")
    read = json.loads(kept.stdout)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(read)
    assert (read["move"], read["traffic"]) == (receipt["move"], receipt["traffic"])


def test_a_gap_that_nobody_allowed_is_refused(lab: RunningLab) -> None:
    served(lab)
    other = elsewhere(lab)
    words = ("plan", MODEL, "--to", other, "--strategy", "gap", "--kubeconfig", str(lab.kubeconfig))
    done = pointsman_in(lab)(*words)
    assert done.returncode == 1
    assert "preflight.room" in done.stderr
    assert "--allow-downtime" in done.stderr


def test_rights_that_are_missing_are_named_before_anything_is_changed(lab: RunningLab, tmp_path: Path) -> None:
    served(lab)
    target = elsewhere(lab)
    config = operator(lab, tmp_path, "fewer")
    looked_at = '[{"op": "replace", "path": "/rules", "value": %s}]'
    role = json.loads(lab.kubectl("get", "role", "fewer-edge", "-n", "llm-gateway", "-o", "json").stdout)
    left = [rule for rule in role["rules"] if "endpointslices" not in rule["resources"]]
    lab.kubectl("patch", "role", "fewer-edge", "-n", "llm-gateway", "--type=json", "-p", looked_at % json.dumps(left))
    done = pointsman_in(lab)("move", MODEL, "--to", target, "--yes", "--kubeconfig", str(config))
    assert done.returncode == 1, done.stderr
    assert "error [preflight.rights]" in done.stderr
    assert "you may not list endpointslices.discovery.k8s.io in namespace llm-gateway\n" in done.stderr


def test_what_a_move_may_be_told_can_be_planned(lab: RunningLab) -> None:
    served(lab)
    other = elsewhere(lab)
    words = ("plan", MODEL, "--to", other, "--drain-policy", "give-back", "--drain-timeout", "1m30s", "--hold", "7")
    done = pointsman_in(lab)(*words, "--kubeconfig", str(lab.kubeconfig))
    assert done.returncode == 0, done.stderr
    assert "up to 90 s, then give tenants back" in done.stdout


def elsewhere(lab: RunningLab) -> str:
    """A layer that the model is not on."""
    return "kserve" if layer_of(lab) != "kserve" else "raw-vllm"


def gap(lab: RunningLab, access: Path, target: str) -> dict[str, Any]:
    """Move with a gap; its receipt."""
    words = ("move", MODEL, "--to", target, "--yes", "--hold", "2", "--strategy", "gap", "--allow-downtime", "5m")
    done = pointsman_in(lab)(*words, "--output", "json", "--kubeconfig", str(access), timeout=300)
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    held("receipt", receipt)
    return receipt


def rolls(receipt: dict[str, Any]) -> float:
    """Seconds of the two rolls of the edge around the gap: some of its replicas turn tenants away, others do not."""
    return sum(float(step["seconds"]) for step in receipt["steps"] if step["id"] in ("close", "open"))


def spread(entries: list[Entry]) -> float:
    """Seconds from the first unanswered request to the last one, by time of sending."""
    lost = [one.sent for one in entries if not one.answered]
    return max(lost) - min(lost)
