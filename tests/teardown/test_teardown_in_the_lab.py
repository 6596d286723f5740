"""Everything taken away on real controllers, from all three layers up; killed on the way, and carried on."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.spec.loading import load_model
from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held
from tests.move.platform import MODEL, pointsman_in, served
from tests.teardown.killing import killed_at

pytestmark = pytest.mark.lab

EVERYTHING = ("teardown", "--all", "--withdraw", "all", "--keep-gateways", "--keep-nodes", "--yes")
STEPS = [
    "alias:qwen",
    *(f"{verb}:qwen/{layer.id}" for layer in LAYERS for verb in ("drain", "workload")),
    *(f"objects:qwen/{layer.id}" for layer in LAYERS),
    "look",
    "records",
]
KINDS = "all,persistentvolumeclaims,inferenceservices,llminferenceservices,httproutes,inferencepools"
OWN = ("kserve-", "llmisvc-", "llm-d-gateway", "kubernetes", "theirs")
"""How names of what is there without any model begin: the lab's own, and what stands for somebody else's."""
PATIENCE = 60.0
"""Seconds for a lock of 15 s to be seen as a dead one's."""
THEIRS = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: theirs, namespace: serving}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: theirs, namespace: serving}
spec:
  replicas: 0
  selector: {matchLabels: {app: theirs}}
  template:
    metadata: {labels: {app: theirs}}
    spec:
      containers: [{name: one, image: theirs}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: theirs}}]
"""


@pytest.fixture
def three_layers(lab: RunningLab) -> Iterator[RunningLab]:
    """Tenants are served from one layer, the others run beside it; and something of somebody else."""
    served(lab)
    for layer in LAYERS:
        text = yaml_stream(layer.render(load_model(Path(MODEL))))
        lab.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=pointsman", "-f", "-", given=text)
    lab.kubectl("apply", "-f", "-", given=THEIRS)
    try:
        yield lab
    finally:
        lab.kubectl("delete", "--ignore-not-found", "-f", "-", given=THEIRS)


@pytest.fixture
def program(lab: RunningLab, tmp_path: Path) -> Pointsman:
    """The program in a folder without models: what only the cluster knows has to be found there."""
    return replace(pointsman_in(lab), folder=tmp_path)


def killed(program: Pointsman, lab: RunningLab, step: str, mark: str) -> None:
    """Run it, and kill it there."""
    command = program.command(*EVERYTHING, "--kubeconfig", str(lab.kubeconfig))
    assert program.folder is not None
    killed_at(command, program.folder, program.environment(), step, mark)


def ended(program: Pointsman, lab: RunningLab) -> dict[str, Any]:
    """Run it to its end."""
    done = program(*EVERYTHING, "--kubeconfig", str(lab.kubeconfig), "--output", "json", timeout=400)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("teardown", found)
    return found


def audited(program: Pointsman, lab: RunningLab, code: int) -> dict[str, Any]:
    """What the audit says."""
    done = program("audit", "--kubeconfig", str(lab.kubeconfig), "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("audit", found)
    return found


def idle_layers_told(program: Pointsman, lab: RunningLab) -> None:
    """The audit has something to say beforehand, once what was applied has pods and routes: an empty one is no lie."""
    deadline = time.monotonic() + PATIENCE
    while (found := {one["kind"] for one in audited(program, lab, 1)["findings"]}) != {"layer"}:
        assert time.monotonic() < deadline, found
        time.sleep(1)


def left_open(program: Pointsman, lab: RunningLab) -> dict[str, Any]:
    """What the audit says of the teardown, once its dead holder counts as dead."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = program("audit", "--kubeconfig", str(lab.kubeconfig), "--output", "json")
        found = [one for one in json.loads(done.stdout)["findings"] if one["kind"] == "teardown"]
        if found:
            assert done.returncode == 1
            return dict(found[0])
        assert time.monotonic() < deadline, done.stdout
        time.sleep(1)


def prove_empty(program: Pointsman, lab: RunningLab) -> None:
    """Nothing of ours is there, nothing asks for a GPU, and what is somebody else's stands as it did."""
    said = audited(program, lab, 0)
    kept = {one["name"].partition(" ")[0] for one in said["kept"]}
    assert (said["findings"], said["unseen"], kept) == ([], [], {"Gateway", "Node"})
    listed = lab.kubectl("get", KINDS, "-A", "-o", "json").stdout
    items = [one for one in json.loads(listed)["items"] if one["metadata"]["namespace"] != "llm-gateway"]
    names = [f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name']}" for one in items]
    assert [name for name in names if not name.partition("/")[2].startswith(OWN)] == []
    assert {"Deployment serving/theirs", "PersistentVolumeClaim serving/theirs"} <= set(names)
    pods = json.loads(lab.kubectl("get", "pods", "-A", "-o", "json").stdout)["items"]
    asked = [
        one["metadata"]["name"]
        for one in pods
        for container in one["spec"]["containers"]
        if (container.get("resources", {}).get("requests") or {}).get("nvidia.com/gpu")
    ]
    assert asked == []


@pytest.mark.soak
def test_everything_goes_though_it_is_killed_at_a_step_and_audit_says_so(
    three_layers: RunningLab, program: Pointsman, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(request.config.getoption("--soak-seed"))
    step, mark = chance.choice(STEPS[:-1]), chance.choice("→✓")
    idle_layers_told(program, three_layers)
    killed(program, three_layers, step, mark)
    move = program("move", MODEL, "--to", "kserve", "--yes", "--kubeconfig", str(three_layers.kubeconfig))
    assert "error [teardown-open]" in move.stderr
    done = ended(program, three_layers)
    assert (done["state"], done["done"]) == ("finished", done["steps"])
    prove_empty(program, three_layers)


@pytest.mark.soak
@pytest.mark.parametrize("mark", ["→", "✓"])
def test_killed_at_every_step_and_carried_on_each_time_it_ends_as_if_nothing_had_been(
    three_layers: RunningLab, program: Pointsman, mark: str
) -> None:
    for step in STEPS if mark == "→" else STEPS[:-1]:
        killed(program, three_layers, step, mark)
        if step == "look":
            assert left_open(program, three_layers)["end"] == "pointsman teardown --all"
    ended(program, three_layers)
    prove_empty(program, three_layers)
