"""Reading the objects that a layer judges."""

from __future__ import annotations

import asyncio

from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Cluster, Object
from pointsman.spec.model import Model

__all__ = ["read_live"]


async def read_live(cluster: Cluster, layer: Layer, model: Model) -> dict[Ref, Object | None]:
    """All objects the layer's readiness and parking are judged by."""
    refs = list(layer.reads(model))
    found = await asyncio.gather(*(cluster.find(ref) for ref in refs))
    return dict(zip(refs, found, strict=True))
