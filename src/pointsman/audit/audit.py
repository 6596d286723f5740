"""One audit: everything is listed once, each look takes what it needs, and what could not be looked at is told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.audit.applications import without_finalizer
from pointsman.audit.entrances import balancers, gateways
from pointsman.audit.finding import Finding, Ground
from pointsman.audit.kserve import UNREAD, gateway_of_kserve
from pointsman.audit.layers import Aliases, idle_layers, open_moves
from pointsman.audit.leftovers import KINDS as LEFT
from pointsman.audit.leftovers import of_applications, of_models, of_services
from pointsman.audit.nodes import empty_nodes
from pointsman.audit.stuck import stuck
from pointsman.audit.teardowns import KeptThings, kept_by_teardowns, open_teardown
from pointsman.audit.volumes import WORKLOADS, released, unmounted
from pointsman.cost.account import KINDS, items_in, known_records
from pointsman.cost.gpus import gpus_in
from pointsman.cost.models import owners_of
from pointsman.cost.prices import Book
from pointsman.cost.sight import look, look_up
from pointsman.cost.sums import Sum
from pointsman.errors import ClusterError, PointsmanError
from pointsman.kube.resources import kind_of
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Clock, Cluster
from pointsman.move.holding.lock import NAMESPACE, Lock, TeardownLock
from pointsman.move.journal.ledger import Ledger, Summary
from pointsman.move.journal.teardowns import Teardowns
from pointsman.move.overview import ReadAliases
from pointsman.move.records import Record
from pointsman.spec.model import Model

__all__ = ["OUTSIDE", "Means", "audit"]

HELD = "pointsman.dev/lock"
"""The label of a model's lock."""
LISTED = tuple(dict.fromkeys((*KINDS, *WORKLOADS, *LEFT, "Application", "Namespace")))
OUTSIDE = (
    "disks, snapshots and addresses that no object of the cluster names any more",
    "machines that have not joined the cluster, and what reserved or committed capacity costs unused",
    "buckets, registries and logs; traffic between zones and out",
    "what a cloud's own models cost that aliases lead to",
)
"""What an audit of a cluster cannot see."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an audit needs from outside."""

    cluster: Cluster
    clock: Clock
    layers: Sequence[Layer]
    aliases_of: ReadAliases


async def audit(
    means: Means,
    book: Book | None,
    declared: Sequence[Model],
    *,
    kinds: Collection[str] = (),
    namespaces: Collection[str] = (),
) -> dict[str, Any]:
    """Look.

    Args:
        means: what is asked.
        book: prices; without them money is not known.
        declared: models that files here declare, whether the cluster knows them or not.
        kinds: of these findings alone is told, where any are named.
        namespaces: in these alone, where any are named.
    """
    sight = await look(means.cluster, LISTED)
    await look_up(means.cluster, sorted(namespaces), sight)
    kept = {one.name: one for one in await known_records(means.cluster, sight)}
    known = [*kept.values(), *(Record(one.name, one) for one in declared if one.name not in kept)]
    owners = owners_of(known, means.layers)
    gpus = gpus_in(sight, owners, {}, book.prices if book else None)
    items = {one.name: one for one in items_in(sight, owners, gpus, book)}
    ground = Ground(sight, owners, items, means.clock.now(), frozenset(kept))
    ground.of_kserve = await _of_kserve(means, ground)
    moves, alive = await _moves(means, ground)
    teardowns, stay = await _teardowns(means, ground)
    aliases = await _aliases(means, [one.model for one in kept.values() if one.model is not None])
    looked = _once([*teardowns, *_looks(ground, means.layers, moves, alive, aliases)])
    found, agreed = stay.parted(looked, sight)
    found = [one for one in found if not kinds or one.kind in kinds]
    found = [one for one in found if not namespaces or one.namespace in namespaces]
    return {
        "prices": book.as_dict() if book else None,
        "findings": [one.as_dict() for one in found],
        "kept": agreed,
        "money": _total(found, more=bool(sight.unseen | ground.unseen)).as_dict(priced=book is not None),
        "unseen": [{"what": what, "why": why} for what, why in (sight.unseen | ground.unseen).items()],
        "outside": list(OUTSIDE),
        "models": len(known),
        "calls": {"lists": sight.calls},
    }


def _looks(
    ground: Ground,
    layers: Sequence[Layer],
    moves: Mapping[str, Summary] | None,
    alive: Mapping[str, bool],
    aliases: Aliases,
) -> Iterator[Finding]:
    """In the order in which an object that is found twice counts."""
    yield from stuck(ground, LISTED)
    if moves is not None:
        yield from open_moves(ground, moves, alive)
        busy = {*moves, *(name for name, held in alive.items() if held), *ground.leaving}
        yield from idle_layers(ground, layers, aliases, busy)
    yield from of_models(ground)
    yield from of_services(ground)
    yield from of_applications(ground)
    yield from unmounted(ground)
    yield from released(ground)
    yield from balancers(ground)
    yield from gateways(ground)
    yield from empty_nodes(ground)
    yield from without_finalizer(ground)


def _once(found: Sequence[Finding]) -> list[Finding]:
    return list({one.name: one for one in reversed(found)}.values())[::-1]


def _total(found: Sequence[Finding], *, more: bool) -> Sum:
    """Of all these, and of ``more`` where not everything could be looked at."""
    made = Sum(more=more)
    for one in found:
        made = made.plus(one.money) if one.money is not None else made
    return made


async def _moves(means: Means, ground: Ground) -> tuple[Mapping[str, Summary] | None, Mapping[str, bool]]:
    """Open moves, and models that a process works on now: moves them, brings them up; None where that is not known."""
    try:
        moves, torn = await Ledger(means.cluster, means.clock).open_ones()
        leases = await means.cluster.list(kind_of("Lease"), NAMESPACE, {HELD: ""})
        ground.sight.calls += 2
        names = [str(one["metadata"]["labels"][HELD]) for one in leases]
        alive = dict(zip(names, await asyncio.gather(*(_alive(means, name) for name in names)), strict=True))
    except ClusterError as error:
        ground.unseen["open moves, and layers that no alias leads to"] = error.what
        return None, {}
    ground.unseen |= {f"the move of model {name}": error.what for name, error in torn.items()}
    return moves, alive


async def _teardowns(means: Means, ground: Ground) -> tuple[list[Finding], KeptThings]:
    """Open ones that no process carries on, and what the last ones of everything were told to keep."""
    try:
        ledger = Teardowns(means.cluster, means.clock)
        journals, problems = await ledger.every()
        ground.sight.calls += 1
        opened = [one for one in journals if one.ended is None]
        carried = bool(opened) and await _held(means, TeardownLock(means.cluster, means.clock, ""))
    except ClusterError as error:
        ground.unseen["open teardowns, and what was kept by them"] = error.what
        return [], KeptThings()
    ground.unseen |= {error.where: error.what for error in problems}
    found = [] if carried else [open_teardown(ground, one) for one in opened]
    ground.leaving |= {name for one in opened for name in one.plan.models}
    return found, kept_by_teardowns(journals, models=bool(ground.recorded))


async def _of_kserve(means: Means, ground: Ground) -> str:
    if not ground.sight.of("Gateway"):
        return ""
    try:
        return await gateway_of_kserve(means.cluster)
    except ClusterError:
        return UNREAD


async def _alive(means: Means, model: str) -> bool:
    return await _held(means, Lock(means.cluster, means.clock, model, ""))


async def _held(means: Means, lock: Lock) -> bool:
    """Is it held? A lock that looks old is watched for as long as one lives: clocks of two machines may differ."""
    held = await lock.read()
    if held is None or not held.holder:
        return False
    return held.alive(means.clock.now()) or not await lock.silent(held)


async def _aliases(means: Means, models: Sequence[Model]) -> Aliases:
    """Where they lead, by model; an error in the place of each when none can be read."""
    try:
        return await means.aliases_of(models)
    except PointsmanError as error:
        return {one.name: error for one in models}
