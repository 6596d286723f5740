"""What one object costs while it is there: GPUs and volumes, as its declaration says. Pure.

What can be read is counted; what makes pods or claims by rules of its own (a custom resource, a Namespace with all that
is in it) is not guessed at, and is told as unknown. Unknown never counts as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.kube.quantity import whole

__all__ = ["BARE", "LOOKED_UP", "Burden", "Volume", "burden_of", "is_accelerator", "is_left"]

Object = Mapping[str, Any]

BARE = frozenset(
    {
        *(("", name) for name in ("ConfigMap", "Secret", "Service", "ServiceAccount", "Endpoints", "LimitRange")),
        *(("", name) for name in ("ResourceQuota", "PodTemplate", "Event")),
        *(("rbac.authorization.k8s.io", name) for name in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
        *(("networking.k8s.io", name) for name in ("NetworkPolicy", "Ingress", "IngressClass")),
        *(("gateway.networking.k8s.io", name) for name in ("HTTPRoute", "GRPCRoute", "ReferenceGrant")),
        ("policy", "PodDisruptionBudget"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("keda.sh", "ScaledObject"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("monitoring.coreos.com", "ServiceMonitor"),
        ("monitoring.coreos.com", "PodMonitor"),
        ("monitoring.coreos.com", "PrometheusRule"),
        ("argoproj.io", "AppProject"),
    }
)
"""Group and kind of what holds neither GPUs nor volumes, and deletes nothing else when it goes."""

LOOKED_UP = frozenset(
    {
        *(("apps", name) for name in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
        *(("batch", name) for name in ("Job", "CronJob")),
        *(("", name) for name in ("Pod", "PersistentVolumeClaim")),
        *(("serving.kserve.io", name) for name in ("InferenceService", "LLMInferenceService")),
    }
)
"""Group and kind of what is read from the cluster."""

_GPU = re.compile(r"nvidia\.com/.+|[^/]+/[^/]*(gpu|tpu|npu|xpu|gaudi|neuron)[^/]*")
"""Accelerators as their device plugins advertise them: GPUs, slices of them (``nvidia.com/mig-1g.5gb``), others."""
_SYNC = "argocd.argoproj.io/sync-options"


@dataclass(frozen=True, slots=True)
class Volume:
    """A claim."""

    claim: str
    size: str
    """As it is asked for; ``?`` when it is not said."""


@dataclass(frozen=True, slots=True)
class Burden:
    """What an object holds."""

    gpus: int = 0
    """Of all its pods."""
    asks: bool = False
    """Do its pods ask for GPUs, though there may be none of them now?"""
    volumes: tuple[Volume, ...] = ()
    unknown: str = ""
    """Why that may not be all; empty when it is."""


def is_accelerator(name: str) -> bool:
    """Is this resource, as a node advertises it, an accelerator or a slice of one?"""
    return _GPU.fullmatch(name) is not None


def is_left(live: Object) -> bool:
    """Does it stay when its Application is deleted (argo-cd 3.2, sync option Delete=false)?"""
    said = str((live["metadata"].get("annotations") or {}).get(_SYNC, ""))
    return "Delete=false" in (one.strip() for one in said.split(","))


def burden_of(live: Object) -> Burden:
    """What an object of a kind in ``LOOKED_UP`` holds."""
    try:
        return _OF[live["kind"]](live)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return Burden(unknown=f"what it holds cannot be read off it ({error or type(error).__name__})")


def _claim(live: Object) -> Burden:
    name = f"{live['metadata'].get('namespace')}/{live['metadata']['name']}"
    return Burden(volumes=(Volume(name, _size(live["spec"])),))


def _size(spec: Mapping[str, Any]) -> str:
    asked = (spec.get("resources") or {}).get("requests") or {}
    return str(asked.get("storage") or "?")


def _workload(live: Object) -> Burden:
    spec = live["spec"]
    if live["kind"] == "DaemonSet":
        count = (live.get("status") or {}).get("desiredNumberScheduled")
    else:
        count = spec.get("parallelism" if live["kind"] == "Job" else "replicas")
    return _pods(spec["template"]["spec"], 1 if count is None else int(count))


def _stateful(live: Object) -> Burden:
    spec, found = live["spec"], _workload(live)
    if (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted") != "Delete":
        return found
    count = int(spec.get("replicas", 1))
    home, name = live["metadata"].get("namespace"), live["metadata"]["name"]
    made = tuple(
        Volume(f"{home}/{one['metadata']['name']}-{name}-{number}", _size(one["spec"]))
        for one in spec.get("volumeClaimTemplates") or []
        for number in range(count)
    )
    return Burden(found.gpus, found.asks, made)


def _pods(spec: Mapping[str, Any], count: int) -> Burden:
    """So many pods; init containers run before the others and one by one, so the most of both counts."""
    together = sum(_gpus(one) for one in spec.get("containers") or [])
    before = max((_gpus(one) for one in spec.get("initContainers") or []), default=0)
    each = max(together, before)
    return Burden(each * count, each > 0)


def _gpus(container: Mapping[str, Any]) -> int:
    resources = container.get("resources") or {}
    if resources.get("claims"):
        raise ValueError("it claims devices by name")  # dynamic resource allocation: which ones, only the claim says
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    return sum(whole(said) for name, said in asked.items() if is_accelerator(name))


def _inference(live: Object) -> Burden:
    """Parts of an InferenceService; what a runtime adds to them is not in it."""
    parts = [live["spec"][name] for name in ("predictor", "transformer", "explainer") if live["spec"].get(name)]
    found = [(sum(_nested(part)), part.get("minReplicas")) for part in parts]
    gpus = sum(each * (1 if count is None else int(count)) for each, count in found)
    return _perhaps_more(gpus, any(each for each, _ in found), "its runtime")


def _llm(live: Object) -> Burden:
    """Decode and prefill of an LLMInferenceService; what its presets add is not in it."""
    spec = live["spec"]
    pools = [{key: value for key, value in spec.items() if key != "prefill"}, spec.get("prefill") or {}]
    found = [(sum(_nested(pool)), pool.get("replicas")) for pool in pools]
    gpus = sum(each * (1 if count is None else int(count)) for each, count in found)
    return _perhaps_more(gpus, any(each for each, _ in found), "its presets")


def _perhaps_more(gpus: int, asks: bool, whose: str) -> Burden:
    return Burden(gpus, asks, (), "" if asks else f"it asks for no GPUs itself, but {whose} may")


def _nested(value: Any) -> Iterator[int]:
    """GPUs of every container in it, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("resources"), dict):
            yield _gpus(value)
        for one in value.values():
            yield from _nested(one)
    elif isinstance(value, list):
        for one in value:
            yield from _nested(one)


_OF = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet", "Job"), _workload),
    "StatefulSet": _stateful,
    "CronJob": lambda live: _workload({**live["spec"]["jobTemplate"], "kind": "Job"}),
    "Pod": lambda live: _pods(live["spec"], 1),
    "PersistentVolumeClaim": _claim,
    "InferenceService": _inference,
    "LLMInferenceService": _llm,
}
