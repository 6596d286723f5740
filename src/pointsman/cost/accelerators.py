"""GPUs of nodes and pods, and what one of them costs: whole ones, shared ones, and slices of them.

A slice (``nvidia.com/mig-1g.5gb``) is no GPU and is not counted as one, also where it is advertised as
``nvidia.com/gpu`` and only the label of its kind says what it is (MIG strategy ``single``). A GPU that several pods
share is counted by its parts (label ``nvidia.com/gpu.replicas`` of NVIDIA's GPU feature discovery 0.17). Paid for is
what a node *has* (``status.capacity``), also while one of its GPUs is broken or the node is not ready.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pointsman.cost.prices import Prices, unpriced
from pointsman.kube.quantity import whole
from pointsman.root.burden import is_accelerator

__all__ = ["Machine", "claims_devices", "devices_of", "gpus_of", "machine_of"]

Object = Mapping[str, Any]
INSTANCE = "node.kubernetes.io/instance-type"
KINDS = ("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "amd.com/gpu.product-name")
"""Labels by which nodes say what their GPUs are, the first that is there counts."""
REPLICAS = "nvidia.com/gpu.replicas"
WHOLE = "nvidia.com/gpu"
_SHARED = (WHOLE, "nvidia.com/gpu.shared")


@dataclass(frozen=True, slots=True)
class Machine:
    """A node with accelerators, or without."""

    name: str
    has: Mapping[str, int]
    """What it advertises, by resource name; installed, not only healthy."""
    parts: int
    """Pods that share one GPU; 1 where none do."""
    kind: str
    """What its GPUs are, as a label says; empty where none does."""
    instance: str
    ready: bool
    slice: str = ""
    """What ``nvidia.com/gpu`` is here: ``nvidia.com/mig-1g.5gb`` where all are cut alike and named like whole ones."""

    def named(self, devices: Mapping[str, int]) -> dict[str, int]:
        """Devices by what they are."""
        return {self.slice if self.slice and name == WHOLE else name: count for name, count in devices.items()}

    @property
    def gpus(self) -> Fraction:
        """GPUs, not slices."""
        return gpus_of(self.has, self.parts)

    def unit(self, resource: str, prices: Prices) -> tuple[Decimal | None, str]:
        """Money an hour of one such resource here; None and why, where no price says it."""
        if self.instance in prices.nodes and self.has.get(resource):
            if len(self.has) == 1:
                return prices.nodes[self.instance] / self.has[resource], ""
            if resource not in prices.gpus:
                return None, f"node {self.name} has {len(self.has)} kinds of slices, and only a price of the whole"
        if is_slice(resource) or resource in prices.gpus:
            found = prices.gpus.get(resource)
            return found, "" if found is not None else unpriced(resource, "gpus")
        if self.kind in prices.gpus:
            return prices.gpus[self.kind] / self.parts, ""
        return None, self._unpriced(resource)

    def _unpriced(self, resource: str) -> str:
        if self.kind or not self.instance:
            return unpriced(self.kind or f"{resource} of node {self.name}", "gpus")
        return unpriced(self.instance, "nodes")


def machine_of(node: Object) -> Machine:
    """What matters of a Node."""
    metadata, status = node["metadata"], node.get("status") or {}
    labels = metadata.get("labels") or {}
    said = status.get("capacity") or status.get("allocatable") or {}
    has = {name: count for name, text in said.items() if is_accelerator(name) and (count := whole(text))}
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or [])
    replicas = str(labels.get(REPLICAS, ""))
    kind = next((str(labels[key]).removesuffix("-SHARED") for key in KINDS if labels.get(key)), "")
    _, cut, profile = kind.partition("-MIG-")
    made = Machine(
        str(metadata["name"]),
        has,
        max(1, int(replicas)) if replicas.isdecimal() else 1,
        kind,
        str(labels.get(INSTANCE, "")),
        ready,
        f"nvidia.com/mig-{profile}" if cut else "",
    )
    return replace(made, has=made.named(has))


def is_slice(resource: str) -> bool:
    """Is it a part of a GPU by its name?"""
    return "/mig-" in resource


def gpus_of(devices: Mapping[str, int], parts: int) -> Fraction:
    """GPUs among these, slices left out."""
    return sum(
        (Fraction(count, parts if name in _SHARED else 1) for name, count in devices.items() if not is_slice(name)),
        Fraction(0),
    )


def devices_of(spec: Mapping[str, Any]) -> Counter[str]:
    """Accelerators that a pod holds, as the scheduler counts: together, or at the hungriest moment of its start."""
    sidecars, peak = Counter[str](), Counter[str]()
    for container in spec.get("initContainers") or []:
        own = _asked(container)
        if container.get("restartPolicy") == "Always":
            sidecars += own
        else:
            peak |= sidecars + own
    return (_total(spec.get("containers") or []) + sidecars) | peak


def claims_devices(spec: Mapping[str, Any]) -> bool:
    """Does it get devices by claims (dynamic resource allocation), which do not say how many here?"""
    return bool(spec.get("resourceClaims"))


def _total(containers: Iterable[Mapping[str, Any]]) -> Counter[str]:
    found = Counter[str]()
    for one in containers:
        found += _asked(one)
    return found


def _asked(container: Mapping[str, Any]) -> Counter[str]:
    resources = container.get("resources") or {}
    said = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return Counter({name: whole(text) for name, text in said.items() if is_accelerator(name) and whole(text)})
