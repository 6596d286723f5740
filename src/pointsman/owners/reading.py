"""Looks owners up: each list and each object once, and what may not be read is remembered, not taken for absent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from pointsman.errors import NotFoundError, PermanentError
from pointsman.kube.http import Caller
from pointsman.kube.resources import Kind, Ref, kind_of
from pointsman.kube.rights import Right, rights
from pointsman.owners.argo import LABEL, Settings, names_on
from pointsman.owners.argo_settings import settings_in
from pointsman.owners.autoscalers import REPLICAS
from pointsman.owners.contract import Change, Object
from pointsman.owners.judge import Known
from pointsman.owners.marks import Name, flux_release, kustomization

__all__ = ["Reader", "read_owners", "rights_to_look"]

T = TypeVar("T")

ARGO_CD = "argocd"
"""Argo CD's namespace, where no Application says another."""
_SETTINGS = "argocd-cm"


class Reader(Caller, Protocol):
    """What of the Kubernetes client is used here."""

    async def get(self, ref: Ref) -> Object:
        """The object, or NotFoundError."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> Sequence[Object]:
        """All objects of a kind."""


def rights_to_look() -> list[Right]:
    """What reading owners takes, in the whole cluster. None of it is needed: what is missing is said."""
    return [
        *rights(["list"], kind_of("Application")),
        *rights(["get"], kind_of("ConfigMap"), name=_SETTINGS),
        *rights(["get"], kind_of("Kustomization")),
        *rights(["get"], kind_of("HelmRelease")),
        *rights(["list"], kind_of("HorizontalPodAutoscaler")),
        *rights(["list"], kind_of("ScaledObject")),
    ]


async def read_owners(cluster: Reader, changes: Sequence[Change]) -> Known:
    """Whatever may own one of the objects. Raises ClusterError when the API server does not answer."""
    look = _Look(cluster)
    spaces = sorted({one.ref.namespace or "" for one in changes if REPLICAS in one.fields})
    (apps, settings), kustomizations, releases, hpas, scaled = await asyncio.gather(
        _applications(look, changes),
        look.named("Kustomization", (kustomization(one.live) for one in changes)),
        look.named("HelmRelease", (flux_release(one.live) for one in changes)),
        look.within("HorizontalPodAutoscaler", spaces),
        look.within("ScaledObject", spaces),
    )
    return Known(apps, settings, kustomizations, releases, hpas, scaled, tuple(look.absent), look.unread)


@dataclass
class _Look:
    """Reading that remembers what it was not given."""

    cluster: Reader
    absent: dict[str, None] = field(default_factory=dict)
    """Kinds that are not served, in order."""
    unread: dict[str, str] = field(default_factory=dict)

    async def listed(self, kind: str, namespace: str | None = None, fields: str = "") -> Sequence[Object]:
        return await self._told(kind, lambda: self.cluster.list(kind_of(kind), namespace, None, fields), [])

    async def within(self, kind: str, namespaces: Iterable[str]) -> tuple[Object, ...]:
        found = await asyncio.gather(*(self.listed(kind, space) for space in namespaces))
        return tuple(one for part in found for one in part)

    async def named(self, kind: str, names: Iterable[Name | None]) -> dict[Name, Object]:
        wanted = list(dict.fromkeys(one for one in names if one is not None))
        found = await asyncio.gather(*(self._one(Ref(kind_of(kind), one.name, one.namespace)) for one in wanted))
        return {name: one for name, one in zip(wanted, found, strict=True) if one is not None}

    async def _one(self, ref: Ref) -> Object | None:
        async def get() -> Object | None:
            try:
                return await self.cluster.get(ref)
            except NotFoundError:
                return None

        return await self._told(ref.kind.name, get, None)

    async def _told(self, kind: str, ask: Callable[[], Awaitable[T]], nothing: T) -> T:
        try:
            return await ask()
        except NotFoundError:
            self.absent[kind] = None
        except PermanentError as error:
            self.unread[kind] = _reason(kind, error)
        return nothing

    async def served(self, kind: str) -> None:
        """Remember whether the kind is served and may be listed, without reading any."""
        answer = await self.cluster.http("GET", kind_of(kind).path(), params={"limit": "1"})
        if answer.status == 404:
            self.absent[kind] = None
        elif answer.status in (401, 403):
            self.unread[kind] = _forbidden(kind)


def _reason(kind: str, error: PermanentError) -> str:
    return _forbidden(kind) if error.code == "cluster-forbidden" else error.what


def _forbidden(kind: str) -> str:
    known = kind_of(kind)
    return f"you may not read {known.plural}.{known.group}"


async def _applications(look: _Look, changes: Sequence[Change]) -> tuple[tuple[Object, ...], Settings]:
    """By the names that objects bear: an Argo CD may have thousands, each with a list of all its objects."""
    found = await _by_name(look, _names(changes, LABEL))
    if not found:
        await look.served("Application")
    if "Application" in look.absent:
        return (), Settings()
    settings = await _settings(look, found)
    if settings.label != LABEL:
        found |= await _by_name(look, _names(changes, settings.label) - _names(changes, LABEL))
    return tuple(found.values()), settings


def _names(changes: Sequence[Change], label: str) -> set[str]:
    return {name for one in changes for name in names_on(one.live, one.ref, label)}


async def _by_name(look: _Look, names: Iterable[str]) -> dict[Name, Object]:
    parts = await asyncio.gather(
        *(look.listed("Application", fields=f"metadata.name={name}") for name in sorted(names))
    )
    apps = [one for part in parts for one in part]
    return {Name(str(one["metadata"]["namespace"]), str(one["metadata"]["name"])): one for one in apps}


async def _settings(look: _Look, apps: Mapping[Name, Object]) -> Settings:
    places = {str((one.get("status") or {}).get("controllerNamespace") or "") for one in apps.values()} - {""}
    ref = Ref(kind_of("ConfigMap"), _SETTINGS, min(places, default=ARGO_CD))
    try:
        return settings_in(await look.cluster.get(ref))
    except NotFoundError:
        return Settings()
    except PermanentError:
        return replace(Settings(), unread=f"{ref}, which may overlook it for all Applications, may not be read")
