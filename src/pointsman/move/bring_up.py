"""Bringing a model up on its declared layer for the first time: deploy, prove, point the alias there.

The same checks and proofs as in a move, without a source to compare with; at the end every replica of the edge is asked
through the alias, as a tenant would. A model whose alias points elsewhere is moved, not brought up.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pointsman.edge.contract import Member, Reason
from pointsman.errors import MoveFailedError, NeedsPersonError, PointsmanError, RefusedError, StoppedError
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.plan.preflight import CHECKS
from pointsman.move.plan.refusing import refuse
from pointsman.move.plan.strategy import room_for
from pointsman.move.records import recorded, remember, restore_record
from pointsman.move.steps.alias import point_alias, refuse_strangers, same_members
from pointsman.move.steps.contract import Detail
from pointsman.move.steps.deploy import Deploy, apply_layer
from pointsman.move.steps.prove_contract import prove_contract
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.report.contract import Topic
from pointsman.spec.model import Model

__all__ = ["bring_up"]

T = TypeVar("T")

_APPLY = {
    "rights",
    "edge-settings",
    "edge-healthy",
    "catalogue",
    "owners",
    "promises",
    "edge-rolls",
    "kinds-served",
    "target-namespace",
    "auth-secret",
    "no-foreign-objects",
    "target-accepted",
}
"""The preflight's checks that make sense without a source."""
EACH = 4
"""Requests through the alias for each replica of the edge, before it is said that tenants are served."""


async def bring_up(
    conductor: Conductor, model: Model, options: Options, stop: asyncio.Event | None = None
) -> Mapping[str, Any]:
    """Serve ``model`` from its declared layer and point its alias there; saying it twice changes nothing.

    Raises RefusedError when its alias points at another layer or a move of it is open, and StoppedError when ``stop``
    is set meanwhile. What fails or is stopped takes back what was not there before. A cancellation takes nothing back:
    it means that the model's lock is lost, or that the operator will not wait.
    """
    stop = stop or asyncio.Event()
    lock = conductor.lock_of(model)
    checked = _checked(conductor, model, options)
    context = await _unless(stop, checked, "interrupted before anything was changed")
    await lock.take()
    return await conductor.tenure.while_held(lock, _all_or_nothing(conductor, context, stop))


async def _checked(conductor: Conductor, model: Model, options: Options) -> Context:
    await conductor.refuse_if_busy(model)
    context = await conductor.context_for(model, options)
    _refuse_elsewhere(context)
    for check in CHECKS:
        if check.id in _APPLY:
            context.note("preflight", f"{check.id}: {await check.run(context)}", {})
    if missing := await room_for(context, context.target):
        raise refuse(
            "room",
            f"there is no room for {context.target.title}: {missing}",
            next_action="free what it needs, or declare another layer",
        )
    return context


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T], said: str) -> T:
    """Do the work; once ``stop`` is set, end it and raise StoppedError."""
    job, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({job, asked}, return_when=asyncio.FIRST_COMPLETED)
        if job.done():
            return job.result()
        raise StoppedError(said)
    finally:
        for task in (job, asked):
            task.cancel()
        await asyncio.gather(job, asked, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there before anything was applied."""

    objects: Detail
    record: str | None


async def _all_or_nothing(conductor: Conductor, context: Context, stop: asyncio.Event) -> Mapping[str, Any]:
    """Bring the model up; when that fails or is stopped, take back what was not there before.

    A model that tenants are served from already is left alone.
    """
    await conductor.refuse_torn_down(context.model)
    context.edge.begin(
        f"{context.model.name}-{secrets.token_hex(4)}", lambda text: conductor.tell(Topic.STEP_NOTE, "alias", text, {})
    )
    before = _Before(await Deploy().validate(context), await recorded(context.cluster, context.model.name))
    served = bool(context.alias.members)
    said = "tenants are served as before" if served else "what was not there before is gone again"
    try:
        return await _unless(stop, _bring_up(conductor, context), f"interrupted; {said}")
    except Exception as error:
        if not served:
            await _undo(conductor, context, before, error)
        raise


async def _undo(conductor: Conductor, context: Context, before: _Before, first: Exception) -> None:
    """Take everything back; raises NeedsPersonError, telling both errors, when that fails too."""
    step = Deploy()
    if isinstance(first, StoppedError):
        conductor.tell(Topic.NOTICE, "", "taking back what was not there before; interrupt again to stop at once", {})
    conductor.tell(Topic.UNDO_BEGUN, step.id, step.describe(context).undo, {})
    try:
        await context.edge.withdraw(context.alias.members)
        if (await context.edge.read()).members:
            await context.edge.remove()
            left = [one for one in context.alias.members if not one.ours]
            await context.edge.confirm(left, timeout=context.options.roll_timeout)
        await step.undo(context, before.objects)
        await restore_record(context.cluster, context.model.name, before.record)
    except PointsmanError as second:
        conductor.tell(Topic.UNDO_FAILED, step.id, str(second), second.as_dict())
        why = first.what if isinstance(first, PointsmanError) else str(first)
        raise NeedsPersonError(
            f"{why.partition(';')[0]}; then taking back what was applied failed: {second.what}",
            where=second.where,
            next_action="mend that, then run the command again: it goes on from what is there",
            code="up-left",
        ) from first
    conductor.tell(Topic.UNDO_DONE, step.id, "", {})


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
    members = context.alone(layer)
    begin("alias", f"point {', '.join(context.edge.names)} at {layer.title}")
    if not same_members(context.alias.members, members):
        await point_alias(context, members, Reason(f"{model.name} is brought up on {layer.title}."))
    conductor.tell(Topic.STEP_DONE, "alias", "", {})
    begin("served", "ask through the alias on every replica of the edge")
    heard = await _served(context, members)
    conductor.tell(Topic.STEP_DONE, "served", "", heard)
    point = layer.endpoint(model)
    return {
        "model": model.name,
        "layer": layer.id,
        "alias": model.spec.tenant.alias,
        "baseUrl": point.base_url,
        "objects": applied,
        "pods": ready["pods"],
        "answered": heard["answered"],
        "waits": dict(context.waits.spent),
    }


async def _served(context: Context, members: Sequence[Member]) -> Detail:
    """Ask as a tenant would; raises MoveFailedError when a replica of the edge, or an alias, has no answer of ours."""
    replicas = await context.edge.names_of_replicas()
    seen = await context.edge.observe(EACH * max(1, len(replicas)))
    refuse_strangers(context, members, seen)
    ours = {one.id: one.alias for one in members if one.ours}
    unheard = [name for name in replicas if not set(seen.replicas.get(name, ())) & set(ours)]
    unheard += [f"alias {alias}" for alias in ours.values() if not set(seen.aliases.get(alias, ours)) & set(ours)]
    if unheard:
        failed = ", ".join(f"{count} × {kind}" for kind, count in seen.failed.items())
        raise MoveFailedError(
            f"{unheard[0]} has no answer from {context.target.title}" + (f": {failed}" if failed else ""),
            where=f"alias {context.alias.alias}",
            next_action="look at the edge's log; a 401 means that the key its entry shows is not the engine's "
            "(spec.tenant.upstreamKey)",
            code="not-served",
        )
    return {"answered": dict(seen.answered), "replicas": {name: dict(seen.replicas[name]) for name in replicas}}


def _refuse_elsewhere(context: Context) -> None:
    others = [one for one in context.alias.members if one.ours and one.layer != context.target.id]
    if others:
        raise RefusedError(
            f"alias {context.alias.alias} points at {', '.join(one.id for one in others)}, not at "
            f"{context.target.title}, which the spec declares",
            next_action=f"pointsman move {context.model.name} --to {context.target.id}",
            code="up-elsewhere",
        )
