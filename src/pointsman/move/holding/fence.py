"""A lock that a slow process cannot use late: nothing is changed once the last renewal is too old.

The journal is fenced by itself: a record based on an old version is refused by the API server. What lies between two
records is fenced here, by the process's own clock: a process that was stopped, or cut off, for longer than its lock
lives finds that out before its next change and not after it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

from pointsman.edge.contract import Edge, Member, Owe, Reason
from pointsman.edge.wrapped import WrappedEdge
from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref
from pointsman.move.boundary import Cluster, Object
from pointsman.move.holding.lock import DURATION

__all__ = ["Fence", "FencedEdge", "fenced"]

MARGIN = 0.9
"""Share of a lock's life after which its holder takes it for lost."""


class Fence:
    """Open while the lock is fresh."""

    def __init__(self) -> None:
        self._renewed: float | None = None

    def renewed(self) -> None:
        """The lock was taken or renewed just now."""
        self._renewed = asyncio.get_running_loop().time()

    def lost(self) -> None:
        """The lock is somebody else's, or may be: nothing is changed any more."""
        self._renewed = -math.inf

    def left(self) -> None:
        """The lock was given back: what is done now needs none."""
        self._renewed = None

    def check(self) -> None:
        """Raise NeedsPersonError when the last renewal is too old to change anything."""
        if self._renewed is None:
            return
        age = asyncio.get_running_loop().time() - self._renewed
        if age > MARGIN * DURATION:
            raise NeedsPersonError(
                "this process lost its lock, or was held up for longer than a lock lives; it changes nothing more",
                next_action="pointsman status, to see who carries on; pointsman resume or rollback",
                code="move-lost",
            )


class _FencedCluster:
    """A cluster whose changes pass the fence. Everything else is the cluster's own."""

    def __init__(self, cluster: Cluster, check: Callable[[], None]) -> None:
        self._cluster = cluster
        self._check = check

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def apply(self, manifest: Object, *, force: bool = True, dry_run: bool = False) -> Object:
        """Server-side apply."""
        self._check()
        return await self._cluster.apply(manifest, force=force, dry_run=dry_run)

    async def create(self, manifest: Object) -> Object:
        """Create."""
        self._check()
        return await self._cluster.create(manifest)

    async def replace(self, manifest: Object, *, subresource: str = "") -> Object:
        """Replace."""
        self._check()
        return await self._cluster.replace(manifest, subresource=subresource)

    async def patch(self, ref: Ref, body: Any, *, subresource: str = "", kind: str = "merge") -> Object:
        """Patch."""
        self._check()
        return await self._cluster.patch(ref, body, subresource=subresource, kind=kind)

    async def delete(
        self, ref: Ref, *, propagation: str = "Background", missing_ok: bool = True, grace: int | None = None
    ) -> None:
        """Delete."""
        self._check()
        await self._cluster.delete(ref, propagation=propagation, missing_ok=missing_ok, grace=grace)


def fenced(cluster: Cluster, fence: Fence) -> Cluster:
    """The cluster behind the fence."""
    return cast("Cluster", _FencedCluster(cluster, fence.check))


class FencedEdge(WrappedEdge):
    """An edge whose changes pass the fence."""

    def __init__(self, edge: Edge, fence: Fence) -> None:
        super().__init__(edge)
        self._fence = fence

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members, if the lock is still ours."""
        self._fence.check()
        return await super().write(members, why)

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """Declare what was declared before, if the lock is still ours."""
        self._fence.check()
        return await super().put_back(members, why, owe)

    async def settle(self) -> str:
        """Do what is owed, if the lock is still ours."""
        self._fence.check()
        return await super().settle()

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Take back what was proposed, if the lock is still ours."""
        self._fence.check()
        await super().withdraw(keep)

    async def remove(self, why: Reason | None = None) -> str:
        """Take the aliases away, if the lock is still ours."""
        self._fence.check()
        return await super().remove(why)
