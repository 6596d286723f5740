"""What a cluster says that advice rests on: its accelerators, and which controllers' kinds it has.

Only asked when the reader names a cluster. What may not be listed is not known; it is not absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.advice.gpus import Gpu, gpu_of_labels
from pointsman.errors import NotFoundError, PermanentError
from pointsman.kube.quantity import whole
from pointsman.kube.resources import Kind, kind_of
from pointsman.layers.needs import GPU

__all__ = ["Lister", "Surroundings", "read_surroundings"]

CRDS: Mapping[str, str] = {
    "kserve": "inferenceservices.serving.kserve.io",
    "llm-d": "llminferenceservices.serving.kserve.io",
}
POOLS = "inferencepools.inference.networking.k8s.io"


class Lister(Protocol):
    """What of the Kubernetes client is used here."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """All objects of a kind."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one cluster; None where it may not be asked."""

    gpus: int | None
    """Allocatable, whoever holds them."""
    per_node: int | None
    """The most that one node has."""
    kinds: tuple[Gpu, ...] = ()
    """Those that nodes' labels name."""
    crds: frozenset[str] | None = None
    unknown: tuple[str, ...] = ()

    def has(self, layer: str) -> bool | None:
        """Can it make this layer's objects? None when it is not known."""
        if layer not in CRDS:
            return True
        if self.crds is None:
            return None
        return CRDS[layer] in self.crds and (layer != "llm-d" or POOLS in self.crds)


async def read_surroundings(cluster: Lister) -> Surroundings:
    """Ask it; raises ClusterError when it does not answer."""
    nodes, crds = await asyncio.gather(_listed(cluster, "Node"), _listed(cluster, "CustomResourceDefinition"))
    unknown = tuple(
        f"you may not list {what}" for what, got in (("nodes", nodes), ("custom resources", crds)) if got is None
    )
    counts = [_gpus(one) for one in nodes or ()]
    named = (gpu_of_labels((one.get("metadata") or {}).get("labels") or {}) for one in nodes or () if _gpus(one))
    kinds = tuple(dict.fromkeys(one[0] for one in named if one))
    return Surroundings(
        sum(counts) if nodes is not None else None,
        max(counts, default=0) if nodes is not None else None,
        kinds,
        None if crds is None else frozenset(str(one["metadata"]["name"]) for one in crds),
        unknown,
    )


async def _listed(cluster: Lister, kind: str) -> Sequence[dict[str, Any]] | None:
    try:
        return await cluster.list(kind_of(kind))
    except NotFoundError:
        return []
    except PermanentError as error:
        if error.code != "cluster-forbidden":
            raise
        return None


def _gpus(node: Mapping[str, Any]) -> int:
    return whole(((node.get("status") or {}).get("allocatable") or {}).get(GPU, 0))
