"""What a pod asks of a node, counted as the scheduler counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.kube.quantity import milli, whole

__all__ = ["GPU", "PodNeed", "Requests", "need_of", "requests_of"]

GPU = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Requests:
    """Amounts."""

    cpu: int = 0
    """Thousandths of a core."""
    memory: int = 0
    """Bytes."""
    gpus: int = 0

    def plus(self, other: Requests) -> Requests:
        """Both."""
        return Requests(self.cpu + other.cpu, self.memory + other.memory, self.gpus + other.gpus)

    def less(self, other: Requests) -> Requests:
        """What is left."""
        return Requests(self.cpu - other.cpu, self.memory - other.memory, self.gpus - other.gpus)

    def most(self, other: Requests) -> Requests:
        """The larger of each."""
        return Requests(max(self.cpu, other.cpu), max(self.memory, other.memory), max(self.gpus, other.gpus))


@dataclass(frozen=True, slots=True)
class PodNeed:
    """One pod that is to be placed."""

    role: str
    """``serve`` (answers tenants), ``prefill``, or ``router``."""
    asks: Requests
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()

    @property
    def gpus(self) -> int:
        """Accelerators."""
        return self.asks.gpus


def need_of(role: str, spec: Mapping[str, Any]) -> PodNeed:
    """The need of a pod with this spec."""
    return PodNeed(role, requests_of(spec), spec.get("nodeSelector") or {}, spec.get("tolerations") or ())


def requests_of(spec: Mapping[str, Any]) -> Requests:
    """What the scheduler reserves: containers and sidecars together, or the hungriest moment of the start, if more."""
    sidecars, peak = Requests(), Requests()
    for container in spec.get("initContainers") or []:
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            sidecars = sidecars.plus(own)
        else:
            peak = peak.most(sidecars.plus(own))
    running = _sum(_requests(container) for container in spec.get("containers") or [])
    return running.plus(sidecars).most(peak).plus(_amounts(spec.get("overhead") or {}))


def _requests(container: Mapping[str, Any]) -> Requests:
    """A limit stands in for a request that is missing."""
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(named: Mapping[str, Any]) -> Requests:
    return Requests(milli(named.get("cpu", 0)), whole(named.get("memory", 0)), whole(named.get(GPU, 0)))


def _sum(parts: Iterable[Requests]) -> Requests:
    total = Requests()
    for one in parts:
        total = total.plus(one)
    return total
