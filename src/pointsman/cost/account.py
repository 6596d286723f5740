"""One account of a cluster: lists, readings of engines, prices, all as data under stable names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.cost.aliases import ReadEdge, prices_at_edges
from pointsman.cost.bill import BY, groups_of, row_of
from pointsman.cost.engines import watch
from pointsman.cost.entrances import entrances_in
from pointsman.cost.gpus import Gpus, engines_among, gpus_in
from pointsman.cost.items import GPU, Item
from pointsman.cost.lacking import lacking
from pointsman.cost.models import Owners, owners_of
from pointsman.cost.prices import Book
from pointsman.cost.sight import Sight, look, look_up
from pointsman.cost.sums import total
from pointsman.cost.tokens import tokens_of
from pointsman.cost.volumes import volumes_in
from pointsman.cost.wanted import Wanted
from pointsman.errors import ClusterError, UsageError
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Clock, Cluster
from pointsman.move.probes.pods import EnginePod
from pointsman.move.records import Record, records
from pointsman.report.counting import count_of

__all__ = ["KINDS", "Means", "account", "items_in", "known_records"]

KINDS = ("Node", "Pod", "PersistentVolumeClaim", "PersistentVolume", "Service", "Gateway", "Ingress")
"""What is listed."""
ASKED = 64
"""Engines that are asked what they do when nobody says for how long: each is a call, and one of a thousand such answers
comes through the API server, too."""
MEANING = (
    "used is the share of looks at which an engine had a request running, or had made tokens since the look before; "
    "one request counts as much as a hundred, and GPUs without an engine of a model have no counters, so their use is "
    "not known"
)


@dataclass(frozen=True, slots=True)
class Means:
    """What an account needs from outside."""

    cluster: Cluster
    clock: Clock
    layers: Sequence[Layer]
    read_edge: ReadEdge


async def account(means: Means, book: Book | None, wanted: Wanted) -> dict[str, Any]:
    """Look, and watch engines for a while; of one model, layer, namespace or alias alone when that is wanted."""
    sight = await look(means.cluster, KINDS)
    await look_up(means.cluster, [wanted.namespace] if wanted.namespace else [], sight)
    known = _meant(await known_records(means.cluster, sight), wanted, listed=sight.knows("Model"))
    owners = owners_of(known, means.layers)
    engines = engines_among(sight, owners)
    pods = _by_name(engines if wanted.seconds or len(engines) <= ASKED else [])
    uses = await watch(means.cluster, means.clock, list(pods.values()), wanted.seconds)
    priced = await prices_at_edges(list(owners.models.values()), means.read_edge)
    sight.unseen |= dict(priced.unseen)
    prices = book.prices if book else None
    gpus = gpus_in(sight, owners, uses, prices)
    items = wanted.of(items_in(sight, owners, gpus, book), owners)
    parked, lacks = _parked(items), lacking(sight, wanted)
    return {
        "prices": book.as_dict() if book else None,
        "used": {"seconds": wanted.seconds, "meaning": MEANING, "notAsked": len(engines) - len(pods)},
        "model": wanted.model or None,
        "by": wanted.by,
        "rows": groups_of(_shown(items, parked, wanted), wanted.by, lacks, priced=book is not None),
        "total": row_of(items, lacks, priced=book is not None),
        "parked": [_told(one) for one in parked],
        "idleNodes": [_told(one) for one in items if one.state == "nobody's"] if wanted.whole else [],
        "tokens": tokens_of(items, pods),
        "waiting": [{"pod": name, "accelerators": count} for name, count in gpus.waiting] if wanted.whole else [],
        "warnings": [*(book.warnings if book else ()), *priced.warnings],
        "notes": list(_notes(sight, owners, gpus, items, whole=wanted.whole)),
        "unseen": [{"what": what, "why": why} for what, why in sight.unseen.items()],
        "calls": {"lists": sight.calls, "engines": len(pods), "edges": priced.edges},
    }


def _meant(known: Sequence[Record], wanted: Wanted, *, listed: bool) -> list[Record]:
    """Of these models those that are asked for; raises UsageError where none is called that."""
    found = [one for one in known if wanted.has(one)]
    if listed and not found and (wanted.model or wanted.alias):
        what = f"no record of model {wanted.model}" if wanted.model else f"no model with alias {wanted.alias}"
        raise UsageError(
            f"the cluster keeps {what}", next_action="pointsman status names those it knows", code="model-unknown"
        )
    return found


def _by_name(engines: Sequence[EnginePod]) -> dict[str, EnginePod]:
    return {f"{one.namespace}/{one.name}": one for one in engines}


def _shown(items: Sequence[Item], parked: Sequence[Item], wanted: Wanted) -> Sequence[Item]:
    """Of groups that need nobody's attention nothing, when only others are wanted."""
    if not wanted.attention:
        return items
    group = BY[wanted.by]
    needing = {group(one) for one in parked}
    needing |= {group(one) for one in items if one.kind == GPU and one.share is not None and one.share < 1}
    return [one for one in items if group(one) in needing]


def items_in(sight: Sight, owners: Owners, gpus: Gpus, book: Book | None) -> list[Item]:
    """Everything that is paid for."""
    prices = book.prices if book else None
    return [*gpus.items, *volumes_in(sight, owners, prices), *entrances_in(sight, owners, prices)]


async def known_records(cluster: Cluster, sight: Sight) -> list[Record]:
    """What the cluster keeps of models; where that may not be listed, ``sight`` has it among the unseen."""
    found: dict[str, Record] = {}
    try:
        async for page in records(cluster):
            sight.calls += 1
            found |= {one.name: one for one in page}
    except ClusterError as error:
        sight.unseen["Model"] = error.what
        return []
    sight.objects["Model"] = []
    return list(found.values())


def _parked(items: Sequence[Item]) -> list[Item]:
    """What is of a layer that no pod runs."""
    running = {one.owner for one in items if one.kind == GPU}
    return [one for one in items if one.kind != GPU and one.owner.model and one.owner not in running]


def _told(one: Item) -> dict[str, Any]:
    return {
        "name": one.name,
        "model": one.owner.model or None,
        "layer": one.owner.layer or None,
        "devices": dict(one.devices),
        "money": total([one.hourly]).as_dict(),
        "why": one.why,
    }


def _silent(items: Sequence[Item]) -> Iterator[str]:
    """Engines that do not say what they do."""
    for one in items:
        if one.kind == GPU and one.use is not None and one.use.share is None:
            yield f"{one.name} could not be asked what it does: {one.use.last.why}"


def _notes(sight: Sight, owners: Owners, gpus: Gpus, items: Sequence[Item], *, whole: bool) -> Iterator[str]:
    """What is to be known beside the numbers."""
    yield from owners.problems
    yield from _silent(items)
    if not whole:
        return
    yield from gpus.notes
    without = sum(not one.has for one in gpus.machines.values())
    if without:
        yield f"{count_of(without, 'node')} without accelerators not counted: CPU and memory have no price here"
    unbound = sum(
        (one.get("status") or {}).get("phase", "Bound") != "Bound" for one in sight.of("PersistentVolumeClaim")
    )
    if unbound:
        yield f"{count_of(unbound, 'claim')} without a volume not counted: it is not there yet, or not any more"
