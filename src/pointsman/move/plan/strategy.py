"""How the target gets its room: beside the source, replica by replica, over a bridge, or in a gap.

Chosen from what is free by the scheduler's count, unless the operator names one; one that cannot work is refused with
what would have to be otherwise. Tenants without an engine are never a choice of the program's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pointsman.errors import RefusedError
from pointsman.kube.resources import kind_of
from pointsman.layers.contract import Layer, PodNeed
from pointsman.move.boundary import Object
from pointsman.move.context import Context, Options
from pointsman.move.live import read_live
from pointsman.move.plan.capacity import Room, read_room, room_from
from pointsman.move.plan.schedule import GAP, SHARES, bridge, rounds, side_by_side
from pointsman.report.counting import count_of
from pointsman.spec.model import Model

__all__ = ["STRATEGIES", "Choice", "Standing", "choose", "decide", "room_for", "ruled_out"]

_TOO_FEW = "it takes two replicas or more on both sides"
_NO_BRIDGE = "no third layer is declared (spec.move.bridge)"
_REVIEWED = "its end would wait for a pull request, and tenants without an engine with it"
_NOT_ALLOWED = "it leaves tenants without an engine, which needs --allow-downtime"


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy, and what follows from it."""

    strategy: str
    why: str
    steps: tuple[str, ...]
    options: Options
    """The operator's, with what the strategy adds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a strategy is chosen from."""

    room: Room
    without_source: Room
    """The room once the source's pods are gone."""
    target: Sequence[PodNeed]
    """What the target still has to get; empty when it holds all of it already."""
    replicas: int
    """Engines of the source that answer tenants."""
    lent: Callable[[int], Room]
    """The room when that many of the source's engines are gone."""
    bridge: Sequence[PodNeed] | None
    """What the declared bridge has to get; None: none is declared that lies between."""


async def choose(context: Context) -> Choice:
    """The strategy for this move now. Changes nothing; raises RefusedError (``preflight.room``) when there is none."""
    nodes, pods = await asyncio.gather(context.cluster.list(kind_of("Node")), context.cluster.list(kind_of("Pod")))
    room = room_from(nodes, pods)
    source, target = context.source, context.target
    theirs = _pods_of(source, context, pods)
    serving = [one for one in theirs if _is_of(one, source, context, first=True)]
    bridge = _bridge_of(context)
    standing = Standing(
        room=room,
        without_source=room.without(theirs),
        target=await _still_needed(context, target),
        replicas=len(serving),
        lent=lambda count: room.without(serving[:count]),
        bridge=None if bridge is None else await _still_needed(context, bridge),
    )
    return decide(context, standing)


def decide(context: Context, standing: Standing) -> Choice:
    """The choice itself, a function of what stands."""
    wanted = context.options.strategy
    found = {name: strategy(context, standing) for name, strategy in STRATEGIES.items()}
    names = [wanted] if wanted != "auto" else list(STRATEGIES)
    for name in names:
        one = found[name]
        if isinstance(one, Choice):
            return one
    said = "; ".join(f"{name}: {found[name]}" for name in names)
    raise RefusedError(
        f"there is no room for {context.target.title}: {said}",
        next_action="park something or add a node; declare spec.move.bridge; or accept a time without an engine with "
        "--allow-downtime",
        code="preflight.room",
    )


def ruled_out(model: Model, target: Layer, options: Options) -> str:
    """Why the strategy that was named can never be this move's, whatever is free; empty when it may be."""
    if options.strategy == "gap":
        return _no_gap(options)
    if options.strategy == "bridge" and model.spec.move.bridge in (None, "", target.id):
        return _NO_BRIDGE
    if options.strategy == "replica-by-replica" and len(_serving(target.needs(model))) < 2:
        return _TOO_FEW
    return ""


def _side_by_side(context: Context, standing: Standing) -> Choice | str:
    target, steps = context.target.title, side_by_side(_shares(context))
    if not standing.target:
        return Choice("side-by-side", f"{target} holds all it needs already", steps, context.options)
    missing = standing.room.missing(standing.target)
    if missing:
        return missing
    gpus = sum(need.gpus for need in standing.target)
    free = f"{count_of(gpus, 'accelerator')}, {standing.room.available} are free" if gpus else "no accelerator"
    return Choice("side-by-side", f"{target} fits beside the source: it needs {free}", steps, context.options)


def _replica_by_replica(context: Context, standing: Standing) -> Choice | str:
    declared = _serving(standing.target)
    if len(declared) < 2 or standing.replicas < 2:
        return _TOO_FEW
    if len(declared) != standing.replicas:
        return f"the source has {standing.replicas} engines, the target is to have {len(declared)}"
    rest = [need for need in standing.target if need.role != "serve"]
    spare = max((count for count in range(len(declared)) if standing.room.fits([*rest, *declared[:count]])), default=0)
    if not spare and not standing.lent(1).fits([*rest, declared[0]]):
        return f"not even one of the source's engines makes room: {standing.lent(1).missing([*rest, declared[0]])}"
    if not standing.without_source.fits(standing.target):
        return standing.without_source.missing(standing.target)
    plan = rounds(standing.replicas, spare, _shares(context))
    why = f"there is room for {spare} of {len(declared)} replicas"
    if not spare:
        why += f", so the source lends one: {plan.least} of {standing.replicas} carry the tenants meanwhile"
    return Choice("replica-by-replica", why, plan.steps, replace(context.options, first_replicas=plan.first))


def _bridge(context: Context, standing: Standing) -> Choice | str:
    middle = _bridge_of(context)
    if middle is None or standing.bridge is None:
        return _NO_BRIDGE
    missing = standing.room.missing(standing.bridge)
    if missing:
        return f"{middle.title}: {missing}"
    both = standing.without_source.missing([*standing.bridge, *standing.target])
    if both:
        return f"with {middle.title} serving: {both}"
    why = f"{context.target.title} fits once the source is gone; tenants are on {middle.title} meanwhile"
    return Choice("bridge", why, bridge(_shares(context)), replace(context.options, bridge=middle.id))


def _gap(context: Context, standing: Standing) -> Choice | str:
    missing = standing.without_source.missing(standing.target)
    if missing:
        return f"not even with the source gone: {missing}"
    if why := _no_gap(context.options):
        return why
    return Choice("gap", f"{context.target.title} fits only where the source stands", GAP, context.options)


STRATEGIES: Mapping[str, Callable[[Context, Standing], Choice | str]] = {
    "side-by-side": _side_by_side,
    "replica-by-replica": _replica_by_replica,
    "bridge": _bridge,
    "gap": _gap,
}
"""By name, the kindest to tenants first; each gives a choice, or why it is none."""


def _shares(context: Context) -> Sequence[int]:
    return context.options.shares or SHARES


def _no_gap(options: Options) -> str:
    """Why there may be no time without an engine, whatever is free; empty when there may."""
    if options.allow_downtime <= 0:
        return _NOT_ALLOWED
    return _REVIEWED if options.in_git is not None and options.in_git.pull_requests else ""


def _serving(needs: Sequence[PodNeed]) -> list[PodNeed]:
    return [need for need in needs if need.role == "serve"]


def _bridge_of(context: Context) -> Layer | None:
    bridge = context.bridge
    return None if bridge is None or bridge.id in (context.source.id, context.target.id) else bridge


async def room_for(context: Context, layer: Layer) -> str:
    """Why the pods that a layer has still to get find no node; empty when they do."""
    room, needs = await asyncio.gather(read_room(context.cluster), _still_needed(context, layer))
    return room.missing(needs)


async def _still_needed(context: Context, layer: Layer) -> Sequence[PodNeed]:
    """What the layer asks for; nothing when it is not parked, since its pods are counted already."""
    live = await read_live(context.cluster, layer, context.model)
    return layer.needs(context.model) if layer.parked(context.model, live) else ()


def _pods_of(layer: Layer, context: Context, pods: Sequence[Object]) -> list[Object]:
    return [pod for pod in pods if _is_of(pod, layer, context, first=False)]


def _is_of(pod: Object, layer: Layer, context: Context, *, first: bool) -> bool:
    """Is it an engine pod of the layer, or, with ``first``, one that answers tenants?"""
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]:
        return False
    engines = layer.engines(context.model)[: 1 if first else None]
    has = pod["metadata"].get("labels") or {}
    place = pod["metadata"].get("namespace")
    return any(place == one.namespace and one.labels.items() <= has.items() for one in engines)
