"""Bringing a parked layer back: as it was when it was parked, proved by a completion of every engine.

The alias stays where it is. A layer that is parked and of which nothing is kept (a move parked it, or git has it that
way) gets the number of replicas that is declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.errors import MoveFailedError, NeedsPersonError, PointsmanError, RefusedError
from pointsman.layers.contract import Layer, Patch, PodNeed
from pointsman.leaving.pointing import layers_in
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.plan.capacity import read_room
from pointsman.move.plan.cost import hourly
from pointsman.move.plan.refusing import refuse
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.parking.down import context_on, refuse_begun
from pointsman.parking.kept import Kept, forget, kept
from pointsman.parking.look import Look, look, owners_of, replicas_of
from pointsman.parking.refusing import refuse_reverted, refuse_without_rights
from pointsman.parking.writing import refuse_other, write
from pointsman.report.contract import Topic
from pointsman.spec.model import Model

__all__ = ["Commands", "Waking"]


@dataclass(frozen=True, slots=True)
class Commands:
    """Command lines that are told to people."""

    again: str = ""
    """Says it again, for whoever has to."""
    down: str = ""
    """Parks the layer."""
    status: str = ""
    """Shows what is so."""


def _way_there(context: Context) -> str:
    """To a layer that is not deployed: a move needs tenants who are served already."""
    name, layer = context.model.name, context.target.id
    if any(one.ours for one in context.alias.members):
        return f"pointsman move {name} --to {layer} deploys it and moves tenants there"
    if layer == context.model.spec.layer:
        return f"pointsman up {name} brings it up"
    return (
        f"pointsman up {name} brings the model up on {context.model.spec.layer}, which it is declared on; then "
        f"pointsman move {name} --to {layer}"
    )


@dataclass(slots=True)
class Waking:
    """One layer that is to serve again."""

    conductor: Conductor
    model: Model
    layer: str
    options: Options
    commands: Commands = Commands()

    async def look(self) -> Look:
        """What there is and what waking it would do; raises RefusedError while it may not be begun."""
        await self.conductor.refuse_if_busy(self.model)
        context = await self._context()
        return await self._allowed(context, await self._looked(context))

    async def carry_out(self, shown: Look) -> Mapping[str, Any]:
        """Do it, if everything is still as it was shown; raises NeedsPersonError where it does not serve then."""
        context, lock = await self._context(), self.conductor.lock_of(self.model)
        await lock.take()
        return await self.conductor.tenure.while_held(lock, self._held(context, shown))

    async def _context(self) -> Context:
        return await context_on(self.conductor, self.model, self.layer, self.options)

    async def _looked(self, context: Context) -> Look:
        """The layer, with the patch that brings it back as it was, or none where it is awake already."""
        layer, model = context.target, context.model
        found = await look(context, layer)
        if found.live is None:
            raise RefusedError(
                f"{layer.title} of model {model.name} is not deployed, so there is nothing to wake",
                where=str(found.ref),
                next_action=_way_there(context),
                code="up-absent",
            )
        if found.changes:  # it does not wear what parks it
            return replace(found, patch=Patch(found.ref, {}))
        one = await self._kept(context, found)
        (usual,) = layer.unpark(model)
        patch = Patch(found.ref, dict(one.undo)) if one else usual
        replicas = one.replicas if one else replicas_of(layer, model, {**found.live, **_declared(usual)})
        gpus = one.gpus if one and one.gpus else sum(need.gpus for need in _needs(layer, model, replicas))
        note = (
            f"as it was when it was parked by {one.by} at {one.at}"
            if one
            else "nothing is kept of how it was parked, so it gets what is declared"
        )
        return replace(
            found, patch=patch, replicas=replicas, gpus=gpus, per_hour=hourly(layer, model, gpus), notes=(note,)
        )

    async def _kept(self, context: Context, found: Look) -> Kept | None:
        """What was kept of this very object."""
        one = await kept(context.cluster, self.model.name, self.layer)
        return one if one and one.uid == found.uid else None

    async def _allowed(self, context: Context, found: Look) -> Look:
        layer = context.target
        if not found.changes:
            return found
        notes = refuse_reverted(await owners_of(context, layer, found.patch))
        await refuse_without_rights(context, layer, found.patch)
        missing = (await read_room(context.cluster)).missing(_needs(layer, context.model, found.replicas))
        if missing:
            raise refuse(
                "room",
                f"there is no room for {layer.title}: {missing}",
                next_action="park what is not used (pointsman down MODEL --layer LAYER), or add a node",
            )
        return replace(found, notes=(*found.notes, *notes))

    async def _held(self, context: Context, shown: Look) -> Mapping[str, Any]:
        await refuse_begun(self.conductor, self.model)
        found = await self._looked(context)
        refuse_other(shown, found)
        woken = bool(found.changes)
        if woken:
            await self._allowed(context, found)
            self.conductor.tenure.fence.check()
            await write(self.conductor.means.cluster, found, self.commands.again)
            self.conductor.tell(Topic.STEP_DONE, "wake", f"{found.ref} is told to serve", {})
        proved = await self._proved(context)
        await forget(context.cluster, self.model.name, self.layer)
        self.conductor.tell(Topic.STEP_DONE, "serve-ready", "a completion from every engine", {})
        pointed = await self._pointed(context)
        found = replace(found, notes=(*found.notes, pointed)) if pointed else found
        return {
            "model": self.model.name,
            "state": "serving" if woken else "serving-already",
            **found.as_dict(),
            "next": self.commands.status if pointed else self.commands.down,
            "replicas": proved["replicas"],
            "pods": proved["pods"],
            "baseUrl": context.target.endpoint(self.model).base_url,
        }

    async def _pointed(self, context: Context) -> str:
        """Which alias leads there, as a sentence: then ``down`` is refused. Empty where none does that is known."""
        try:
            declared, replicas = await context.edge.read(), list(await context.edge.replicas())
        except PointsmanError:
            return ""
        how = (await layers_in(context.model, declared, replicas, None)).get(context.target.id)
        alias = context.model.spec.tenant.alias
        return f"alias {alias} points at it ({how}): its tenants are served from here" if how else ""

    async def _proved(self, context: Context) -> Mapping[str, Any]:
        try:
            return await prove_serving(context, context.target, "serve-ready")
        except MoveFailedError as error:
            raise NeedsPersonError(
                f"{context.target.title} is awake and does not serve: {error.what}",
                where=error.where,
                next_action=f"{error.next_action or 'look at its pods'}; it is paid for meanwhile: "
                f"{self.commands.down} parks it, {self.commands.again} waits on",
                code="up-not-serving",
            ) from error


def _declared(patch: Patch) -> Mapping[str, Any]:
    """What of a patch that wakes stands in the spec."""
    return {"spec": patch.body["spec"]} if "spec" in patch.body else {}


def _needs(layer: Layer, model: Model, replicas: int) -> list[PodNeed]:
    """The pods of so many replicas."""
    needs = list(layer.needs(model))
    serving = [one for one in needs if one.role == "serve"]
    return [*serving[:1] * replicas, *(one for one in needs if one.role != "serve")]
