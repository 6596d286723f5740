"""Bringing a model up on its declared layer for the first time: deploy, prove, point the alias there.

The same proofs as in a move, without a source to compare with. A model whose alias points elsewhere is moved, not
brought up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pointsman.errors import PointsmanError, RefusedError
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.preflight import CHECKS
from pointsman.move.records import remember
from pointsman.move.steps.contract import Detail
from pointsman.move.steps.deploy import Deploy, apply_layer
from pointsman.move.steps.prove_contract import prove_contract
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.move.steps.shift import point_alias, restore_alias, same_members
from pointsman.report.contract import Topic
from pointsman.spec.model import Model

__all__ = ["bring_up"]

_APPLY = {"kinds-served", "target-namespace", "auth-secret", "no-foreign-objects", "gpus-free", "target-accepted"}
"""The preflight's checks that make sense without a source."""


async def bring_up(conductor: Conductor, model: Model, options: Options) -> Mapping[str, Any]:
    """Serve ``model`` from its declared layer and point its alias there; saying it twice changes nothing.

    Raises RefusedError when its alias points at another layer or a move of it is open. What fails or is cancelled
    takes back what was not there before.
    """
    lock = conductor.lock_of(model)
    await conductor.refuse_if_busy(model)
    context = await conductor.context_for(model, options)
    _refuse_elsewhere(context)
    for check in CHECKS:
        if check.id in _APPLY:
            context.note("preflight", f"{check.id}: {await check.run(context)}", {})
    await lock.take()
    return await conductor.while_held(lock, _all_or_nothing(conductor, context))


async def _all_or_nothing(conductor: Conductor, context: Context) -> Mapping[str, Any]:
    """Bring the model up; when that fails or is interrupted, take back what was not there before.

    A model that tenants are served from already is left alone.
    """
    step = Deploy()
    seen = await step.validate(context)
    try:
        return await _bring_up(conductor, context)
    except (PointsmanError, asyncio.CancelledError):
        if not context.alias.members:
            conductor.tell(Topic.UNDO_BEGUN, step.id, step.describe(context).undo, {})
            await asyncio.shield(asyncio.ensure_future(_take_back(context, step, seen)))
            conductor.tell(Topic.UNDO_DONE, step.id, "", {})
        raise


async def _take_back(context: Context, step: Deploy, seen: Detail) -> None:
    if (await context.edge.read()).members:
        await restore_alias(context)
    await step.undo(context, seen)


async def _bring_up(conductor: Conductor, context: Context) -> Mapping[str, Any]:
    layer, model = context.target, context.model

    def begin(step: str, text: str) -> None:
        conductor.tell(Topic.STEP_BEGUN, step, text, {})

    begin("deploy", f"apply {layer.title}")
    await remember(context.cluster, model)
    applied = await apply_layer(context, layer)
    conductor.tell(Topic.STEP_DONE, "deploy", f"{len(applied)} objects", {})
    begin("serve-ready", f"wait for {layer.title}")
    ready = await prove_serving(context, layer, "serve-ready")
    conductor.tell(Topic.STEP_DONE, "serve-ready", "", ready)
    begin("contract", "ask the engine what was promised")
    proved = await prove_contract(context, layer, None, "contract")
    conductor.tell(Topic.STEP_DONE, "contract", "", proved)
    members = [context.member(layer, 100)]
    begin("alias", f"point {model.spec.tenant.alias} at {layer.title}")
    if not same_members(context.alias.members, members):
        await point_alias(context, members)
    conductor.tell(Topic.STEP_DONE, "alias", "", {})
    point = layer.endpoint(model)
    return {
        "model": model.name,
        "layer": layer.id,
        "alias": model.spec.tenant.alias,
        "baseUrl": point.base_url,
        "objects": applied,
        "pods": ready["pods"],
        "waits": dict(context.waits.spent),
    }


def _refuse_elsewhere(context: Context) -> None:
    others = [one for one in context.alias.members if one.layer != context.target.id]
    if others:
        raise RefusedError(
            f"alias {context.alias.alias} points at {', '.join(one.id for one in others)}, not at "
            f"{context.target.title}, which the spec declares",
            next_action=f"pointsman move {context.model.name} --to {context.target.id}",
            code="up-elsewhere",
        )
