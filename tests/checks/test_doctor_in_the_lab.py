"""``pointsman doctor`` on real controllers: a healthy platform has nothing to tell, and what breaks is told at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.move.platform import MODEL, layer_of, pointsman_in, served

pytestmark = pytest.mark.lab

SPACE = "doctored"
SERVICE = "parked-by-hand"
KNOWN = {"PM708", "PM717", "PM307"}
"""What may be told of a lab that is well: its domain is example.com, its node's GPUs may be asked for by nobody, and
on llm-d, where other tests may have left the model, each pod downloads its weights."""
OF_THE_EDGE = {"PM504", "PM522", "PM525"}
"""What is so in the lab: one replica of LiteLLM, which a move rolls itself, and an alias with one member."""


@pytest.fixture(scope="module", autouse=True)
def model(lab: RunningLab) -> None:
    served(lab)


@pytest.fixture
def broken(lab: RunningLab) -> Iterator[None]:
    """A pod whose image nobody has, beside an InferenceService that is parked and asks for 0 replicas."""
    container = {"name": "vllm", "image": "registry.example.com/vllm/of-nobody:1", "args": ["serve"]}
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "unpulled", "namespace": SPACE},
        "spec": {"containers": [container | {"securityContext": restricted}]},
    }
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": SERVICE, "namespace": SPACE, "annotations": {"serving.kserve.io/stop": "true"}},
        "spec": {"predictor": {"minReplicas": 0, "containers": [container | {"name": "kserve-container"}]}},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    for one in (space, pod, service):
        lab.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(one))
    lab.kubectl(
        *("wait", "pod/unpulled", "-n", SPACE, "--timeout=60s"),
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}",
        timeout=90,
    )
    yield
    lab.kubectl("delete", "inferenceservice", SERVICE, "-n", SPACE, "--timeout=60s", timeout=90)
    lab.kubectl("delete", "namespace", SPACE, "--timeout=90s", timeout=120)


def doctor(lab: RunningLab, *words: str) -> tuple[int, dict[str, Any]]:
    done = pointsman_in(lab)("doctor", "--kubeconfig", str(lab.kubeconfig), "-o", "json", *words)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    "words", [(), ("--for", "raw-vllm"), ("--for", "kserve"), ("--for", "llm-d"), ("--for", MODEL)], ids=" ".join
)
def test_a_platform_that_is_well_has_no_finding(lab: RunningLab, words: tuple[str, ...]) -> None:
    code, found = doctor(lab, *words)
    told = {one["id"]: one["what"] for one in found["findings"] if one["id"] not in KNOWN}
    assert {one["level"] for one in found["findings"] if one["id"] in KNOWN} <= {"info"}
    assert told.keys() <= OF_THE_EDGE, told
    assert {one["level"] for one in found["findings"]} <= {"info", "warning"}
    assert code == (1 if "PM522" in told else 0)
    assert (found["notChecked"], found["broken"]) == ([], [])
    assert found["calls"] <= 40


def test_the_model_that_serves_is_seen(lab: RunningLab) -> None:
    """A clean report of a cluster in which nothing was recognised would say nothing."""
    layer_of(lab)
    _, found = doctor(lab)
    assert found["objects"] > 50
    assert found["checks"] > 30


def test_what_is_broken_is_told_at_once(lab: RunningLab, broken: None) -> None:
    code, found = doctor(lab, "-n", SPACE, "--check", "PM201", "--check", "PM7")
    assert code == 1
    assert {(one["id"], one["where"]) for one in found["findings"]} == {
        ("PM721", f"Pod {SPACE}/unpulled"),
        ("PM201", f"InferenceService {SPACE}/{SERVICE}"),
    }
