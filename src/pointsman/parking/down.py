"""Parking one layer of a model: nobody reaches it, its engines are idle, one write, and its GPUs are really free.

Nothing but the layer's object is changed, by the layer's own means, and in the cluster alone: how many replicas there
are is never written into git. What it was is kept first, so that ``Waking`` can bring back just that. Killed anywhere,
it is run again and goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.errors import ChangedError, NeedsPersonError, RefusedError
from pointsman.layers.contract import Layer
from pointsman.layers.registry import layer as layer_named
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.holding.lock import stamp
from pointsman.move.judging.drain import run_out
from pointsman.move.plan.cost import hourly
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.deploy import pods_gone
from pointsman.parking.held import Before, Freed, before, freed
from pointsman.parking.kept import Kept, forget, keep, kept
from pointsman.parking.look import Look, look, owners_of, past_the_edge, undo_of
from pointsman.parking.refusing import refuse_pointed, refuse_reverted, refuse_without_rights
from pointsman.parking.writing import refuse_other, write
from pointsman.report.contract import Topic
from pointsman.spec.model import Model

__all__ = ["Down", "context_on", "layers_up", "refuse_begun"]


async def context_on(conductor: Conductor, model: Model, layer: str, options: Options) -> Context:
    """A context with the layer on both sides."""
    context = await conductor.context_for(model, options)
    named = next((one for one in conductor.means.layers if one.id == layer), None) or layer_named(layer)
    return replace(context, source=named, target=named)


async def layers_up(conductor: Conductor, model: Model) -> list[str]:
    """Layers of the model that are not parked, or whose pods still hold something."""
    context = await conductor.context_for(model, Options())
    found = [await look(context, one) for one in conductor.means.layers]
    return [one.layer.id for one in found if not _done(one)]


async def refuse_begun(conductor: Conductor, model: Model) -> None:
    """Raise ChangedError when a move of the model, or RefusedError when a teardown of it, began meanwhile."""
    await conductor.refuse_torn_down(model)
    for one in await conductor.ledger.moves(model=model.name):
        raise ChangedError(
            f"move {one.progress.move} began meanwhile; nothing was written",
            next_action=f"pointsman status {model.name}",
        )


@dataclass(slots=True)
class Down:
    """One layer that is to be parked."""

    conductor: Conductor
    model: Model
    layer: str
    options: Options
    again: str = ""
    """The command line that says it again, for whoever has to."""

    async def look(self) -> Look:
        """What there is and what parking it would do; raises RefusedError while it may not be begun."""
        await self.conductor.refuse_if_busy(self.model)
        context = await self._context()
        found = await look(context, context.source)
        _refuse_absent(found, self.model)
        return await self._allowed(context, found)

    async def carry_out(self, shown: Look) -> Mapping[str, Any]:
        """Do it, if everything is still as it was shown.

        Raises ChangedError when it is not, and NeedsPersonError where it cannot go on alone.
        """
        context, lock = await self._context(), self.conductor.lock_of(self.model)
        await lock.take()
        return await self.conductor.tenure.while_held(lock, self._held(context, shown))

    async def _context(self) -> Context:
        return await context_on(self.conductor, self.model, self.layer, self.options)

    async def _allowed(self, context: Context, found: Look) -> Look:
        """The look with what there is to know; where nothing is to be written, nothing can be refused."""
        if not found.changes:
            return found
        notes = await refuse_pointed(context, self.conductor.means.layers)
        notes += refuse_reverted(await owners_of(context, context.source, found.patch))
        await refuse_without_rights(context, context.source, found.patch)
        return replace(found, notes=(*notes, *await past_the_edge(context)))

    async def _held(self, context: Context, shown: Look) -> Mapping[str, Any]:
        await refuse_begun(self.conductor, self.model)
        found = await look(context, context.source)
        if not found.changes:
            return await self._left_over(context, found)
        refuse_other(shown, found)
        await self._allowed(context, found)
        await self._drained(context)
        await refuse_pointed(context, self.conductor.means.layers)
        found = await look(context, context.source)
        refuse_other(shown, found)
        one = await self._parked(context, found)
        return await self._freed(context, found, one, "parked")

    async def _left_over(self, context: Context, found: Look) -> Mapping[str, Any]:
        """It is parked: by an earlier run of this one perhaps, which did not get to see that its GPUs are free."""
        one = await kept(context.cluster, self.model.name, self.layer)
        if one is None or one.uid != found.uid:
            one = Kept(found.uid, found.replicas, 0, {}, Before(found.held), proved=True)
        if _done(found) and one.proved:
            return self._result(found, one, Freed(0), "parked-already" if found.live else "absent")
        return await self._freed(context, found, one, "parked" if found.live else "absent")

    async def _drained(self, context: Context) -> None:
        """Until its engines have nothing left; whoever still asks comes past the edge."""
        layer, options = context.source, context.options
        cut = await run_out(context, layer, "drain")
        if cut and not await _only_mute(context, layer):
            raise NeedsPersonError(
                f"{layer.title} is still busy after {options.drain_timeout:g} s: {cut} requests under way; nothing "
                "was cut and nothing was written",
                where=str(layer.reads(context.model)[0]),
                next_action="find out who calls it (pointsman plan tells who may), or wait longer with "
                "--drain-timeout; then run this again",
                code="park-busy",
            )
        self._tell("drain", "its engines have nothing left to do")

    async def _parked(self, context: Context, found: Look) -> Kept:
        """Keep what it was, then write."""
        assert found.live is not None
        then = await before(context, context.source)
        one = Kept(
            uid=found.uid,
            replicas=found.replicas,
            gpus=then.gpus,
            undo=undo_of(found.live, found.patch),
            before=then,
            by=self.conductor.means.holder,
            at=stamp(context.clock.now()),
        )
        await keep(context.cluster, self.model.name, self.layer, one)
        self.conductor.tenure.fence.check()
        try:
            await write(self.conductor.means.cluster, found, self.again)
        except ChangedError:
            await forget(context.cluster, self.model.name, self.layer)
            raise
        self._tell("park", f"{found.ref} is told to release what it holds")
        return one

    async def _freed(self, context: Context, found: Look, one: Kept, state: str) -> Mapping[str, Any]:
        """Its pods are gone, and what they held can be had."""
        await pods_gone(context, context.source, parked=True)
        proved = await freed(context, context.source, one.before)
        if one.undo:
            await keep(context.cluster, self.model.name, self.layer, replace(one, proved=True))
        self._tell("free", f"{proved.gpus} of its GPUs are free")
        return self._result(found, one, proved, state)

    def _result(self, found: Look, one: Kept, proved: Freed, state: str) -> Mapping[str, Any]:
        price = hourly(found.layer, self.model, proved.gpus)
        return {
            "model": self.model.name,
            "state": state,
            **found.as_dict(),
            "replicas": one.replicas,
            "freed": proved.as_dict(),
            "perHour": None if price is None else str(price),
        }

    def _tell(self, step: str, text: str) -> None:
        self.conductor.tell(Topic.STEP_DONE, step, text, {})


def _refuse_absent(found: Look, model: Model) -> None:
    """Raise RefusedError where neither the layer's object nor a pod of it is there."""
    if found.live is not None or found.held:
        return
    title, left = found.layer.title, ", ".join(one.name for one in found.claims)
    raise RefusedError(
        f"{title} of model {model.name} is not deployed, so there is nothing to park"
        + (f"; what is left of it is paid for: {left}" if left else ""),
        where=str(found.ref),
        next_action=f"pointsman status {model.name} shows what is there"
        + (f"; pointsman teardown {model.name} --layer {found.layer.id} takes the rest away" if left else ""),
        code="down-absent",
    )


def _done(found: Look) -> bool:
    """Is there nothing to write and nothing to wait for?"""
    return found.parked and not found.held


async def _only_mute(context: Context, layer: Layer) -> bool:
    """Is all that is not known to be idle an engine that is not ready? No Service sends anything there."""
    pods = [pod for pod in await engine_pods(context.cluster, layer, context.model) if pod.ready]
    readings = await read_all(context.cluster, pods)
    return all(one.counters is not None and one.counters.idle for one in readings)
