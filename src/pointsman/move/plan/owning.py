"""Who else writes what a move changes, and would they put it back? Asked before anything is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.edge.litellm_rollout import REVISION
from pointsman.errors import RefusedError
from pointsman.kube.client import FIELD_MANAGER
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer, Patch
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.deployed import deployed_by
from pointsman.move.plan.strategy import choose
from pointsman.owners.autoscalers import scaling
from pointsman.owners.contract import Change, Outcome, Verdict
from pointsman.owners.fields import Path, changed, leaves, value_at
from pointsman.owners.judge import Known, judge
from pointsman.owners.reading import read_owners
from pointsman.owners.remedies import remedies
from pointsman.report.counting import count_of

__all__ = ["owners", "patched"]

_CODE = "preflight.owners"
_PRODUCTS = {"Application": "Argo CD", "ScaledObject": "KEDA"}
"""What is not installed when the cluster does not serve a kind that is looked for on every object."""


async def owners(context: Context) -> str:
    """What owners make of the move; raises RefusedError when one would undo a part of it."""
    parts = await asyncio.gather(_edge(context), _source(context), _target(context))
    changes = [one for part in parts for one in part]
    known = await read_owners(context.cluster, changes)
    verdicts = judge(changes, known, FIELD_MANAGER)
    reverting = [one for one in verdicts if one.outcome is Outcome.REVERTS]
    if reverting:
        raise RefusedError(
            "; ".join(one.sentence for one in reverting),
            where=str(reverting[0].ref),
            next_action=" and ".join(remedies(reverting)),
            code=_CODE,
        )
    await _refuse_scaling_in_steps(context, parts[1], known)
    return "; ".join(_told(changes, verdicts, known))


async def _edge(context: Context) -> list[Change]:
    """The edge's configuration, and the annotation that rolls it; nothing of it where git has it."""
    if context.options.in_git is not None:
        return []
    settings = context.model.spec.tenant.edge
    config = Ref(kind_of("ConfigMap"), settings.config_map, settings.namespace)
    deployment = Ref(kind_of("Deployment"), settings.deployment, settings.namespace)
    rolling = ("spec", "template", "metadata", "annotations", REVISION)
    found = await asyncio.gather(context.cluster.find(config), context.cluster.find(deployment))
    wanted: list[tuple[Ref, Mapping[Path, Any]]] = [
        (config, {("data", settings.key): "another text"}),
        (deployment, {rolling: "another digest"}),
    ]
    return [Change(ref, live, fields) for (ref, fields), live in zip(wanted, found, strict=True) if live is not None]


async def _source(context: Context) -> list[Change]:
    """What parks it."""
    return await patched(context, context.source, context.source.park(context.model))


async def _target(context: Context) -> list[Change]:
    """What of it is there already, and is changed or woken."""
    layer, model = context.target, context.model
    manifests = [] if deployed_by(model, layer) else layer.render(model)
    applied = await asyncio.gather(*(_applied(context, layer, one) for one in manifests))
    found: dict[Ref, Change] = {}
    for one in [*(change for change in applied if change), *await patched(context, layer, layer.unpark(model))]:
        known = found.get(one.ref)
        found[one.ref] = replace(one, fields={**known.fields, **one.fields}) if known else one
    return list(found.values())


async def _applied(context: Context, layer: Layer, manifest: Object) -> Change | None:
    ref = ref_of(manifest)
    live = await context.cluster.find(ref)
    if live is None:
        return None
    after = await context.cluster.apply(manifest, dry_run=True)
    fields = changed(live, after)
    return Change(ref, live, fields, tuple(layer.reads(context.model))) if fields else None


async def patched(context: Context, layer: Layer, patches: Sequence[Patch]) -> list[Change]:
    """What the patches change of what is there."""
    makers = tuple(layer.reads(context.model))
    changes = []
    for patch in patches:
        live = await context.cluster.find(patch.ref)
        wanted = {path: value_at(patch.body, path) for path in leaves(patch.body)}
        fields = {path: value for path, value in wanted.items() if value_at(live, path) != value}
        if live is not None and fields:
            changes.append(Change(patch.ref, live, fields, makers))
    return changes


async def _refuse_scaling_in_steps(context: Context, source: Iterable[Change], known: Known) -> None:
    """An autoscaler that rests at 0 replicas does not rest at one fewer."""
    scalers = [one for change in source for one in scaling(change, [*known.hpas, *known.scaled_objects])]
    if not scalers or (await choose(context)).strategy != "replica-by-replica":
        return
    kind, metadata = scalers[0]["kind"], scalers[0]["metadata"]
    raise RefusedError(
        f"replica by replica, the source is scaled down in steps, which {kind} {metadata['name']} undoes",
        where=f"{kind} {metadata['namespace']}/{metadata['name']}",
        next_action="delete or pause it for the move, or choose another --strategy",
        code=_CODE,
    )


def _told(changes: Sequence[Change], verdicts: Sequence[Verdict], known: Known) -> list[str]:
    owned = {one.ref for one in verdicts}
    free = [one.ref for one in changes if one.ref not in owned]
    said = [_marked(one) for one in verdicts]
    if free:
        more = f" and {count_of(len(free) - 1, 'other')}" if len(free) > 1 else ""
        said.append(f"no owner shows on {free[0]}{more}")
    absent = [product for kind, product in _PRODUCTS.items() if kind in known.absent]
    if absent:
        said.append(f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed")
    return [*said, *(f"not known: {why}" for why in dict.fromkeys(known.unread.values()))]


def _marked(verdict: Verdict) -> str:
    word = {Outcome.LATER: "warning: ", Outcome.UNKNOWN: "warning: "}.get(verdict.outcome, "")
    return f"{word}{verdict.sentence}"
