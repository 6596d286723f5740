"""The Gateway that KServe itself hangs its routes on: it is nobody's to delete while KServe is there."""

from __future__ import annotations

from pointsman.errors import PermanentError
from pointsman.layers.kserve_config import CONFIGURATION, ingress_gateway
from pointsman.move.boundary import Cluster

__all__ = ["NAMES_IT", "UNREAD", "gateway_of_kserve"]

UNREAD = "?"
"""In the place of a Gateway where KServe's configuration may not be read."""
NAMES_IT = "KServe's configuration names it (ingress.kserveIngressGateway): without it no InferenceService is ready"


async def gateway_of_kserve(cluster: Cluster) -> str:
    """``NAMESPACE/NAME``; ``UNREAD`` where that may not be read, and empty where there is no KServe."""
    try:
        found = ingress_gateway(await cluster.find(CONFIGURATION) or {})
    except PermanentError:
        return UNREAD
    return UNREAD if found is None else found
