"""Why a layer may not be taken away: tenants may still reach it, or the model is declared on it."""

from __future__ import annotations

from pointsman.errors import RefusedError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import denial, missing, rights
from pointsman.leaving.look import Look
from pointsman.leaving.pointing import ENDING, layers_in, on_its_way_out
from pointsman.move.context import Context
from pointsman.move.judging.askers import still_reached

__all__ = ["refuse_declared", "refuse_served", "refuse_trapped", "refuse_without_rights"]


def refuse_declared(context: Context) -> None:
    """Raise RefusedError when the layer is the one that the model is declared on."""
    model, layer = context.model, context.source
    if model.spec.layer == layer.id:
        raise RefusedError(
            f"{layer.title} is the layer that model {model.name} is declared on",
            where=f"spec.layer of model {model.name}",
            next_action="declare the layer that tenants are served from (spec.layer), then name the Model's file here",
            code="teardown-declared",
        )


async def refuse_served(context: Context) -> None:
    """Raise RefusedError while an alias points at the layer: as it is declared, as git has it, or as a replica runs."""
    layer, model, edge = context.source, context.model, context.edge
    gap = next((one for one in await edge.obstacles() if one.code == "edge-in-git"), None)
    if gap is not None:
        raise RefusedError(gap.sentence, where=gap.place, next_action=gap.action, code="teardown-served")
    declared, replicas = await edge.read(), list(await edge.replicas())
    known = await layers_in(model, declared, replicas, None)
    how = known.get(layer.id) or known.get("")
    if how:
        soon = await on_its_way_out(model, declared, replicas, layer.id)
        raise RefusedError(
            f"alias {model.spec.tenant.alias} points at {layer.title} ({how})"
            if layer.id in known
            else f"whether alias {model.spec.tenant.alias} points at {layer.title} is not known: {how}",
            where=f"alias {model.spec.tenant.alias}",
            next_action=ENDING
            if soon
            else f"pointsman move {model.name} --to LAYER, and when it is done run this again",
            code="teardown-served",
        )
    reached = await still_reached(context, layer)
    if reached:
        one = reached[0]
        raise RefusedError(
            f"{layer.title} is still reached by {one.name} ({one.how}, {one.place})",
            where=one.place,
            next_action=f"point it elsewhere, or let it lose its engine: --leave {one.name}",
            code="teardown-served",
        )


def refuse_trapped(found: Look) -> None:
    """Raise RefusedError for what would bite half way."""
    stops = [one for one in found.traps if one.stops]
    if stops:
        raise RefusedError(
            "; ".join(one.what for one in stops),
            next_action="; ".join(one.remedy for one in stops),
            code=stops[0].code,
        )


async def refuse_without_rights(context: Context, found: Look) -> None:
    """Raise RefusedError when something that goes may not be deleted: half a teardown is worse than none."""
    pods = [rights(["list", "watch"], kind_of("Pod"), context.source.namespace(context.model))]
    parking = [
        rights(["patch"], one.ref.kind, one.ref.namespace, name=one.ref.name)
        for one in context.source.park(context.model)
    ]
    going = [*found.going, *(one.app.ref for one in found.keepers if not one.comes_back)]
    deleting = [rights(["get", "delete", "watch"], ref.kind, ref.namespace, name=ref.name) for ref in going]
    wanted = [one for part in (*pods, *parking, *deleting) for one in part]
    denied = await missing(context.cluster, wanted)
    if denied:
        raise RefusedError(
            denial(denied),
            next_action="ask for these rights (pointsman rights prints those of moves), or use other credentials",
            code="teardown-rights",
        )
