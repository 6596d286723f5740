"""What an object says of its owners: labels, annotations, owner references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.kube.resources import Ref
from pointsman.owners.contract import Object

__all__ = [
    "HELM",
    "KUSTOMIZE",
    "Name",
    "controller_of",
    "flux_release",
    "helm_release",
    "kustomization",
    "labels",
    "notes",
    "spec_of",
    "tracked",
]

TRACKING = "argocd.argoproj.io/tracking-id"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
HELM = "helm.toolkit.fluxcd.io"


@dataclass(frozen=True, slots=True)
class Name:
    """A namespace and a name in it; the namespace is empty when the object does not say it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def labels(live: Object) -> Mapping[str, str]:
    """Its labels."""
    return live["metadata"].get("labels") or {}


def spec_of(found: Object) -> Mapping[str, Any]:
    """Its spec; empty where there is none."""
    return found.get("spec") or {}


def notes(live: Object) -> Mapping[str, str]:
    """Its annotations."""
    return live["metadata"].get("annotations") or {}


def tracked(live: Object, ref: Ref) -> Name | None:
    """The Application in its tracking annotation, ``app:group/kind:namespace/name``.

    A copied annotation names another object; Argo CD does not believe it (3.2, resource tracking), nor is it believed
    here. Applications outside Argo CD's namespace are written ``namespace_app``.
    """
    parts = notes(live).get(TRACKING, "").split(":", 2)
    if len(parts) != 3:
        return None
    app, kind, place = parts
    if kind != f"{ref.kind.group}/{ref.kind.name}" or place != f"{ref.namespace or ''}/{ref.name}":
        return None
    namespace, _, name = app.rpartition("_")
    return Name(namespace, name)


def helm_release(live: Object) -> Name | None:
    """The release that ``helm install`` notes; a chart rendered by others has the label alone."""
    said = notes(live)
    name = said.get("meta.helm.sh/release-name")
    return Name(said.get("meta.helm.sh/release-namespace", ""), name) if name else None


def kustomization(live: Object) -> Name | None:
    """Flux's Kustomization."""
    return _flux(live, KUSTOMIZE)


def flux_release(live: Object) -> Name | None:
    """Flux's HelmRelease."""
    return _flux(live, HELM)


def _flux(live: Object, prefix: str) -> Name | None:
    name = labels(live).get(f"{prefix}/name")
    return Name(labels(live).get(f"{prefix}/namespace", ""), name) if name else None


def controller_of(live: Object) -> Mapping[str, Any] | None:
    """The owner reference of the controller that made it."""
    owners = live["metadata"].get("ownerReferences") or []
    return next((one for one in owners if one.get("controller")), None)
