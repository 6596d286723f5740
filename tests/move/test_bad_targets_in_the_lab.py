"""Moves to targets that are not what they should be: each goes back by itself and names the step and the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.move.platform import MODEL, faults, journal, layer_of, objects, pointsman_in, served

pytestmark = pytest.mark.lab

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("never ready", {"never_ready": True}, "serve-ready.not-ready", "waited 12 s"),
    ("shorter context", {"max_model_len": 4096}, "contract.context-length", "takes 4096 tokens, promised are 8192"),
    ("key not enforced", {"ignore_key": True}, "contract.no-key-refused", "200 to a request with no key"),
    ("another model", {"wrong_text": True}, "contract.parity", "unlike the source"),
]


@pytest.mark.parametrize(("settings", "code", "words"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_a_bad_target_is_refused_and_taken_away(
    lab: RunningLab, settings: dict[str, Any], code: str, words: str
) -> None:
    served(lab)
    source = layer_of(lab)
    target = "kserve" if source != "kserve" else "raw-vllm"
    before = objects(lab)
    with faults(lab, target, settings):
        command = ("move", MODEL, "--to", target, "--yes", "--ready-timeout", "12", "--output", "json")
        done = pointsman_in(lab)(*command, "--kubeconfig", str(lab.kubeconfig), timeout=200)
    assert done.returncode == 3, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["error"]["code"] == code
    assert words in receipt["error"]["what"]
    assert receipt["state"] == "undone"
    assert layer_of(lab) == source
    assert objects(lab) == before
    assert journal(lab, receipt["move"])[-1]["event"] == "undone"
