"""What must hold before a move begins. Every check has a stable id; a refusal names it and nothing was changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from pointsman.edge.contract import AliasState, said
from pointsman.kube.resources import Kind, Ref, kind_of, ref_of
from pointsman.kube.rights import denial, missing
from pointsman.layers.contract import Layer
from pointsman.layers.registry import LAYERS
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.live import read_live
from pointsman.move.plan.catalogued import catalogued
from pointsman.move.plan.delivery import delivery
from pointsman.move.plan.edge import edge_healthy, edge_settings, reached
from pointsman.move.plan.engines import engines
from pointsman.move.plan.owning import owners
from pointsman.move.plan.promises import promises
from pointsman.move.plan.reaching import others_reach
from pointsman.move.plan.refusing import refuse
from pointsman.move.plan.rights import rights_of
from pointsman.move.plan.rolls import edge_rolls
from pointsman.move.plan.strategy import choose
from pointsman.move.plan.verdict import evidence
from pointsman.move.probes.pods import engine_pods
from pointsman.spec.model import Model

__all__ = ["CHECKS", "Check", "preflight", "source_of"]

_GUARDED = {"Deployment", "Service", "HTTPRoute", "HorizontalPodAutoscaler", "PersistentVolumeClaim"}
"""Kinds that a controller takes over in silence when they bear the name it would choose."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition."""

    id: str
    holds: str
    run: Callable[[Context], Awaitable[str]]


def source_of(model: Model, alias: AliasState, layers: Sequence[Layer] = LAYERS) -> Layer:
    """The one layer the alias points at; raises RefusedError when it is not exactly one."""
    check = "alias-one-layer"
    if not alias.members:
        raise refuse(
            check,
            f"alias {alias.alias} does not exist or has no members, so tenants are served from nowhere",
            next_action=f"pointsman up {model.name}",
        )
    known = {layer.id: layer for layer in layers}
    ours = [one for one in alias.members if one.ours]
    found = {one.layer for one in ours}
    if not ours:
        where = ", ".join(one.base_url or one.served_name for one in alias.members)
        raise refuse(
            check,
            f"alias {alias.alias} points at {where}, which is no layer of this model",
            next_action=f"point it at one of {', '.join(known)} first, or declare the address the alias uses "
            "(spec.layers.LAYER.address)",
        )
    if len(found) != 1 or not found <= set(known):
        raise refuse(
            check,
            f"alias {alias.alias} points at several layers ({said(ours)}); a move may have been left half way",
            next_action=f"pointsman status {model.name}; an open move is undone with pointsman rollback {model.name}",
        )
    for name in alias.groups or dict.fromkeys(one.alias for one in alias.members):
        share = [one for one in ours if one.alias == name]
        if len(share) != 1 or not share[0].weight:
            raise refuse(
                check,
                f"alias {name} {_oddly(len(share))}, on the layer that is left, so there is no one share to move",
                next_action="leave each alias one entry on that layer, with a weight above 0",
            )
    return known[found.pop()]


def _oddly(entries: int) -> str:
    if entries == 1:
        return "has an entry of weight 0"
    return "has no entry" if not entries else f"has {entries} entries"


async def _differs(context: Context) -> str:
    if context.source.id == context.target.id:
        raise refuse(
            "target-differs",
            f"model {context.model.name} is on {context.target.title} already",
            next_action="name another layer with --to",
        )
    return f"{context.source.title} → {context.target.title}"


async def _rights(context: Context) -> str:
    """Beforehand, since a right that is missing in the middle may be what the way back needs too."""
    wanted = rights_of(context.model, context.edge.rights(), to=[context.target], source=[context.source]).all()
    denied = await missing(context.cluster, wanted)
    if denied is None:
        return "the API server does not say what you may do"
    if denied:
        raise refuse(
            "rights",
            denial(denied),
            next_action=f"ask for what pointsman rights {context.model.name} prints, or use other credentials",
        )
    return f"all {len(set(wanted))} are there"


async def _source_ready(context: Context) -> str:
    live = await read_live(context.cluster, context.source, context.model)
    verdict = context.source.readiness(context.model, live)
    pods = await engine_pods(context.cluster, context.source, context.model)
    if not verdict.ready or not any(pod.serving and pod.role == "serve" for pod in pods):
        raise refuse(
            "source-ready",
            f"the source, {context.source.title}, is not ready: {verdict.reason}",
            where=str(context.source.reads(context.model)[0]),
            next_action="make it healthy first; a move compares the target with it and falls back on it",
        )
    return verdict.reason


async def _kinds_served(context: Context) -> str:
    kinds = list(dict.fromkeys(ref_of(one).kind for one in context.target.render(context.model)))
    answers = await asyncio.gather(*(_served(context, kind) for kind in kinds))
    for kind, served in zip(kinds, answers, strict=True):
        if not served:
            raise refuse(
                "kinds-served",
                f"the cluster does not serve {kind.name} ({kind.api_version})",
                next_action=f"install what {context.target.title} needs, or choose another layer",
            )
    return ", ".join(kind.name for kind in kinds)


async def _served(context: Context, kind: Kind) -> bool:
    path = kind.path(context.target.namespace(context.model))
    answer = await context.cluster.http("GET", path, params={"limit": "1"})
    return answer.status != 404


async def _namespace(context: Context) -> str:
    name = context.target.namespace(context.model)
    if await context.cluster.find(Ref(kind_of("Namespace"), name)) is None:
        raise refuse(
            "target-namespace",
            f"namespace {name} does not exist",
            next_action=f"kubectl create namespace {name}, or set the layer's namespace in the spec",
        )
    return name


async def _auth_secret(context: Context) -> str:
    auth = context.model.spec.contract.auth
    if auth is None:
        return "the engines ask for no key, as spec.contract.auth says"
    ref = Ref(kind_of("Secret"), auth.secret, context.target.namespace(context.model))
    found = await context.cluster.find(ref)
    if found is None or auth.key not in (found.get("data") or {}):
        raise refuse(
            "auth-secret",
            f"the engine's key is missing: no {auth.key!r} in it" if found else "the engine's key is missing",
            where=str(ref),
            next_action=f"copy the Secret to namespace {ref.namespace}",
        )
    return str(ref)


async def _room(context: Context) -> str:
    choice = await choose(context)
    if choice.strategy == "bridge":
        await _bridge_possible(context)
    return f"{choice.strategy}: {choice.why}"


async def _bridge_possible(context: Context) -> None:
    """What holds for the target has to hold for the layer in the middle too."""
    assert context.bridge is not None
    there = replace(context, target=context.bridge)
    for check in (
        _rights,
        owners,
        promises,
        _kinds_served,
        catalogued,
        _namespace,
        _auth_secret,
        _no_foreign,
        _accepted,
    ):
        await check(there)


async def _no_foreign(context: Context) -> str:
    written = context.model.spec.layers.block(context.target.id).written
    if written is not None:
        return f"people wrote them, in {written.path}"
    refs = _names_taken(context.target, context.model)
    found = await asyncio.gather(*(context.cluster.find(ref) for ref in refs))
    for ref, live in zip(refs, found, strict=True):
        if live is not None and not _ours(live, context.model):
            raise refuse(
                "no-foreign-objects",
                f"{ref} exists and was not made for model {context.model.name}",
                where=str(ref),
                next_action=f"rename it, or set layers.{context.target.id}.name in the spec",
            )
    return f"{len(refs)} names are free or ours"


def _names_taken(layer: Layer, model: Model) -> list[Ref]:
    rendered = [ref_of(one) for one in layer.render(model)]
    made = [ref for ref in layer.reads(model) if ref.kind.name in _GUARDED]
    own = [ref for ref in made if ref.namespace == layer.namespace(model)]
    return list(dict.fromkeys([*rendered, *own]))


def _ours(live: Object, model: Model) -> bool:
    """Made by pointsman for this model, or by a controller for an object of its own."""
    labels = live["metadata"].get("labels") or {}
    ours = labels.get("app.kubernetes.io/managed-by") == "pointsman" and labels.get("pointsman.dev/model") == model.name
    return ours or bool(live["metadata"].get("ownerReferences"))


async def _accepted(context: Context) -> str:
    for manifest in context.target.render(context.model):
        await context.cluster.apply(manifest, dry_run=True)
    return "a dry run of every object is accepted"


CHECKS: tuple[Check, ...] = (
    Check("target-differs", "the target is another layer", _differs),
    Check("rights", "whoever runs it may do all of it", _rights),
    Check("source-ready", "the source serves", _source_ready),
    Check("edge-settings", "the edge follows weights", edge_settings),
    Check("edge-healthy", "every replica of the edge is ready and runs what is declared", edge_healthy),
    Check("delivery", "who brings changes of the alias to the edge is known", delivery),
    Check("aliases", "everything that reaches the source moves along or may be left", reached),
    Check("owners", "nobody puts back what the move changes", owners),
    Check("edge-rolls", "the edge can be rolled without a gap", edge_rolls),
    Check("engines", "what runs otherwise on the target is told", engines),
    Check("others-reach", "what reaches the source past the edge is told", others_reach),
    Check("promises", "manifests that people wrote promise what the spec promises", promises),
    Check("kinds-served", "the cluster knows the target's kinds", _kinds_served),
    Check("catalogue", "nothing that is known to break is in the target's manifests, or missing for it", catalogued),
    Check("target-namespace", "the target's namespace exists", _namespace),
    Check("auth-secret", "the engine's key is in the target's namespace", _auth_secret),
    Check("no-foreign-objects", "nobody else uses the target's names", _no_foreign),
    Check("room", "there is a way to make room for the target", _room),
    Check("evidence", "there can be a verdict of each shift, in the time that is given for it", evidence),
    Check("target-accepted", "the API server would take the target", _accepted),
)


async def preflight(context: Context) -> dict[str, str]:
    """Run all checks; returns what each saw, or raises RefusedError naming the first that fails."""
    found = {}
    context.findings.clear()
    for check in CHECKS:
        found[check.id] = await check.run(context)
        context.note("preflight", f"{check.id}: {found[check.id]}", {})
    return found
