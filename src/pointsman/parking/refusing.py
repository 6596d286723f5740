"""Why a layer may not be parked or woken: tenants may still reach it, somebody would put it back, or you may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pointsman.edge.contract import CLOSED, AliasState, Member, Replica
from pointsman.errors import RefusedError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import denial, missing, rights
from pointsman.layers.contract import Layer, Patch
from pointsman.leaving.pointing import ENDING, layers_in, on_its_way_out
from pointsman.move.context import Context
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.judging.askers import still_reached
from pointsman.move.probes.pods import engine_pods
from pointsman.owners.contract import Outcome, Verdict
from pointsman.owners.remedies import remedies

__all__ = ["refuse_pointed", "refuse_reverted", "refuse_without_rights"]

PATIENCE = 60.0
"""Seconds that a replica of the edge may take to say what it runs: a busy one does not always answer in time."""
LOOK = 1.0
"""Seconds between two tries."""
EACH = 2
"""Marked requests for each replica of the edge, where a member of others is to carry the tenants."""


async def refuse_pointed(context: Context, layers: Sequence[Layer]) -> list[str]:
    """Raise RefusedError while tenants may reach the context's source; else what there is to know, as sentences.

    They may where the edge's configuration or any of its replicas names the layer, or nobody can say. A standby, of
    weight 0 wherever it is named, may go while another member of the alias answers: it takes no tenant's request
    unless that one fails. An alias that was named by ``--leave`` gets errors; that was agreed to.
    """
    layer, model, edge = context.source, context.model, context.edge
    gap = next((one for one in await edge.obstacles() if one.code == "edge-in-git"), None)
    if gap is not None:
        raise RefusedError(gap.sentence, where=gap.place, next_action=gap.action, code="alias-points")
    declared, replicas, known = await _known(context)
    how = known.get(layer.id) or known.get("")
    notes = await _refuse_others(context)
    if not how:
        return [f"no alias and no replica of the edge leads to {layer.title}", *notes]
    named = [one for one in (*declared.members, *_run(replicas)) if one.layer == layer.id]
    aliases = sorted({one.alias or model.spec.tenant.alias for one in named}) or [model.spec.tenant.alias]
    told = []
    for alias in aliases:
        parts = [one for one in named if (one.alias or model.spec.tenant.alias) == alias]
        if alias in context.options.leave:
            told.append(f"alias {alias} points at {layer.title} ({how}), and may get errors: --leave {alias}")
            continue
        cover = "" if "" in known or any(one.weight for one in parts) else await _cover(context, layers, alias)
        if not cover:
            soon = await on_its_way_out(model, declared, replicas, layer.id)
            raise _pointed(context, alias, how, sure=layer.id in known, soon=soon)
        told.append(f"{layer.title} is a standby of alias {alias} (weight 0); {cover} answers it")
    return [*told, *notes]


async def _known(context: Context) -> tuple[AliasState, list[Replica], Mapping[str, str]]:
    """The alias as declared and as run, and where it leads; asked again while a replica does not say."""
    deadline = context.clock.monotonic() + PATIENCE
    while True:
        declared, replicas = await context.edge.read(), list(await context.edge.replicas())
        known = await layers_in(context.model, declared, replicas, None)
        if "" not in known or context.source.id in known or context.clock.monotonic() >= deadline:
            return declared, replicas, known
        await context.clock.sleep(LOOK)


def _run(replicas: Iterable[Replica]) -> list[Member]:
    return [member for one in replicas for member in one.members or ()]


def _pointed(context: Context, alias: str, how: str, *, sure: bool, soon: bool) -> RefusedError:
    title, model = context.source.title, context.model.name
    return RefusedError(
        f"alias {alias} points at {title} ({how}), and its tenants would get errors"
        if sure
        else f"whether alias {alias} points at {title} is not known: {how}",
        where=f"alias {alias}, {_place(context)}",
        next_action=ENDING
        if soon
        else f"pointsman move {model} --to LAYER moves its tenants first; to agree to their errors: --leave {alias}",
        code="alias-points",
    )


def _place(context: Context) -> str:
    """Where the alias is declared."""
    if context.options.in_git is not None:
        return context.options.in_git.where
    edge = context.model.spec.tenant.edge
    return f"{edge.key} of ConfigMap {edge.namespace}/{edge.config_map}"


async def _refuse_others(context: Context) -> list[str]:
    """Other names of the edge that lead to the layer's engines."""
    reached = await still_reached(context, context.source)
    if reached:
        one = reached[0]
        raise RefusedError(
            f"{context.source.title} is still reached by {one.name} ({one.how}, {one.place})",
            where=one.place,
            next_action=f"point it elsewhere, or let it lose its engine: --leave {one.name}",
            code="alias-points",
        )
    left = [one for one in context.options.leave if one not in context.edge.names]
    return [f"{name} may lose its engine: --leave {name}" for name in left]


async def _cover(context: Context, layers: Sequence[Layer], alias: str) -> str:
    """Another member of the alias that gets tenants and answers; empty when there is none."""
    members = [one for one in (await context.edge.read()).members if one.weight and one.layer != context.source.id]
    members = [one for one in members if (one.alias or alias) == alias and one.layer != CLOSED]
    for one in members:
        layer = next((known for known in layers if known.id == one.layer), None)
        if layer is None:
            continue
        pods = await engine_pods(context.cluster, layer, context.model)
        if any(pod.serving and pod.role == "serve" for pod in pods):
            return layer.title
    others = {one.id for one in members if not one.ours}
    if not others:
        return ""
    seen = await context.edge.observe(EACH * max(1, len(await context.edge.names_of_replicas())))
    return next((name for name in sorted(others) if name in seen.answered), "")


def refuse_reverted(verdicts: Sequence[Verdict]) -> list[str]:
    """Raise RefusedError when an owner would put it back by itself; else what owners may do later, as sentences."""
    bad = [one for one in verdicts if one.outcome is Outcome.REVERTS]
    if bad:
        raise RefusedError(
            "; ".join(one.sentence for one in bad),
            where=str(bad[0].ref),
            next_action=" and ".join(remedies(bad)),
            code="park-owner",
        )
    return [one.sentence for one in verdicts]


async def refuse_without_rights(context: Context, layer: Layer, patch: Patch) -> None:
    """Raise RefusedError when a right is missing, before anything is written."""
    ref, places = patch.ref, [one.namespace for one in layer.engines(context.model)]
    wanted = [
        *rights(["get", "patch"], ref.kind, ref.namespace, name=ref.name),
        *rights(["list"], kind_of("Node")),
        *rights(["list"], kind_of("Pod")),
        *(right for place in places for right in rights(["list", "watch"], kind_of("Pod"), place)),
        *(right for place in places for right in rights(["get"], kind_of("Pod"), place, subresource="proxy")),
        *rights(["get", "create", "patch"], kind_of("ConfigMap"), NAMESPACE),
        *rights(["get", "create", "update"], kind_of("Lease"), NAMESPACE),
    ]
    denied = await missing(context.cluster, wanted)
    if denied:
        raise RefusedError(
            denial(denied),
            next_action="ask for these rights (pointsman rights prints the roles), or use other credentials",
            code="park-rights",
        )
