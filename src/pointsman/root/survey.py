"""One look at the cluster: which Applications are there, what a profile changes of them, and what goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.catalog.profile import Profile
from pointsman.errors import ClusterError, NotFoundError, PermanentError
from pointsman.kube.quantity import whole
from pointsman.kube.resources import Kind, kind_of
from pointsman.report.counting import count_of
from pointsman.root.applications import Object, children_of, key_of
from pointsman.root.changes import changes
from pointsman.root.losses import Loss, Reader, losses

__all__ = ["Cluster", "Survey", "survey", "vanishing"]

GPU = "nvidia.com/gpu"
"""As nodes advertise them."""


class Cluster(Reader, Protocol):
    """The calls of ``pointsman.kube.client.Client`` that are made here."""

    def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """All objects of a kind, a page at a time."""

    async def apply(self, manifest: dict[str, Any], *, force: bool = True, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found."""

    appear: tuple[tuple[str, str], ...]
    """Name, and what makes it."""
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]

    def unnamed(self, named: set[str]) -> list[str]:
        """Applications that may be deleted only by name, and were not named."""
        return [name for one in self.losses if one.has_to_be_named and (name := one.ending.label) not in named]

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "appear": [{"name": name, "by": by} for name, by in self.appear],
            "vanish": [one.as_dict() for one in self.losses],
            "notes": list(self.notes),
        }


async def survey(profile: Profile, cluster: Cluster) -> Survey:
    """Look."""
    live = await _applications(profile, cluster)
    found = changes(profile, live)
    lost = await losses(found.vanish.values(), live, cluster)
    appear = tuple((key[1], by) for key, by in found.appear.items())
    notes = [*found.notes, *await _few_gpus(profile, cluster)]
    return Survey(appear, tuple(lost), tuple(dict.fromkeys(notes)))


async def vanishing(before: Profile, after: Profile, cluster: Cluster) -> tuple[Loss, ...]:
    """What the step from one to the other makes vanish, and nothing that vanishes anyway."""
    live = await _applications(before, cluster)
    known, found = changes(before, live).vanish, changes(after, live).vanish
    return tuple(await losses((one for key, one in found.items() if key not in known), live, cluster))


async def _few_gpus(profile: Profile, cluster: Cluster) -> list[str]:
    """Groups that need more GPUs than the nodes that are there now have; a pool may still grow, so it stops nothing."""
    if not profile.gpus:
        return []
    try:
        nodes = [node async for page in cluster.pages(kind_of("Node")) for node in page]
        have = sum(whole(((node.get("status") or {}).get("allocatable") or {}).get(GPU, 0)) for node in nodes)
    except (ClusterError, ValueError, TypeError, AttributeError):
        return [
            f"group {group} needs {count_of(gpus, 'GPU')}; how many there are cannot be told"
            for group, gpus in profile.gpus.items()
        ]
    few = {group: gpus for group, gpus in profile.gpus.items() if gpus > have}
    return [
        f"group {group} needs {count_of(gpus, 'GPU')}, and the nodes have {have} now" for group, gpus in few.items()
    ]


async def _applications(profile: Profile, cluster: Cluster) -> dict[tuple[str, str], Object]:
    """In the namespaces of the sets, where the catalog puts Applications, and where those there have theirs."""
    spaces = {one.namespace for one in profile.sets}
    spaces |= {child.namespace for folder in profile.children.values() for child in folder or ()}
    live: dict[tuple[str, str], Object] = {}
    read: set[str] = set()
    try:
        while more := spaces - read:
            found = await asyncio.gather(*(_in(space, cluster) for space in sorted(more)))
            live |= {key_of(app): app for some in found for app in some}
            read |= more
            spaces = {child[0] for app in live.values() for child in children_of(app)}
    except NotFoundError as error:
        raise PermanentError(
            "the cluster knows no Applications: Argo CD is not installed there",
            where=error.where,
            next_action="install Argo CD, or check the kubeconfig's context",
            code="argo-missing",
        ) from error
    return live


async def _in(namespace: str, cluster: Cluster) -> list[Object]:
    return [app async for page in cluster.pages(kind_of("Application"), namespace) for app in page]
