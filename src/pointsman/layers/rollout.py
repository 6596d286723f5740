"""Judging Deployments: is what was declared what runs, all of it, and nothing older?

A controller's summary can be true about yesterday (KServe's Ready is), so the Deployment itself is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Live, Manifest, Readiness

__all__ = ["condition", "deployment", "holds_nothing", "rolled_out"]


def deployment(namespace: str, name: str) -> Ref:
    """Reference of a Deployment."""
    return Ref(kind_of("Deployment", "apps/v1"), name, namespace)


def rolled_out(ref: Ref, live: Live) -> Readiness:
    """Generation seen, every replica updated and available, no older pod left."""
    found = live.get(ref)
    if found is None:
        return Readiness(False, f"{ref} does not exist yet")
    wanted = found["spec"].get("replicas", 1)
    status: Mapping[str, Any] = found.get("status") or {}
    if wanted == 0:
        return Readiness(False, f"{ref} is scaled to 0")
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return Readiness(False, f"{ref}: its controller has not seen the latest change")
    if found["metadata"].get("deletionTimestamp"):
        return Readiness(False, f"{ref} is being deleted")
    return _counted(ref, wanted, status)


def _counted(ref: Ref, wanted: int, status: Mapping[str, Any]) -> Readiness:
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return Readiness(False, f"{ref}: {updated} of {wanted} replicas are of the latest revision{_stuck(status)}")
    if total > updated:
        return Readiness(False, f"{ref}: {total - updated} older replicas are still there")
    if available < wanted:
        return Readiness(False, f"{ref}: {available} of {wanted} replicas are available{_stuck(status)}")
    return Readiness(True, f"{ref}: {available} of {wanted} replicas are available")


def _stuck(status: Mapping[str, Any]) -> str:
    for each in status.get("conditions") or []:
        if each.get("type") == "Progressing" and each.get("status") == "False":
            return f" ({each.get('reason', 'not progressing')})"
        if each.get("type") == "ReplicaFailure" and each.get("status") == "True":
            return f" ({each.get('message', 'pods cannot be made')})"
    return ""


def holds_nothing(ref: Ref, live: Live) -> bool:
    """No pod of the Deployment holds anything: absent, or 0 asked for, seen and counted."""
    found = live.get(ref)
    if found is None:
        return True
    status: Mapping[str, Any] = found.get("status") or {}
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    return found["spec"].get("replicas", 1) == 0 and seen and not status.get("replicas")


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """One condition of an object's status; empty when the controller has not written it."""
    conditions = (manifest.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})
