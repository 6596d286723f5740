"""Objects of very many models, found with few calls, and nothing read that is not theirs.

Every object that we render carries our label, and most that controllers make from them inherit it: those are listed.
Of the rest only names are listed, in the namespaces where something is missing, and what is wanted of them is asked
for. So a cluster may hold any number of other people's Deployments, and an object whose labels somebody took away
is found all the same.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

from pointsman.errors import NotFoundError
from pointsman.kube.resources import Kind, Ref
from pointsman.move.boundary import Cluster, Object

__all__ = ["Found", "each", "labelled", "rest"]

Found = dict[Ref, Object]

OURS = "pointsman.dev/model"
AT_ONCE = 16
"""Calls under way at a time."""
FEW = 40
"""So many objects of a namespace are asked for by name; beyond that listing all of them is quicker."""
NAMESPACES = 30
"""In so many namespaces names are listed one namespace after the other; beyond that the cluster is listed at once."""


async def each(cluster: Cluster, refs: Iterable[Ref]) -> Found:
    """Each of these objects by name; one that does not exist is left out."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(ref: Ref) -> tuple[Ref, Object | None]:
        async with gate:
            return ref, await cluster.find(ref)

    return {ref: item for ref, item in await asyncio.gather(*map(one, refs)) if item is not None}


async def labelled(cluster: Cluster, kinds: Collection[Kind]) -> Found:
    """Every object of these kinds that carries our label; a kind that the cluster does not serve has none."""
    found: Found = {}
    for part in await asyncio.gather(*(_listed(cluster, kind, None, {OURS: ""}) for kind in kinds)):
        found |= part
    return found


async def rest(cluster: Cluster, wanted: Collection[Ref], found: Found) -> Found:
    """Those of the wanted objects that exist and do not carry our label."""
    missing: dict[tuple[Kind, str | None], set[Ref]] = defaultdict(set)
    for ref in wanted:
        if ref not in found:
            missing[ref.kind, ref.namespace].add(ref)
    spread = {kind for kind, _ in missing if sum(other == kind for other, _ in missing) > NAMESPACES}
    parts = await asyncio.gather(
        *(_listed(cluster, kind, None, {f"!{OURS}": ""}) for kind in spread),
        *(_named(cluster, *place, refs) for place, refs in missing.items() if place[0] not in spread),
    )
    return {ref: item for part in parts for ref, item in part.items() if ref in missing[ref.kind, ref.namespace]}


async def _named(cluster: Cluster, kind: Kind, namespace: str | None, refs: set[Ref]) -> Found:
    """Those of one namespace."""
    try:
        names = set(await cluster.names(kind, namespace, {f"!{OURS}": ""}))
    except NotFoundError:
        return {}
    there = [ref for ref in refs if ref.name in names]
    if len(there) > FEW:
        return await _listed(cluster, kind, namespace, {f"!{OURS}": ""})
    return await each(cluster, there)


async def _listed(cluster: Cluster, kind: Kind, namespace: str | None, labels: dict[str, str]) -> Found:
    found: Found = {}
    try:
        async for page in cluster.pages(kind, namespace, labels):
            for item in page:
                metadata = item["metadata"]
                found[Ref(kind, metadata["name"], metadata.get("namespace"))] = item
    except NotFoundError:
        return {}
    return found
