"""What is listed of a cluster: each kind once, in pages, counted; what may not be listed is kept apart from nothing.

A kind that the cluster does not serve has no objects. One whose list is refused, or breaks off half way, has an
unknown number of them, and whoever reads it here is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pointsman.errors import ClusterError, NotFoundError
from pointsman.kube.answers import HOPELESS
from pointsman.kube.namespaces import unknown_among
from pointsman.kube.resources import KINDS, Kind, kind_of
from pointsman.kube.shapes import misfit
from pointsman.move.boundary import Cluster, Object

__all__ = ["Sight", "look", "look_up"]

AT_ONCE = 6
"""Lists under way at a time."""


@dataclass(slots=True)
class Sight:
    """Objects by the name of their kind."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    """Kinds, or other things, that could not be looked at, and why."""
    calls: int = 0
    """Answers to lists: a long one comes in several pages."""

    def of(self, kind: str) -> list[Object]:
        """What is there; nothing where that is not known."""
        return self.objects.get(kind, [])

    def holds(self, namespace: str) -> bool:
        """Was anything of this namespace seen?"""
        return any(one["metadata"].get("namespace") == namespace for some in self.objects.values() for one in some)

    def knows(self, *kinds: str) -> bool:
        """Were all of these listed to the end?"""
        return all(kind in self.objects for kind in kinds)


async def look(cluster: Cluster, kinds: Iterable[str]) -> Sight:
    """List these kinds; raises ClusterError where the cluster cannot be asked at all."""
    found, gate = Sight(), asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with gate:
            try:
                found.objects[name] = await _all(cluster, name, found)
            except ClusterError as error:
                if error.code in HOPELESS:
                    raise
                found.unseen[name] = error.what

    await asyncio.gather(*map(one, kinds))
    return found


async def look_up(cluster: Cluster, namespaces: Iterable[str], sight: Sight) -> None:
    """Raise UsageError for a namespace that is not there; of which nothing is known, that is among the unseen."""
    for name, why in (await unknown_among(cluster, namespaces)).items():
        if not sight.holds(name):
            sight.unseen[f"namespace {name}"] = why


async def _all(cluster: Cluster, name: str, counted: Sight) -> list[Object]:
    """In the newest version that the cluster serves; none where it serves no such kind."""
    for kind in _versions(name):
        items: list[Object] = []
        try:
            async for page in cluster.pages(kind):
                counted.calls += 1
                items += _fitting(name, page, counted)
        except NotFoundError:
            counted.calls += 1
            continue
        return items
    return []


def _fitting(name: str, page: Iterable[Object], counted: Sight) -> Iterator[Object]:
    """Those that are what they are said to be; others are told."""
    namespaced = kind_of(name).namespaced
    for one in page:
        wrong = misfit(name, one)
        if not wrong and namespaced and not one["metadata"].get("namespace"):
            wrong = "it is in no namespace"
        if not wrong:
            yield one
            continue
        said = one.get("metadata")
        called = said.get("name") if isinstance(said, dict) else None
        counted.unseen[f"{name} {called}"[:200]] = f"what the API server says of it is odd: {wrong}"


def _versions(name: str) -> list[Kind]:
    newest = kind_of(name)
    return [newest, *(kind for kind in reversed(KINDS) if kind.name == name and kind != newest)]
