"""An Application as Argo CD writes it, read without believing more than is there (argo-cd 3.2, v1alpha1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointsman.delivery.argocd.shape import items, mapping, number, words
from pointsman.kube.resources import Ref, kind_of
from pointsman.owners.argo import here

__all__ = ["NOTE", "Application", "Resource", "application_ref", "time_of"]

NOTE = "argocd.argoproj.io/"
"""What Argo CD's own annotations begin with."""
REFRESH = f"{NOTE}refresh"
_UNABLE = ("ComparisonError", "InvalidSpecError", "UnknownError")
"""Conditions with which a sync ends at once (argo-cd 3.2, SyncAppState and refreshAppConditions)."""
_ACCEPTED = ("Healthy", "Suspended", "")
"""Health that is no reason to wait. Suspended is what a stopped InferenceService reads; "" is an empty Application."""


def application_ref(name: str, namespace: str) -> Ref:
    """Reference of an Application."""
    return Ref(kind_of("Application"), name, namespace)


def time_of(text: Any) -> datetime | None:
    """A time as Kubernetes writes it, with a grain of one second; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resource:
    """One object that an Application tracks, as ``status.resources`` lists it."""

    group: str
    kind: str
    namespace: str
    name: str
    status: str
    prune: bool
    """It is not in git any more."""

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


@dataclass(frozen=True, slots=True)
class Application:
    """One Application at one resourceVersion."""

    raw: Mapping[str, Any]

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return application_ref(str(self.metadata["name"]), str(self.metadata.get("namespace") or ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata."""
        return mapping(self.raw.get("metadata"))

    @property
    def name(self) -> str:
        """``namespace/name``, as people write it."""
        return f"{self.metadata.get('namespace')}/{self.metadata.get('name')}"

    @property
    def uid(self) -> str:
        """Which of all objects of this name it is."""
        return str(self.metadata.get("uid") or "")

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        return str(self.metadata.get("resourceVersion") or "")

    @property
    def deleting(self) -> bool:
        """Is it on its way out?"""
        return bool(self.metadata.get("deletionTimestamp"))

    def note(self, name: str) -> str:
        """One of Argo CD's annotations, by what follows ``argocd.argoproj.io/``."""
        return str(mapping(self.metadata.get("annotations")).get(NOTE + name) or "")

    @property
    def skipped(self) -> bool:
        """Does Argo CD leave it alone? The words are those that Go takes for true."""
        return self.note("skip-reconcile").lower() in ("1", "t", "true")

    @property
    def spec(self) -> Mapping[str, Any]:
        """What is wanted."""
        return mapping(self.raw.get("spec"))

    @property
    def status(self) -> Mapping[str, Any]:
        """What Argo CD says."""
        return mapping(self.raw.get("status"))

    @property
    def policy(self) -> Mapping[str, Any]:
        """``spec.syncPolicy``."""
        return mapping(self.spec.get("syncPolicy"))

    @property
    def automated(self) -> bool:
        """Does Argo CD sync it by itself? ``automated: {}`` does."""
        automated = self.policy.get("automated")
        return automated is not None and mapping(automated).get("enabled") is not False

    @property
    def options(self) -> list[str]:
        """``spec.syncPolicy.syncOptions``."""
        return words(self.policy.get("syncOptions"))

    @property
    def several(self) -> bool:
        """Has it ``spec.sources``, so that revisions are a list?"""
        return bool(self.spec.get("sources"))

    @property
    def hydrated(self) -> bool:
        """Does a hydrator write the commits that are synced (``spec.sourceHydrator``)?"""
        return bool(self.spec.get("sourceHydrator"))

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """Where it comes from; of a hydrated one the place that is synced."""
        if self.several:
            return items(self.spec.get("sources"))
        if self.hydrated:
            hydrator = mapping(self.spec.get("sourceHydrator"))
            dry, synced = mapping(hydrator.get("drySource")), mapping(hydrator.get("syncSource"))
            place = {"path": synced.get("path"), "targetRevision": synced.get("targetBranch")}
            return [{"repoURL": dry.get("repoURL"), **place}]
        source = mapping(self.spec.get("source"))
        return [source] if source else []

    @property
    def remote(self) -> bool:
        """Does it deliver into another cluster than the one it is in?"""
        return not here(mapping(self.spec.get("destination")))

    @property
    def operation(self) -> Mapping[str, Any] | None:
        """The operation that is asked for, or runs; None when there is none."""
        found = self.raw.get("operation")
        return found if isinstance(found, Mapping) else None

    @property
    def state(self) -> Mapping[str, Any]:
        """``status.operationState``: how the last operation goes, or went."""
        return mapping(self.status.get("operationState"))

    @property
    def reconciled_at(self) -> datetime | None:
        """When it was last compared with git."""
        return time_of(self.status.get("reconciledAt"))

    @property
    def compared(self) -> tuple[str, ...]:
        """The revision it was last compared with, of each source."""
        return _revisions(mapping(self.status.get("sync")))

    @property
    def delivered(self) -> tuple[str, ...]:
        """The revision of each source that its last complete sync applied; empty when there was none."""
        entries = items(self.status.get("history"))
        return _revisions(max(entries, key=lambda one: number(one.get("id"), 0))) if entries else ()

    @property
    def applied(self) -> tuple[str, ...]:
        """The revision of each source that the operation in ``state`` used."""
        return _revisions(mapping(self.state.get("syncResult")))

    @property
    def sync(self) -> str:
        """Synced, OutOfSync or Unknown."""
        return str(mapping(self.status.get("sync")).get("status") or "Unknown")

    @property
    def health(self) -> str:
        """What Argo CD makes of the health of all it tracks."""
        return str(mapping(self.status.get("health")).get("status") or "")

    @property
    def accepted_health(self) -> bool:
        """Is Argo CD's health no reason to wait? It is never a reason not to."""
        return self.health in _ACCEPTED

    @property
    def resources(self) -> list[Resource]:
        """All it tracks."""
        return [_resource(one) for one in items(self.status.get("resources"))]

    @property
    def out_of_sync(self) -> list[Resource]:
        """What of it is not as git says."""
        return [one for one in self.resources if one.status == "OutOfSync" or one.prune]

    @property
    def unable(self) -> list[str]:
        """What keeps Argo CD from comparing or syncing it at all; a sync that failed once does not."""
        return [one for one in self.errors if one.partition(":")[0] in _UNABLE]

    @property
    def errors(self) -> list[str]:
        """Conditions that are errors: ``ComparisonError: repository not accessible``."""
        found = items(self.status.get("conditions"))
        return [f"{one.get('type')}: {one.get('message')}" for one in found if str(one.get("type")).endswith("Error")]


def _resource(found: Mapping[str, Any]) -> Resource:
    said = {key: str(found.get(key) or "") for key in ("group", "kind", "namespace", "name", "status")}
    return Resource(**said, prune=bool(found.get("requiresPruning")))


def _revisions(found: Mapping[str, Any]) -> tuple[str, ...]:
    one = found.get("revision")
    return tuple(words(found.get("revisions"))) or ((str(one),) if one else ())
