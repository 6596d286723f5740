"""Applications in the cluster, as Argo CD keeps them: who made one, what it tracks, and what its deletion does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.owners import argo

__all__ = ["CHILD", "Key", "Tracked", "children_of", "deletes", "here", "key_of", "made_by", "tracked_by"]

Object = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name."""

CHILD = ("argoproj.io", "Application")
_FINALIZER = "resources-finalizer.argocd.argoproj.io"


@dataclass(frozen=True, slots=True)
class Tracked:
    """An entry of ``status.resources``."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def key_of(app: Object) -> Key:
    """What it is known by."""
    return str(app["metadata"].get("namespace") or ""), str(app["metadata"]["name"])


def made_by(app: Object, appset: str) -> bool:
    """Did this ApplicationSet, of the same namespace, make it?"""
    owners = app["metadata"].get("ownerReferences") or []
    return any(one.get("kind") == "ApplicationSet" and one.get("name") == appset for one in owners)


def deletes(app: Object) -> bool:
    """Does deleting it delete what it deployed? Without the finalizer all of that is left running (argo-cd 3.2).

    The finalizer may say how: ``…/background`` and ``…/foreground`` do the same.
    """
    found = app["metadata"].get("finalizers") or []
    return any(one == _FINALIZER or one.startswith(f"{_FINALIZER}/") for one in map(str, found))


def here(app: Object) -> bool:
    """Does it deploy to the cluster that it is in?"""
    return argo.here((app.get("spec") or {}).get("destination") or {})


def tracked_by(app: Object) -> list[Tracked] | None:
    """What it deployed, as it says; None when it does not say: nobody has compared it yet."""
    status = app.get("status") or {}
    listed = status.get("resources")
    if listed is None:
        return [] if status.get("reconciledAt") and (status.get("sync") or {}).get("status") == "Synced" else None
    return list(_entries(listed))


def _entries(listed: Any) -> Iterator[Tracked]:
    for one in listed:
        words = (str(one.get(key) or "") for key in ("group", "version", "kind", "namespace", "name"))
        yield Tracked(*words)


def children_of(app: Object) -> list[Key]:
    """Applications that it deployed."""
    found = tracked_by(app) or []
    return [(one.namespace, one.name) for one in found if (one.group, one.kind) == CHILD]
