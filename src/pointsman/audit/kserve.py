"""The Gateway that KServe itself hangs its routes on: it is nobody's to delete while KServe is there."""

from __future__ import annotations

import json

from pointsman.errors import PermanentError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster

__all__ = ["CONFIGURATION", "NAMES_IT", "UNREAD", "gateway_of_kserve"]

UNREAD = "?"
"""In the place of a Gateway where KServe's configuration may not be read."""
NAMES_IT = "KServe's configuration names it (ingress.kserveIngressGateway): without it no InferenceService is ready"
CONFIGURATION = Ref(kind_of("ConfigMap"), "inferenceservice-config", "kserve")
"""What KServe is told."""


async def gateway_of_kserve(cluster: Cluster) -> str:
    """``NAMESPACE/NAME``; ``UNREAD`` where that may not be read, and empty where there is no KServe."""
    try:
        data = (await cluster.find(CONFIGURATION) or {}).get("data") or {}
        ingress = json.loads(data.get("ingress") or "{}") if isinstance(data, dict) else None
    except (PermanentError, ValueError, TypeError):
        return UNREAD
    return str(ingress.get("kserveIngressGateway") or "") if isinstance(ingress, dict) else UNREAD
