"""Argo CD's side of a cluster in memory: Applications, what they deployed, and what is applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pointsman.kube.resources import KINDS, Kind, Ref
from tests.cli.cluster import ReadOnlyCluster

__all__ = ["ArgoCluster", "application", "claim", "deployment"]

Object = dict[str, Any]
FINALIZER = "resources-finalizer.argocd.argoproj.io"


@dataclass
class ArgoCluster(ReadOnlyCluster):
    """It takes server-side apply, and remembers what was applied, in order."""

    applied: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    refuses: str = ""
    """Name of an object that it does not take."""
    leftovers: Object = field(default_factory=dict)
    """What somebody else set in the specs of ApplicationSets."""
    bodies: list[Object] = field(default_factory=list)

    @classmethod
    def holding(cls, *objects: Object) -> ArgoCluster:
        return cls({_ref(one): one for one in objects})

    def patched(self, target: str, body: Object) -> tuple[int, Object]:
        parts = urlsplit(target)
        name = f"{body['kind']}/{body['metadata']['name']}"
        if body["metadata"]["name"] == self.refuses:
            return 422, {"kind": "Status", "code": 422, "message": f"{name} is invalid"}
        assert parse_qs(parts.query)["fieldManager"] == ["pointsman"]
        if "dryRun" in parse_qs(parts.query):
            self.tried.append(name)
        else:
            self.applied.append(name)
            self.bodies.append(body)
        return 200, body | ({"spec": body["spec"] | self.leftovers} if body["kind"] == "ApplicationSet" else {})


def _ref(one: Object) -> Ref:
    """In any version, and of any kind."""
    group, _, version = one["apiVersion"].rpartition("/")
    known = next((kind for kind in KINDS if (kind.group, kind.name) == (group, one["kind"])), None)
    plural = known.plural if known else f"{one['kind'].lower()}s"
    kind = Kind(group, version, one["kind"], plural, known.namespaced if known else True)
    return Ref(kind, one["metadata"]["name"], one["metadata"].get("namespace"))


def application(
    name: str,
    owner: str = "",
    holds: Iterable[Object] = (),
    finalizers: Sequence[str] = (FINALIZER,),
    server: str = "https://kubernetes.default.svc",
    annotations: dict[str, str] | None = None,
    compared: bool = True,
) -> Object:
    """An Application that Argo CD has synced."""
    owners = [{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": owner, "uid": "1"}]
    status: Object = {"reconciledAt": "2026-01-01T00:00:00Z", "sync": {"status": "Synced"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "finalizers": list(finalizers),
            "annotations": annotations or {},
            **({"ownerReferences": owners} if owner else {}),
        },
        "spec": {"destination": {"server": server, "namespace": "serving"}},
        "status": {**status, "resources": [_entry(one) for one in holds]} if compared else {},
    }


def _entry(one: Object) -> Object:
    group, _, version = one["apiVersion"].rpartition("/")
    place = {"namespace": one["metadata"].get("namespace"), "name": one["metadata"]["name"]}
    return {"group": group, "version": version, "kind": one["kind"], **place, "status": "Synced"}


def deployment(name: str, gpus: int = 1, replicas: int | None = 1, namespace: str = "serving") -> Object:
    """An engine."""
    container = {"name": "vllm", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "template": {"spec": {"containers": [container, {"name": "sidecar"}]}},
        },
    }


def claim(name: str, size: str = "50Gi", namespace: str = "serving") -> Object:
    """A volume."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"resources": {"requests": {"storage": size}}},
    }
