"""What goes with each Application that vanishes, looked up in the cluster; and whether that may happen unasked.

Nothing is lost in silence: whatever cannot be looked up makes the Application one that has to be named, just as GPUs
and volumes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pointsman.errors import ClusterError
from pointsman.kube.resources import KINDS, Kind, Ref
from pointsman.root.applications import CHILD, Object, Tracked, deletes, here, tracked_by
from pointsman.root.burden import BARE, LOOKED_UP, Burden, Volume, burden_of, is_left
from pointsman.root.changes import Ending

__all__ = ["Held", "Loss", "Reader", "losses"]

AT_ONCE = 24
"""Objects asked for at the same time."""
PATIENCE = 10.0
"""Seconds for one object; after that it is unknown."""
_KINDS = {(kind.group, kind.name): kind for kind in KINDS}
_SWEEPING = {
    ("", "Namespace"): "everything in it goes too",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "every object of that kind goes too",
}


class Reader(Protocol):
    """The calls that are made to find out."""

    async def find(self, ref: Ref) -> Object | None:
        """The object, or None."""


@dataclass(frozen=True, slots=True)
class Held:
    """An object of an Application that holds something, or may."""

    name: str
    burden: Burden
    left: bool = False
    """Does it stay although its Application is deleted?"""


@dataclass(frozen=True, slots=True)
class Loss:
    """What the end of one Application means."""

    ending: Ending
    deletes: bool
    """Are its objects deleted? Otherwise all of them are left running."""
    count: int
    """Objects that it lists."""
    held: tuple[Held, ...] = ()
    unknown: str = ""
    """Why its objects are not known."""
    objects: tuple[Tracked, ...] = ()
    """All of them, those that hold nothing too."""

    @property
    def gpus(self) -> int:
        """GPUs of the pods that there are, at most."""
        return sum(one.burden.gpus for one in self.held if not one.left)

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """Claims."""
        return tuple(volume for one in self.held if not one.left for volume in one.burden.volumes)

    @property
    def gone(self) -> tuple[Tracked, ...]:
        """Its objects that are deleted with it."""
        left = {one.name for one in self.held if one.left}
        return tuple(one for one in self.objects if str(one) not in left) if self.deletes else ()

    @property
    def unknowns(self) -> tuple[str, ...]:
        """What cannot be told."""
        parts = (f"{one.name}: {one.burden.unknown}" for one in self.held if one.burden.unknown and not one.left)
        return (*([self.unknown] if self.unknown else []), *parts)

    @property
    def has_to_be_named(self) -> bool:
        """May it only be deleted by name?"""
        asks = any(one.burden.asks for one in self.held if not one.left)
        return self.deletes and bool(asks or self.gpus or self.volumes or self.unknowns)

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "name": self.ending.label,
            "namespace": self.ending.key[0],
            "why": self.ending.why,
            "objects": "deleted" if self.deletes else "left running",
            "count": self.count,
            "gpus": self.gpus,
            "gpuWorkloads": [
                {"name": one.name, "gpus": one.burden.gpus} for one in self.held if one.burden.asks and not one.left
            ],
            "volumes": [{"claim": one.claim, "size": one.size} for one in self.volumes],
            "unknown": list(self.unknowns),
            "stay": [one.name for one in self.held if one.left],
            "hasToBeNamed": self.has_to_be_named,
        }


async def losses(endings: Iterable[Ending], live: Mapping[tuple[str, str], Object], reader: Reader) -> list[Loss]:
    """Of each Application that vanishes."""
    room = asyncio.Semaphore(AT_ONCE)
    return list(await asyncio.gather(*(_of(one, live[one.key], reader, room) for one in endings)))


async def _of(ending: Ending, app: Object, reader: Reader, room: asyncio.Semaphore) -> Loss:
    found = tracked_by(app)
    if found is None:
        return Loss(ending, deletes(app), 0, unknown="it does not say what it deployed: Argo CD has not compared it")
    objects = [one for one in found if (one.group, one.kind) != CHILD]
    if not here(app):
        why = "it deploys to another cluster, which was not asked" if objects else ""
        return Loss(ending, deletes(app), len(objects), unknown=why)
    held = await asyncio.gather(*(_held(one, reader, room) for one in objects))
    kept = tuple(one for one in held if one is not None)
    return Loss(ending, deletes(app), len(objects), kept, objects=tuple(objects))


async def _held(tracked: Tracked, reader: Reader, room: asyncio.Semaphore) -> Held | None:
    """None for what holds nothing, or is gone already."""
    of_kind = (tracked.group, tracked.kind)
    if of_kind in BARE:
        return None
    if of_kind not in LOOKED_UP:
        why = _SWEEPING.get(of_kind, "what an object of this kind holds is not known")
        return Held(str(tracked), Burden(unknown=why))
    try:
        async with room, asyncio.timeout(PATIENCE):
            live = await reader.find(Ref(_kind(tracked), tracked.name, tracked.namespace or None))
    except ClusterError as error:
        return Held(str(tracked), Burden(unknown=f"it could not be looked up: {error.what}"))
    except TimeoutError:
        return Held(str(tracked), Burden(unknown=f"it could not be looked up within {PATIENCE:g} s"))
    if live is None:
        return None
    found = burden_of({**live, "kind": tracked.kind})
    return Held(str(tracked), found, is_left(live)) if found != Burden() else None


def _kind(tracked: Tracked) -> Kind:
    """In the version that Argo CD found it in."""
    known = _KINDS[tracked.group, tracked.kind]
    return replace(known, version=tracked.version or known.version)
