"""What a namespace does not admit: pods that never appear, while their Deployment reads 0 of 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.traps.serving import Object, Space, condition, engine, llm_d_service, made, main, raw_vllm, replaced, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CAREFUL: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def refused(here: Space, name: str) -> str:
    """Why a Deployment's pods are, once it says so."""

    def look() -> str:
        said = condition(here.read("deployment", name), "ReplicaFailure")
        return str(said.get("message", "")) if said.get("status") == "True" else ""

    return str(until(look))


def amounts(cpu: str, memory: str) -> Object:
    """The same as request and limit."""
    return {part: {"cpu": cpu, "memory": memory} for part in ("requests", "limits")}


def pods(here: Space, name: str) -> int:
    """How many there are."""
    return len(here.all("pods", f"app={name}"))


@pytest.mark.bites(
    "Pod Security refuses an engine's pods, and its Deployment says nothing but 0 of 1", "PM809", "PM722"
)
def test_pod_security(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab, labels=RESTRICTED) as here:
        namespace = made("v1", "Namespace", here.name, labels=RESTRICTED)
        bare = raw_vllm("raw-vllm", here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", namespace, bare))
        here.apply(bare)
        said = refused(here, "raw-vllm")
        assert "violates PodSecurity" in said
        assert pods(here, "raw-vllm") == 0
        assert {one["id"] for one in trap.doctor("-n", here.name)} == {"PM809", "PM722"}
        trap.bit(f"0 pods: {said}")
        good = raw_vllm("raw-vllm", here.name, engine("vllm", securityContext=CAREFUL))
        here.apply(good)
        until(
            lambda: pods(here, "raw-vllm") == 1 and not condition(here.read("deployment", "raw-vllm"), "ReplicaFailure")
        )
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", namespace, good))


@pytest.mark.bites("the container that downloads llm-d's weights is refused by Pod Security restricted", "PM809")
def test_pod_security_and_what_kserve_adds(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    inside = {"securityContext": {key: CAREFUL[key] for key in ("allowPrivilegeEscalation", "capabilities")}}
    whole = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    with space(lab, labels=RESTRICTED) as here:
        namespace = made("v1", "Namespace", here.name, labels=RESTRICTED)
        bare = llm_d_service("bare", here.name, {**main(), "securityContext": CAREFUL})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", namespace, bare))
        here.apply(bare)
        said = refused(here, "bare-kserve")
        assert 'container "storage-initializer" must set' in said
        assert 'container "main"' not in said
        trap.doctor("-n", here.name)
        trap.bit(f"0 pods: {said}")
        inits = [{"name": "storage-initializer", **inside}]
        template = {"securityContext": whole, "initContainers": inits, "containers": [{**main(), **inside}]}
        good = llm_d_service("good", here.name, template=template)
        here.apply(good)
        until(lambda: here.all("pods", "app.kubernetes.io/name=good"))
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", namespace, good))


@pytest.mark.bites("a quota that has room for fewer replicas than are asked for", "PM810", "PM722")
def test_a_quota(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        quota = made("v1", "ResourceQuota", "team", here.name, spec={"hard": {"requests.memory": "3Gi"}})
        two = raw_vllm("raw-vllm", here.name, engine("vllm", resources=amounts("100m", "2Gi")), replicas=2)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", quota, two))
        here.apply(quota, two)
        said = refused(here, "raw-vllm")
        assert "exceeded quota: team" in said
        assert pods(here, "raw-vllm") == 1
        trap.doctor("-n", here.name)
        trap.bit(f"1 of 2 pods: {said}")
        good = replaced(two, "spec", "replicas", value=1)
        here.apply(good)
        until(lambda: not condition(here.read("deployment", "raw-vllm"), "ReplicaFailure"))
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", quota, good))


@pytest.mark.bites("a quota that is full refuses the new pod of a rolling update", "PM723")
def test_a_quota_that_is_full(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        quota = made("v1", "ResourceQuota", "team", here.name, spec={"hard": {"requests.memory": "2Gi"}})
        one = raw_vllm("raw-vllm", here.name, engine("vllm", resources=amounts("100m", "2Gi")))
        here.apply(quota)
        here.apply(one)
        until(
            lambda: here.read("resourcequota", "team").get("status", {}).get("used", {}).get("requests.memory") == "2Gi"
        )
        trap.doctor("-n", here.name)
        here.apply(replaced(one, "spec", "template", "metadata", "annotations", value={"change": "1"}))
        said = refused(here, "raw-vllm")
        assert "exceeded quota: team" in said
        trap.bit(f"a change of the pod's template never comes: {said}")
        here.apply(replaced(quota, "spec", "hard", value={"requests.memory": "8Gi"}))
        until(lambda: here.read("resourcequota", "team")["status"]["hard"]["requests.memory"] == "8Gi")
        trap.healthy("-n", here.name)


@pytest.mark.bites("an engine above the most of a LimitRange", "PM811", "PM722")
def test_a_limit_range(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    most: dict[str, Any] = {"limits": [{"type": "Container", "max": {"memory": "4Gi"}}]}
    with space(lab) as here:
        limits = made("v1", "LimitRange", "team", here.name, spec=most)
        big = raw_vllm("raw-vllm", here.name, engine("vllm", resources=amounts("100m", "8Gi")))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", limits, big))
        here.apply(limits, big)
        said = refused(here, "raw-vllm")
        assert "maximum memory usage per Container is 4Gi" in said
        trap.doctor("-n", here.name)
        trap.bit(f"0 pods: {said}")
        good = raw_vllm("raw-vllm", here.name, engine("vllm", resources=amounts("100m", "4Gi")))
        here.apply(good)
        until(
            lambda: pods(here, "raw-vllm") == 1 and not condition(here.read("deployment", "raw-vllm"), "ReplicaFailure")
        )
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", limits, good))


@pytest.mark.bites("a claim that nobody makes a volume for", "PM724")
def test_a_claim_without_a_volume(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volumes = {"volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}]}
    with space(lab) as here:
        claim = made(
            "v1", "PersistentVolumeClaim", "weights", here.name, spec={**wanted, "storageClassName": "fast-ssd"}
        )
        here.apply(claim, raw_vllm("raw-vllm", here.name, pod=volumes))

        def waits() -> str:
            found = [condition(one, "PodScheduled") for one in here.all("pods", "app=raw-vllm")]
            return next((str(one["message"]) for one in found if one.get("reason") == "Unschedulable"), "")

        said = until(waits)
        assert "unbound" in said
        trap.doctor("-n", here.name, "--patience", "0")
        trap.bit(f"the pod is Pending: {said}")
        here.lab.kubectl("delete", "deployment,pvc", "--all", f"--namespace={here.name}")
        here.apply(made("v1", "PersistentVolumeClaim", "weights", here.name, spec=wanted))
        here.apply(raw_vllm("raw-vllm", here.name, pod=volumes))
        until(lambda: here.read("persistentvolumeclaim", "weights").get("status", {}).get("phase") == "Bound")
        trap.healthy("-n", here.name, "--patience", "0")
