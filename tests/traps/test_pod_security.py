"""Thirty kinds of pods, at both levels of Pod Security, on the real API server: the check tells those it refuses."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.manifests import Manifest, engine
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

ENFORCE = "pod-security.kubernetes.io/enforce"
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
PODS: Mapping[str, Manifest] = {
    "plain": {},
    "host-network": {"hostNetwork": True},
    "host-pid": {"hostPID": True},
    "host-ipc": {"hostIPC": True},
    "host-path": {"volumes": [{"name": "weights", "hostPath": {"path": "/models"}}]},
    "nfs": {"volumes": [{"name": "weights", "nfs": {"server": "nfs", "path": "/models"}}]},
    "image-volume": {"volumes": [{"name": "weights", "image": {"reference": "registry.example.com/weights:1"}}]},
    "memory": {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]},
    "unconfined": {"securityContext": POD | {"seccompProfile": {"type": "Unconfined"}}},
    "no-profile": {"securityContext": {"runAsNonRoot": True, "runAsUser": 65532}},
    "no-user": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    "root": {"securityContext": POD | {"runAsUser": 0, "runAsNonRoot": False}},
    "sysctl": {"securityContext": POD | {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "safe-sysctl": {"securityContext": POD | {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}},
    "selinux": {"securityContext": POD | {"seLinuxOptions": {"type": "spc_t"}}},
    "selinux-container": {"securityContext": POD | {"seLinuxOptions": {"type": "container_t"}}},
    "unmasked": {"hostUsers": False},
    "apparmor": {"securityContext": POD | {"appArmorProfile": {"type": "Unconfined"}}},
}
"""Pods of an engine by what is said beside its container."""
CONTAINERS: Mapping[str, Manifest] = {
    "escalation": {"securityContext": SAFE | {"allowPrivilegeEscalation": True}},
    "nothing-said": {"securityContext": {}},
    "sys-admin": {"securityContext": SAFE | {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}},
    "ipc-lock": {"securityContext": SAFE | {"capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]}}},
    "chown": {"securityContext": SAFE | {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}},
    "bind": {"securityContext": SAFE | {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}},
    "drops-some": {"securityContext": SAFE | {"capabilities": {"drop": ["NET_RAW"]}}},
    "own-profile": {"securityContext": SAFE | {"seccompProfile": {"type": "Unconfined"}}},
    "own-root": {"securityContext": SAFE | {"runAsUser": 0}},
    "unmasked": {"securityContext": SAFE | {"procMount": "Unmasked"}},
    "own-user": {"securityContext": SAFE | {"runAsNonRoot": False}},
    "host-port": {"ports": [{"containerPort": 8000, "hostPort": 8000}]},
    "probe-elsewhere": {"readinessProbe": {"httpGet": {"path": "/health", "port": 8000, "host": "10.0.0.1"}}},
}
"""And by what its container says."""


def variants(namespace: str) -> dict[str, Manifest]:
    """Every one, as a Deployment."""
    made = {}
    for name in {**PODS, **CONTAINERS}:
        deployment = engine(name, namespace)[0]
        pod = deployment["spec"]["template"]["spec"]
        pod |= {"securityContext": POD} | PODS.get(name, {})
        pod["containers"][0] |= {"securityContext": SAFE} | CONTAINERS.get(name, {})
        made[name] = deployment
    return made


@contextmanager
def namespace_of(lab: RunningLab, labels: Mapping[str, str] | None = None) -> Iterator[tuple[str, Manifest]]:
    """One of a test's own, as it is and as it is written."""
    name = f"admit-{secrets.token_hex(3)}"
    written = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
    lab.kubectl("create", "-f", "-", given=json.dumps(written))
    try:
        yield name, written
    finally:
        lab.kubectl("delete", "namespace", name, "--wait=false")


def refused(lab: RunningLab, deployment: Manifest) -> str:
    """What the API server says against its pod; empty when it would take it."""
    metadata = {"name": "asked", "namespace": deployment["metadata"]["namespace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": deployment["spec"]["template"]["spec"]}
    words = ("create", "--dry-run=server", "-f", "-")
    said = lab.kubectl(*words, given=json.dumps(pod), check=False).stderr
    assert not said or "orbidden" in said, said
    return said


def failure(lab: RunningLab, deployment: Manifest) -> str:
    """Why a Deployment makes no pod."""
    metadata = deployment["metadata"]
    found = read(lab.kubeconfig, "deployment", metadata["name"], metadata["namespace"])
    conditions = found.get("status", {}).get("conditions", [])
    return str(next((one["message"] for one in conditions if one["type"] == "ReplicaFailure"), ""))


@pytest.mark.parametrize(
    "level",
    [
        pytest.param(one, marks=pytest.mark.bites(f"Kubernetes: a namespace that enforces Pod Security {one}", "PM809"))
        for one in ("baseline", "restricted")
    ],
)
def test_pod_security_refuses_what_the_check_tells(trap: Trap, lab: RunningLab, tmp_path: Path, level: str) -> None:
    with namespace_of(lab, {ENFORCE: level}) as (name, space):
        known = variants(name)
        not_taken = {one for one, deployment in known.items() if refused(lab, deployment)}
        told = trap.lint(trap.written(tmp_path / "trap", "all.yaml", space, *known.values()))
        assert {one["object"].rpartition("/")[2] for one in told} == not_taken
        lab.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(known["host-path"]))
        said = until(lambda: failure(lab, known["host-path"]))
        assert "violates PodSecurity" in said
        trap.bit(
            f"{len(not_taken)} of {len(known)} kinds of pods are refused, and the Deployment reads 0 of 1: {said[:120]}"
        )
        taken = [deployment for one, deployment in known.items() if one not in not_taken]
        trap.sound(trap.written(tmp_path / "mended", "all.yaml", space, *taken))
