"""What people wrote of a live object, where the cluster still knows: webhooks and controllers write into it, too.

``kubectl apply`` and Argo CD leave the manifest in an annotation; the API server notes in ``managedFields`` who wrote
which field, and what a webhook adds at admission is nobody's (both seen in the lab, Kubernetes 1.34.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.view import get, listed

__all__ = ["MANAGED", "applied", "managed", "nobodys"]

MANAGED = ("InferenceService", "LLMInferenceService", "Service", "Deployment", "HorizontalPodAutoscaler")
"""Kinds of which checks ask who wrote a field: whoever lists for them keeps that."""

_LAST = "kubectl.kubernetes.io/last-applied-configuration"


def applied(one: Standing) -> Mapping[str, Any]:
    """The manifest that was applied last; empty where that is not known, and of what stands in a file."""
    if one.deployed.where:
        return {}
    said = get(one.data, "metadata", "annotations", _LAST)
    try:
        found = json.loads(said) if isinstance(said, str) else None
    except ValueError:
        found = None
    return found if isinstance(found, Mapping) else {}


def managed(one: Standing) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Who wrote something of it, but for its status and its scale: the name, the entry, and the fields."""
    for entry in listed(one.data, "metadata", "managedFields"):
        fields = entry.get("fieldsV1")
        if not entry.get("subresource") and isinstance(fields, Mapping):
            yield str(entry.get("manager") or ""), entry, fields


def nobodys(one: Standing, *place: str) -> bool:
    """Did nobody write this field, so that a webhook did? False where the cluster does not say who wrote what."""
    keys = [f"f:{part}" for part in place]
    known = [fields for _, _, fields in managed(one)]
    return bool(known) and all(get(fields, *keys) is None for fields in known)
