"""Pods that find no accelerator, by the real scheduler; each test has a kind of accelerator of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.serving import Space, condition, device, engine, inference_service, needing, raw_vllm, replaced, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

AT_ONCE = ("--patience", "0")


def waiting(here: Space, labels: str = "") -> str:
    """What the scheduler says of a pod that it cannot place."""
    found = [condition(one, "PodScheduled") for one in here.all("pods", labels)]
    return next((str(one.get("message")) for one in found if one.get("reason") == "Unschedulable"), "")


def placed(here: Space, labels: str = "") -> bool:
    """Are there pods, and is each on a node?"""
    pods = here.all("pods", labels)
    return bool(pods) and all(one["spec"].get("nodeName") for one in pods)


@pytest.mark.bites("more GPUs are asked for than any node has free", "PM713")
def test_no_gpu_is_free(lab: RunningLab, trap: Trap) -> None:
    with device(lab, 2) as one, space(lab) as here:
        here.apply(raw_vllm("first", here.name, engine("vllm", resources=needing(one, 1))))
        until(lambda: placed(here))
        here.apply(raw_vllm("second", here.name, engine("vllm", resources=needing(one, 2))))
        said = until(lambda: waiting(here))
        assert f"Insufficient {one}" in said
        assert trap.doctor("-n", here.name, *AT_ONCE)
        trap.bit(f"2 are asked for, 1 of 2 is free: {said.replace(one, 'nvidia.com/gpu')}")
        here.apply(raw_vllm("second", here.name, engine("vllm", resources=needing(one, 1))))
        until(lambda: placed(here))
        trap.healthy("-n", here.name, *AT_ONCE)


@pytest.mark.bites("at a change the new pod waits for the old one's GPU, for ever", "PM116", "PM713")
def test_a_surge_without_a_gpu(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with device(lab) as one, space(lab) as here:
        rolling = raw_vllm("raw-vllm", here.name, engine("vllm", resources=needing(one)))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", rolling))
        here.apply(rolling)
        here.lab.kubectl(
            "rollout", "status", "deployment/raw-vllm", f"--namespace={here.name}", "--timeout=60s", timeout=90
        )
        newer = engine("vllm", "--max-model-len=2048", resources=needing(one))
        here.apply(raw_vllm("raw-vllm", here.name, newer))
        said = until(lambda: waiting(here))
        assert f"Insufficient {one}" in said
        assert trap.doctor("-n", here.name, *AT_ONCE)
        trap.bit(f"the new pod is Pending beside the old one: {said.replace(one, 'nvidia.com/gpu')}")
        good = raw_vllm("raw-vllm", here.name, newer, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
        # Another way that people try: what was filled in stands beside it.
        recreated = raw_vllm("raw-vllm", here.name, newer, strategy={"type": "Recreate"})
        assert "may not be specified when strategy `type` is 'Recreate'" in here.refused(recreated)
        here.apply(good)
        until(lambda: placed(here) and len(here.all("pods")) == 1)
        here.lab.kubectl(
            "rollout", "status", "deployment/raw-vllm", f"--namespace={here.name}", "--timeout=60s", timeout=90
        )
        trap.healthy("-n", here.name, *AT_ONCE)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("KServe's Deployment surges too, and its new pod finds no GPU", "PM116")
def test_a_surge_of_kserve(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    labels = "serving.kserve.io/inferenceservice=qwen"
    with device(lab) as one, space(lab) as here:
        rolling = inference_service("qwen", here.name, engine(resources=needing(one)))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", rolling))
        here.apply(rolling)
        here.ready("inferenceservice", "qwen")
        newer = engine("kserve-container", "--max-model-len=2048", resources=needing(one))
        here.apply(inference_service("qwen", here.name, newer))
        said = until(lambda: waiting(here, labels))
        trap.bit(f"the new pod is Pending beside the old one: {said.replace(one, 'nvidia.com/gpu')}")
        good = inference_service("qwen", here.name, newer, deploymentStrategy={"type": "Recreate"})
        here.apply(good)
        until(lambda: placed(here, labels) and len(here.all("pods", labels)) == 1)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("a request for a GPU without a limit: no Deployment", "PM115")
def test_a_gpu_without_a_limit(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        asked = {"requests": {"nvidia.com/gpu": "1"}}
        odd = raw_vllm("raw-vllm", here.name, engine("vllm", resources=asked), replicas=0)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", odd))
        said = here.refused(odd)
        assert "Limit must be set for non overcommitable resources" in said
        trap.bit(f"refused: {said.partition('Invalid value')[2] or said}")
        good = replaced(
            odd, "spec", "template", "spec", "containers", 0, "resources", value={**asked, "limits": asked["requests"]}
        )
        here.admitted(good)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@contextmanager
def node(lab: RunningLab, offered: str, key: str) -> Iterator[str]:
    """A Node that offers one of these and has this taint; it is gone before Kubernetes doubts it."""
    name = f"gpu-{secrets.token_hex(3)}"
    amounts = {"cpu": "8", "memory": "32Gi", "pods": "10", offered: "1"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
    taint = {"key": key, "value": "true", "effect": "NoSchedule"}
    made_of = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"taints": [taint]}}
    try:
        lab.kubectl("create", "--filename=-", given=json.dumps(made_of))
        words = ("patch", "node", name, "--subresource=status", "--type=merge")
        lab.kubectl(*words, f"--patch={json.dumps({'status': status})}")
        yield name
    finally:
        lab.kubectl("delete", "node", name, check=False)


@pytest.mark.bites("a taint keeps a pod off the node that has a GPU for it", "PM714")
def test_a_taint(lab: RunningLab, trap: Trap) -> None:
    """The lab's other node has GPUs free, but of another kind."""
    offered, key = f"nvidia.com/gpu.{secrets.token_hex(3)}", "example.com/dedicated"
    with space(lab) as here, node(lab, offered, key) as name:
        here.apply(raw_vllm("raw-vllm", here.name, engine("vllm", resources=needing(offered))))
        until(lambda: [one["key"] for one in read(lab.kubeconfig, "node", name)["spec"]["taints"]] == [key])
        said = until(lambda: "untolerated taint" in (found := waiting(here)) and found)
        assert [one["where"] for one in trap.doctor("-n", here.name, *AT_ONCE)]
        trap.bit(f"one GPU is free, and the pod is Pending: {said.replace(offered, 'nvidia.com/gpu')}")
        tolerated = {"tolerations": [{"key": key, "operator": "Exists"}]}
        here.apply(raw_vllm("raw-vllm", here.name, engine("vllm", resources=needing(offered)), pod=tolerated))
        until(lambda: any(one["spec"].get("nodeName") == name for one in here.all("pods")))
        # Nobody there would ever end them.
        lab.kubectl("delete", "deployment", "raw-vllm", f"--namespace={here.name}", "--cascade=orphan")
        lab.kubectl("delete", "replicasets,pods", "--all", f"--namespace={here.name}", "--force", "--grace-period=0")
        trap.healthy("-n", here.name, *AT_ONCE)
