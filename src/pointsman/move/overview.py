"""What there is: models, their layers, readiness, traffic and running moves, from a handful of lists.

Nothing is asked per model: each kind is listed once, and the layers' own verdicts are given what was listed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pointsman.edge.contract import CLOSED, AliasState, Member
from pointsman.errors import NotFoundError, PointsmanError
from pointsman.kube.resources import Kind, Ref, kind_of
from pointsman.layers.contract import Layer, Live
from pointsman.move.boundary import Clock, Cluster, Object
from pointsman.move.journal.ledger import Ledger, Summary
from pointsman.move.records import known_models
from pointsman.spec.model import Model

__all__ = ["ReadAliases", "overview"]

ReadAliases = Callable[[Sequence[Model]], Awaitable[Mapping[str, AliasState | PointsmanError]]]
"""Reads many models' aliases at once, by model; an error stands in the place of an alias that cannot be read."""


async def overview(
    cluster: Cluster,
    clock: Clock,
    layers: Sequence[Layer],
    aliases_of: ReadAliases,
    *,
    only: str = "",
    declared: Sequence[Model] = (),
) -> list[dict[str, Any]]:
    """All models as JSON-like data, by name. ``declared`` adds models the cluster does not know of yet."""
    known = {model.name: model for model in [*declared, *await known_models(cluster)]}
    models = [model for name, model in sorted(known.items()) if only in ("", name)]
    kinds = {ref.kind for model in models for layer in layers for ref in layer.reads(model)}
    objects, moves, aliases = await asyncio.gather(
        _listed(cluster, kinds), Ledger(cluster, clock).moves(), aliases_of(models)
    )
    running = {one.model: one for one in moves}
    return [_model(model, layers, objects, aliases[model.name], running.get(model.name)) for model in models]


async def _listed(cluster: Cluster, kinds: set[Kind]) -> dict[Ref, Object]:
    """Every object of these kinds; a kind the cluster does not serve has none."""

    async def one(kind: Kind) -> list[Object]:
        try:
            return await cluster.list(kind)
        except NotFoundError:
            return []

    found: dict[Ref, Object] = {}
    ordered = sorted(kinds, key=lambda kind: kind.name)
    for kind, items in zip(ordered, await asyncio.gather(*map(one, ordered)), strict=True):
        for item in items:
            found[Ref(kind, item["metadata"]["name"], item["metadata"].get("namespace"))] = item
    return found


def _model(
    model: Model,
    layers: Sequence[Layer],
    objects: Mapping[Ref, Object],
    alias: AliasState | PointsmanError,
    move: Summary | None,
) -> dict[str, Any]:
    members, problem = _alias(model, alias)
    rows = [_layer(model, layer, objects, members) for layer in layers]
    present = [row for row in rows if row["state"] != "absent" or row["traffic"] is not None]
    return {
        "name": model.name,
        "declaredLayer": model.spec.layer,
        "alias": model.spec.tenant.alias,
        "layers": present or [row for row in rows if row["layer"] == model.spec.layer],
        "move": _move(move),
        "warnings": [problem] if problem else [],
    }


def _alias(model: Model, alias: AliasState | PointsmanError) -> tuple[tuple[Member, ...], str]:
    """The alias' members, and what is wrong with it when it cannot be read."""
    if isinstance(alias, PointsmanError):
        return (), f"alias {model.spec.tenant.alias} cannot be read: {alias.what}"
    if alias.members and all(one.layer == CLOSED for one in alias.members):
        return alias.members, f"alias {model.spec.tenant.alias} is closed: tenants get errors until a move opens it"
    return alias.members, ""


def _layer(model: Model, layer: Layer, objects: Mapping[Ref, Object], members: Sequence[Member]) -> dict[str, Any]:
    live: Live = {ref: objects.get(ref) for ref in layer.reads(model)}
    main = live[layer.reads(model)[0]]
    verdict = layer.readiness(model, live)
    state = "ready" if verdict.ready else "not ready"
    if main is None:
        state = "absent"
    elif layer.parked(model, live):
        state = "parked"
    return {
        "layer": layer.id,
        "state": state,
        "reason": verdict.reason,
        "replicas": _replicas(live),
        "traffic": _share(layer, members),
        "gpus": layer.gpus(model) if state in ("ready", "not ready") else 0,
    }


def _replicas(live: Live) -> str:
    """Ready of asked, over the Deployments the layer is judged by."""
    found = [one for ref, one in live.items() if one is not None and ref.kind == kind_of("Deployment")]
    ready = sum(int(one.get("status", {}).get("readyReplicas") or 0) for one in found)
    asked = sum(int(one.get("spec", {}).get("replicas") or 0) for one in found)
    return f"{ready}/{asked}"


def _share(layer: Layer, members: Sequence[Member]) -> int | None:
    total = sum(one.weight for one in members)
    mine = [one.weight for one in members if one.layer == layer.id]
    return round(100 * sum(mine) / total) if mine and total else None


def _move(move: Summary | None) -> dict[str, Any] | None:
    if move is None:
        return None
    progress = move.progress
    return {
        "id": progress.move,
        "from": progress.plan.source,
        "to": progress.plan.target,
        "state": progress.state.value,
        "step": progress.step,
        "holder": progress.holder,
        "since": progress.opened.isoformat() if progress.opened else "",
    }
