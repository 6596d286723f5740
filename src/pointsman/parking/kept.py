"""What was parked, kept in the cluster: one ConfigMap for a model, a line of JSON for each layer.

Not on the object itself: any annotation of an InferenceService rolls its pods (KServe 0.20), and a Deployment's may be
somebody's in git. Written before the layer is parked, so that whoever dies in between leaves it behind; it counts only
for the very object it was written for, and only while that is parked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.errors import ConflictError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster
from pointsman.move.holding.lock import NAMESPACE, ensure_namespace
from pointsman.parking.held import Before

__all__ = ["Kept", "forget", "keep", "kept", "kept_ref"]

LABEL = "pointsman.dev/parked"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One layer as it was."""

    uid: str
    """Of the object that was parked."""
    replicas: int
    gpus: int
    undo: Mapping[str, Any]
    """The merge patch that makes it what it was."""
    before: Before
    by: str = ""
    at: str = ""
    proved: bool = False
    """Was it seen that what it held is free?"""

    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "v": VERSION,
            "uid": self.uid,
            "replicas": self.replicas,
            "gpus": self.gpus,
            "undo": dict(self.undo),
            "before": self.before.as_dict(),
            "by": self.by,
            "at": self.at,
            "proved": self.proved,
        }


def kept_ref(model: str) -> Ref:
    """Where it is kept."""
    return Ref(kind_of("ConfigMap"), f"parked-{model}", NAMESPACE)


async def kept(cluster: Cluster, model: str, layer: str) -> Kept | None:
    """What is kept of a layer; None when nothing is, or nothing that this version can read."""
    found = await cluster.find(kept_ref(model))
    text = ((found or {}).get("data") or {}).get(layer)
    try:
        return _read(json.loads(text)) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(data: Any) -> Kept | None:
    if data["v"] != VERSION or not isinstance(data["undo"], dict):
        return None
    return Kept(
        uid=str(data["uid"]),
        replicas=int(data["replicas"]),
        gpus=int(data["gpus"]),
        undo=data["undo"],
        before=Before.from_dict(data["before"]),
        by=str(data["by"]),
        at=str(data["at"]),
        proved=bool(data["proved"]),
    )


async def keep(cluster: Cluster, model: str, layer: str, one: Kept) -> None:
    """Keep it; what is kept of other layers stays."""
    await ensure_namespace(cluster)
    ref, data = kept_ref(model), {layer: json.dumps(one.as_dict(), sort_keys=True)}
    labels = {"app.kubernetes.io/managed-by": "pointsman", LABEL: model}
    metadata = {"name": ref.name, "namespace": NAMESPACE, "labels": labels}
    if await cluster.find(ref) is None:
        try:
            await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        except ConflictError:
            pass
        else:
            return
    await cluster.patch(ref, {"data": data})


async def forget(cluster: Cluster, model: str, layer: str) -> None:
    """It is not parked any more."""
    if await cluster.find(kept_ref(model)) is not None:
        await cluster.patch(kept_ref(model), {"data": {layer: None}})
