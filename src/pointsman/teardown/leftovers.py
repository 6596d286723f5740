"""What wears our label and is of no model that is known: of aborted moves, of models whose record is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from pointsman.cost.models import OURS
from pointsman.errors import NotFoundError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster
from pointsman.owners.marks import controller_of

__all__ = ["left_over"]

KINDS = (
    *("HTTPRoute", "Service", "Deployment", "StatefulSet", "InferenceService", "LLMInferenceService"),
    "PersistentVolumeClaim",
)
"""In the order in which they are made."""
CLAIM = "PersistentVolumeClaim"


async def left_over(cluster: Cluster, known: Collection[Ref], *, keep_volumes: bool) -> tuple[list[Ref], list[Ref]]:
    """What goes, and claims that stay. What a controller made goes with its owner."""
    named = {(ref.kind.name, ref.namespace, ref.name) for ref in known}  # whichever version it was written in
    found = [ref async for ref in _labelled(cluster) if (ref.kind.name, ref.namespace, ref.name) not in named]
    kept = [ref for ref in found if keep_volumes and ref.kind.name == CLAIM]
    return [ref for ref in found if ref not in kept], kept


async def _labelled(cluster: Cluster) -> AsyncIterator[Ref]:
    for name in KINDS:
        kind = kind_of(name)
        try:
            listed = await cluster.list(kind, None, {OURS: ""})
        except NotFoundError:
            continue
        for one in listed:
            if controller_of(one) is None:
                yield Ref(kind, str(one["metadata"]["name"]), one["metadata"].get("namespace"))
