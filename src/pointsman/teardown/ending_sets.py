"""The end of one ApplicationSet: its Applications are let go of first, so that nobody makes them again.

With the set deleted and its Applications left (``Orphan``), each of them is given Argo CD's finalizer where it has none
and deleted; then its objects go with it. What it listed is kept from before, since nobody lists it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.leaving.acts import delete_all, end_application, keep_claims
from pointsman.leaving.keeper import CLAIM
from pointsman.move.boundary import Cluster, Object
from pointsman.root.applications import children_of, deletes, key_of, made_by, tracked_by
from pointsman.root.burden import LOOKED_UP
from pointsman.teardown.sets import refs_of

__all__ = ["EndingSet"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"
APPLICATION = kind_of("Application")
SHOWN = 3
"""Names of objects that one error tells."""


@dataclass(frozen=True, slots=True)
class EndingSet:
    """One."""

    cluster: Cluster
    ref: Ref
    timeout: float
    keep_volumes: bool

    async def seen(self) -> dict[str, Any]:
        """Applications that it made, all that are below them, and what these keep that costs something."""
        apps = {key_of(one): one for one in await self.cluster.list(APPLICATION)}
        roots = sorted(key for key, app in apps.items() if key[0] == self.ref.namespace and made_by(app, self.ref.name))
        every, todo = list[tuple[str, str]](), list(roots)
        while todo:
            key = todo.pop(0)
            if key in apps and key not in every:
                every.append(key)
                todo += children_of(apps[key])
        held = [one for key in every for one in tracked_by(apps[key]) or [] if (one.group, one.kind) in LOOKED_UP]
        return {
            "roots": [list(key) for key in roots],
            "apps": [list(key) for key in every],
            "held": [f"{ref.kind.name} {ref.namespace}/{ref.name}" for ref in refs_of(held)],
        }

    async def end(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        """Let go, delete, and look whether all of it is gone."""
        held = [_named(one) for one in seen["held"]]
        if self.keep_volumes:
            await keep_claims(self.cluster, held)
        await self.cluster.delete(self.ref, propagation="Orphan")
        await self.cluster.wait_gone(self.ref, self.timeout)
        apps = [Ref(APPLICATION, name, namespace) for namespace, name in seen["apps"]]
        for ref in apps:
            await self._finalized(ref)
        for namespace, name in seen["roots"]:
            await end_application(self.cluster, Ref(APPLICATION, name, namespace), self.timeout)
        await delete_all(self.cluster, apps, self.timeout)
        await self._refuse_left([ref for ref in held if not (self.keep_volumes and ref.kind.name == CLAIM)])
        return {"applications": [ref.name for ref in apps], "objects": len(held)}

    async def _finalized(self, ref: Ref) -> None:
        live: Object | None = await self.cluster.find(ref)
        if live is None or deletes(live) or "deletionTimestamp" in live["metadata"]:
            return
        wanted = [*(live["metadata"].get("finalizers") or []), FINALIZER]
        await self.cluster.patch(ref, {"metadata": {"finalizers": wanted}})

    async def _refuse_left(self, refs: Sequence[Ref]) -> None:
        left = []
        for ref in refs:
            live = await self.cluster.find(ref)
            if live is not None and not _kept(live):
                left.append(ref)
        if left:
            raise NeedsPersonError(
                f"{self.ref} is gone with its Applications, and {', '.join(map(str, left[:SHOWN]))} is still there",
                where=str(left[0]),
                next_action="see who keeps it (kubectl get -o yaml), delete it, then run this again",
                code="teardown-undone",
            )


def _kept(live: Object) -> bool:
    said = str((live["metadata"].get("annotations") or {}).get("argocd.argoproj.io/sync-options", ""))
    return "Delete=false" in said


def _named(text: str) -> Ref:
    kind, _, place = text.partition(" ")
    namespace, _, name = place.partition("/")
    return Ref(kind_of(kind), name, namespace)
