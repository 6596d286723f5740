"""KServe's own configuration, as far as it matters to others: the Gateway that it hangs its routes on (v0.20)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pointsman.kube.resources import Ref, kind_of

__all__ = ["CONFIGURATION", "ingress_gateway"]

CONFIGURATION = Ref(kind_of("ConfigMap"), "inferenceservice-config", "kserve")
"""What KServe is told."""


def ingress_gateway(config: Mapping[str, Any]) -> str | None:
    """``NAMESPACE/NAME``; empty where it names none, and None where that cannot be read."""
    data = config.get("data") or {}
    try:
        ingress = json.loads(data.get("ingress") or "{}") if isinstance(data, dict) else None
    except (ValueError, TypeError):
        return None
    return str(ingress.get("kserveIngressGateway") or "") if isinstance(ingress, dict) else None
