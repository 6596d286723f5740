"""What is there of a model: who is served by it now, and what each of its layers has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pointsman.edge.contract import AliasState, Member, Replica
from pointsman.errors import PointsmanError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Layer
from pointsman.leaving.keeper import CLAIM, Trap
from pointsman.leaving.look import Look, look
from pointsman.leaving.pointing import ENDING, layers_in, on_its_way_out
from pointsman.move.boundary import Cluster
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.judging.askers import still_reached
from pointsman.move.plan.cost import hourly
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods
from pointsman.spec.model import Model
from pointsman.teardown.scope import Choices, Scope

__all__ = ["LayerView", "ModelView", "context_on", "edge_asked", "options_of", "view_of"]

_NO_EDGE = "edge-missing"
"""The code of an edge without a Deployment: nobody is served by it."""


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer that has something."""

    layer: Layer
    found: Look
    per_hour: Decimal | None
    """Money for the GPUs that it holds now; None when no price is declared."""
    running: int | None
    """Requests running and waiting on its engines; None when one of them does not say."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model."""

    model: Model
    members: tuple[Member, ...]
    """Of ours, declared or run by any replica of the edge."""
    layers: tuple[LayerView, ...]
    traps: tuple[Trap, ...] = ()

    @property
    def aliases(self) -> list[str]:
        """Names by which tenants call it now."""
        own = self.model.spec.tenant.alias
        return sorted({one.alias or own for one in self.members})

    @property
    def running(self) -> int | None:
        """Requests on all of its engines now."""
        counts = [one.running for one in self.layers]
        return None if None in counts else sum(one or 0 for one in counts)

    @property
    def stops(self) -> list[Trap]:
        """What keeps it from being begun."""
        every = (*self.traps, *(trap for one in self.layers for trap in one.found.traps))
        return [one for one in every if one.stops]

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "model": self.model.name,
            "aliases": self.aliases,
            "running": self.running,
            "layers": [
                {
                    "layer": one.layer.id,
                    "perHour": None if one.per_hour is None else str(one.per_hour),
                    "running": one.running,
                    **one.found.as_dict(),
                }
                for one in self.layers
            ],
            "traps": [one.as_dict() for one in self.traps],
        }


def options_of(choices: Choices, options: Options) -> Options:
    """The options that acts on a model go by."""
    return replace(options, drain_timeout=choices.drain_timeout, leave=choices.leave)


async def context_on(
    conductor: Conductor, model: Model, layer: str, options: Options, *, unread: bool = False
) -> Context:
    """A context with a layer on both sides; any of them when none is named.

    ``unread``: the edge is not asked, since the alias is withdrawn, and the edge itself may be gone.
    """
    nothing = AliasState(model.spec.tenant.alias, (), "")
    context = await conductor.context_for(model, options, nothing if unread else None)
    named = next((one for one in conductor.means.layers if one.id == layer), context.source)
    return replace(context, source=named, target=named)


async def view_of(conductor: Conductor, model: Model, scope: Scope, choices: Choices, options: Options) -> ModelView:
    """Look at a model, or at the layer of it that the scope names."""
    context, there = await edge_asked(conductor, model, options_of(choices, options))
    wanted = [one for one in conductor.means.layers if scope.kind != "layer" or one.id == scope.name]
    layers = [one for layer in wanted if (one := await _layer(context, layer, choices)) is not None]
    replicas = list(await context.edge.replicas()) if there else []
    run = [member for one in replicas for member in one.members or ()]
    members = tuple(dict.fromkeys(one for one in (*context.alias.members, *run) if one.ours))
    traps = [*_silent(replicas, scope), *(await _reached(context, layers) if there else [])]
    if scope.kind == "layer":
        known = await layers_in(model, context.alias, replicas, None)
        soon = await on_its_way_out(model, context.alias, replicas, scope.name)
        traps += _pointed(model, layers, known.get(scope.name) or known.get(""), soon=soon)
    return ModelView(model, members if scope.kind != "layer" else (), tuple(layers), tuple(traps))


async def edge_asked(conductor: Conductor, model: Model, options: Options) -> tuple[Context, bool]:
    """A context with the alias as it is declared, and whether there is an edge at all."""
    try:
        return await context_on(conductor, model, "", options), True
    except RefusedError as error:
        if error.code != _NO_EDGE:
            raise
    return await context_on(conductor, model, "", options, unread=True), False


async def _layer(context: Context, layer: Layer, choices: Choices) -> LayerView | None:
    on = replace(context, source=layer, target=layer)
    found = await look(on, keep_volumes=choices.keep_volumes)
    if found.gone and not (found.there and choices.keep_volumes):
        return None
    gpus = found.gpus if found.pods else 0
    traps = (*found.traps, *[one async for one in _retained(context.cluster, found)])
    return LayerView(
        layer, replace(found, gpus=gpus, traps=traps), hourly(layer, context.model, gpus), await _running(on)
    )


async def _retained(cluster: Cluster, found: Look) -> AsyncIterator[Trap]:
    """Claims whose disks stay although they go."""
    for ref in (one for one in found.going if one.kind.name == CLAIM):
        name = str(((found.objects[ref] or {}).get("spec") or {}).get("volumeName") or "")
        volume = await cluster.find(Ref(kind_of("PersistentVolume"), name)) if name else None
        if volume is not None and (volume.get("spec") or {}).get("persistentVolumeReclaimPolicy") == "Retain":
            yield Trap(
                code="teardown-retained",
                what=f"PersistentVolume {name} is retained: its disk is paid for when {ref} is gone",
                remedy="pointsman audit finds it then, with the command that ends it",
            )


async def _running(context: Context) -> int | None:
    pods = await engine_pods(context.cluster, context.source, context.model)
    told = [one.counters for one in await read_all(context.cluster, [pod for pod in pods if pod.ready])]
    if any(one is None or one.running is None or one.waiting is None for one in told):
        return None
    return round(sum((one.running or 0) + (one.waiting or 0) for one in told if one is not None))


def _silent(replicas: Sequence[Replica], scope: Scope) -> Iterator[Trap]:
    """A replica that does not say what it runs is asked again when the alias is withdrawn, and waited for."""
    mute = [one.name for one in replicas if one.members is None and not one.terminating]
    if mute and scope.kind != "layer":
        yield Trap(
            code="teardown-mute",
            what=f"replica {mute[0]} of the edge does not say what it runs",
            remedy="nothing: it is asked again once the alias is withdrawn, and waited for",
        )


async def _reached(context: Context, layers: Sequence[LayerView]) -> list[Trap]:
    """Other names of the edge that lead to what goes."""
    found = []
    for one in layers:
        on = replace(context, source=one.layer, target=one.layer)
        try:
            reached = await still_reached(on, one.layer)
        except PointsmanError as error:
            raise RefusedError(
                f"who else of the edge reaches {one.layer.title} is not known: {error.what}",
                where=error.where,
                next_action=error.next_action,
                code="teardown-served",
            ) from error
        for each in reached:
            found.append(
                Trap(
                    code="teardown-served",
                    what=f"{one.layer.title} of model {context.model.name} is still reached by {each.name} "
                    f"({each.how}, {each.place})",
                    remedy=f"point it elsewhere, or let it lose its engine: --leave {each.name}",
                    stops=True,
                )
            )
    return found


def _pointed(model: Model, layers: Sequence[LayerView], how: str | None, *, soon: bool) -> Iterator[Trap]:
    """Where a layer of every model goes, none may be served from it, nor be declared on it."""
    for one in layers:
        if how:
            yield Trap(
                code="alias-points",
                what=f"alias {model.spec.tenant.alias} points at {one.layer.title} of model {model.name} ({how})",
                remedy=ENDING if soon else f"pointsman move {model.name} --to LAYER first",
                stops=True,
            )
        elif model.spec.layer == one.layer.id:
            yield Trap(
                code="teardown-declared",
                what=f"{one.layer.title} is the layer that model {model.name} is declared on",
                remedy="declare another one (spec.layer) and bring it up there; or take the whole model away: "
                f"pointsman teardown {model.name}",
                stops=True,
            )
