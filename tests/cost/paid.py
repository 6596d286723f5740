"""A cluster of things that are paid for: nodes, pods, claims, load balancers, and what engines say."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pointsman.layers.registry import layer
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.docs.schemas.holding import held
from tests.root.cluster import ArgoCluster
from tests.root.tenants import MODEL, tenants

__all__ = [
    "L4",
    "MODEL",
    "PRICES",
    "PaidCluster",
    "balancer",
    "claim",
    "engine_pod",
    "metrics",
    "node",
    "pod",
    "said",
    "tenants",
    "told",
    "volume",
]

Object = dict[str, Any]
PRICES = """\
source: price list of the year
date: {date}
currency: EUR
nodes: {{gpu-2x: 5.00}}
gpus: {{NVIDIA-L4: 0.80, nvidia.com/mig-1g.10gb: 0.40}}
volumes: {{standard: 0.05, fast: 0.17}}
loadBalancer: 0.025
"""


@dataclass
class PaidCluster(ArgoCluster):
    """It refuses lists by their path's last word, and answers for engines."""

    refused: dict[str, int] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    """By ``namespace/pod``: what an engine says, one look after the other; the last stays."""

    @classmethod
    def of_things(cls, *objects: Object) -> PaidCluster:
        """Holding these, the later of one that comes twice."""
        return cls(ArgoCluster.holding(*objects).objects)

    def answer(self, target: str) -> Object | None:
        path = urlsplit(target).path
        status = self.refused.get(path.rpartition("/")[2])
        if status:
            self.asked[path] += 1
            reason = {403: "Forbidden", 404: "NotFound"}.get(status, "InternalError")
            return {"kind": "Status", "code": status, "reason": reason, "message": f"may not list {path}"}
        return super().answer(target)

    def text(self, target: str) -> str | None:
        parts = urlsplit(target).path.split("/")
        if parts[-2:] != ["proxy", "metrics"]:
            return None
        waiting = self.texts.get(f"{parts[4]}/{parts[6].partition(':')[0]}")
        if waiting is None:
            return None
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def told(cluster: PaidCluster, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command line on it."""
    with serving(cluster, folder) as kubeconfig:
        return run(*words, "--kubeconfig", str(kubeconfig))


def said(cluster: PaidCluster, folder: Path, *words: str, code: int = 0) -> Object:
    """The same as data."""
    done = told(cluster, folder, *words, "-o", "json")
    assert done.returncode == code, (done.returncode, done.stderr, done.stdout)
    found: Object = json.loads(done.stdout)
    held(words[0], found)
    return found


def node(
    name: str, devices: dict[str, int] | None = None, labels: dict[str, str] | None = None, *, ready: bool = True
) -> Object:
    """A node with accelerators, or without."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {},
        "status": {
            "capacity": {"cpu": "8", "memory": "32Gi", **{key: str(count) for key, count in (devices or {}).items()}},
            "conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}],
        },
    }


L4 = {"nvidia.com/gpu.product": "NVIDIA-L4"}


def pod(
    name: str,
    where: str,
    devices: dict[str, int] | None = None,
    *,
    namespace: str = "others",
    labels: dict[str, str] | None = None,
    claims: tuple[str, ...] = (),
    phase: str = "Running",
) -> Object:
    """A pod on a node; on none where that is empty."""
    limits = {key: str(count) for key, count in (devices or {}).items()}
    conditions = [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}, "uid": name},
        "spec": {
            **({"nodeName": where} if where else {}),
            "containers": [{"name": "main", "resources": {"limits": limits}}],
            "volumes": [{"name": one, "persistentVolumeClaim": {"claimName": one}} for one in claims],
        },
        "status": {"phase": phase, "conditions": conditions},
    }


def engine_pod(name: str, where: str, gpus: int, layer_id: str = "raw-vllm", **more: Any) -> Object:
    """A pod with an engine of the model."""
    engines = layer(layer_id).engines(MODEL)[0]
    devices = {"nvidia.com/gpu": gpus} if gpus else {}
    return pod(name, where, devices, namespace=engines.namespace, labels=dict(engines.labels), **more)


def claim(name: str, size: str, storage_class: str = "standard", namespace: str = "serving", **status: Any) -> Object:
    """A claim with a volume."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"resources": {"requests": {"storage": size}}, "storageClassName": storage_class},
        "status": {"phase": "Bound", **status},
    }


def volume(name: str, size: str, phase: str, claimed: str = "", storage_class: str = "standard") -> Object:
    """A PersistentVolume; ``claimed`` is ``namespace/name``."""
    home, _, own = claimed.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
            **({"claimRef": {"namespace": home, "name": own}} if claimed else {}),
        },
        "status": {"phase": phase},
    }


def balancer(name: str, address: str = "203.0.113.7", namespace: str = "edge", **selector: str) -> Object:
    """A Service with a load balancer; without an address it still waits for one."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.9", "selector": selector},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}},
    }


def metrics(running: int, prompt: int = 0, generated: int = 0, *, cache: float = 0.0, began: float = 0.0) -> str:
    """What vLLM says."""
    labels = '{engine="0",model_name="qwen"}'
    lines = [
        f"vllm:num_requests_running{labels} {running}.0",
        f"vllm:kv_cache_usage_perc{labels} {cache}",
        f"vllm:prompt_tokens_total{labels} {prompt}.0",
        f"vllm:generation_tokens_total{labels} {generated}.0",
        *([f"process_start_time_seconds {began}"] if began else []),
    ]
    return "\n".join([*lines, ""])
