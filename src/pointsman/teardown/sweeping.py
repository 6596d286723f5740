"""What an Application takes along beyond what it lists: all that is in its namespaces, all objects of its kinds.

Whoever deletes a Namespace, or the definition of a kind, deletes what others put there, too. So that is looked for by
name before, and stops everything; what is marked ``Delete=false`` stays when its Application goes (argo-cd 3.2).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable

from pointsman.errors import NotFoundError
from pointsman.kube.resources import KINDS, Kind, Ref, kind_of
from pointsman.leaving.keeper import Trap
from pointsman.move.boundary import Cluster
from pointsman.owners.marks import controller_of
from pointsman.root.applications import tracked_by
from pointsman.root.burden import is_left
from pointsman.teardown.sets import SetView

__all__ = ["swept"]

WITHIN = (
    *("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "PersistentVolumeClaim"),
    *("InferenceService", "LLMInferenceService"),
)
"""What in a namespace would be missed."""
SHOWN = 3
_BY_DEFINITION = {f"{kind.plural}.{kind.group}": kind for kind in KINDS if kind.group}


async def swept(cluster: Cluster, views: Iterable[SetView], ours: Collection[Ref]) -> list[Trap]:
    """What of others would go with a Namespace or a definition that an Application keeps."""
    listed = [one for view in views for app in view.apps for one in tracked_by(app) or []]
    known = {(one.kind, one.namespace, one.name) for one in listed}
    known |= {(ref.kind.name, ref.namespace or "", ref.name) for ref in ours}
    traps = []
    for one in dict.fromkeys(each for each in listed if each.kind in ("Namespace", "CustomResourceDefinition")):
        live = await cluster.find(Ref(kind_of(one.kind), one.name))
        if live is None or is_left(live):
            continue
        taken = [
            str(ref)
            async for ref in _taken(cluster, one.kind, one.name)
            if (ref.kind.name, ref.namespace or "", ref.name) not in known
        ]
        if taken:
            traps.append(
                Trap(
                    code="teardown-swept",
                    what=f"{one.kind} {one.name} would go with its Application, and {', '.join(taken[:SHOWN])} with it",
                    remedy=f"kubectl annotate {one.kind.lower()} {one.name} argocd.argoproj.io/sync-options="
                    "Delete=false keeps it (write it into git, too); or move what is not yours elsewhere",
                    stops=True,
                )
            )
    return traps


async def _taken(cluster: Cluster, kind: str, name: str) -> AsyncIterator[Ref]:
    places = [(kind_of(each), name) for each in WITHIN] if kind == "Namespace" else _of(name)
    for each, space in places:
        try:
            found = await cluster.list(each, space)
        except NotFoundError:
            continue
        for one in found:
            if controller_of(one) is None:
                yield Ref(each, str(one["metadata"]["name"]), one["metadata"].get("namespace"))


def _of(definition: str) -> list[tuple[Kind, str | None]]:
    kind = _BY_DEFINITION.get(definition)
    return [(kind, None)] if kind is not None else []
