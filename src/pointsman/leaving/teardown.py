"""Taking one layer of a model away, in an order that loses nobody: alias, drain, workload, Application, objects.

Each step is checked before the next begins, and nothing is remembered: whoever runs it again finds what is left and
goes on from there. An Application that its group makes again is not deleted here. It goes by a commit of people, and
until then the layer is parked and costs no accelerator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.errors import NeedsPersonError, RefusedError, TemporaryError
from pointsman.kube.resources import Ref
from pointsman.layers.registry import layer as layer_named
from pointsman.leaving.keeper import CLAIM, Keeper
from pointsman.leaving.look import Look, look
from pointsman.leaving.refusing import refuse_declared, refuse_served, refuse_trapped, refuse_without_rights
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.judging.drain import run_out
from pointsman.move.live import read_live
from pointsman.move.records import remember
from pointsman.move.steps.deploy import held_back, pods_gone
from pointsman.report.contract import Topic
from pointsman.report.counting import count_of
from pointsman.spec.model import Model

__all__ = ["Teardown"]

KEPT = "argocd.argoproj.io/sync-options"


@dataclass(slots=True)
class Teardown:
    """One layer that is to go."""

    conductor: Conductor
    model: Model
    layer: str
    options: Options
    keep_volumes: bool = False

    async def look(self) -> Look:
        """What there is and what stands in the way; raises RefusedError while it may not be begun at all."""
        await self.conductor.refuse_if_busy(self.model)
        return await self._looked(await self._context())

    async def carry_out(self, shown: Look) -> Mapping[str, Any]:
        """Do it, if everything is still as it was shown; raises NeedsPersonError where it cannot go on alone."""
        context, lock = await self._context(), self.conductor.lock_of(self.model)
        await lock.take()
        return await self.conductor.tenure.while_held(lock, self._held(context, shown))

    async def _held(self, context: Context, shown: Look) -> Mapping[str, Any]:
        for one in await self.conductor.ledger.moves(model=self.model.name):
            raise RefusedError(
                f"move {one.progress.move} began meanwhile",
                next_action=f"pointsman status {self.model.name}",
                code="teardown-changed",
            )
        found = await self._looked(context)
        if _gist(found) != _gist(shown):
            raise RefusedError(
                "what is there changed while the question was open",
                next_action="run it again and read what it says now",
                code="teardown-changed",
            )
        refuse_trapped(found)
        await refuse_without_rights(context, found)
        await remember(context.cluster, self.model)
        return await self._steps(context, found)

    async def _context(self) -> Context:
        context = await self.conductor.context_for(self.model, self.options)
        named = next((one for one in self.conductor.means.layers if one.id == self.layer), None)
        leaving = named or layer_named(self.layer)
        return replace(context, source=leaving, target=leaving)

    async def _looked(self, context: Context) -> Look:
        refuse_declared(context)
        await refuse_served(context)
        return await look(context, keep_volumes=self.keep_volumes)

    async def _steps(self, context: Context, found: Look) -> Mapping[str, Any]:
        self._tell("alias", f"no alias and no replica of the edge leads to {context.source.title}")
        if not found.parked or found.pods:
            await self._drained(context)
            await refuse_served(context)
            await self._parked(context)
        if self.keep_volumes:
            await _keep_claims(context, found)
        ended = [await self._ended(context, one) for one in found.keepers]
        deleted = await self._deleted(context)
        left = await look(context, keep_volumes=self.keep_volumes)
        if not left.gone:
            raise _left(context, left)
        self._tell("gone", f"nothing of {context.source.title} is left")
        kept = [str(ref) for ref in left.there]
        return {"model": self.model.name, "layer": context.source.id, "applications": ended, "objects": deleted} | {
            "kept": kept,
            "gpus": found.gpus,
        }

    def _tell(self, step: str, text: str) -> None:
        self.conductor.tell(Topic.STEP_DONE, step, text, {})

    async def _drained(self, context: Context) -> None:
        """Until its engines have nothing left; whoever still asks it comes past the edge."""
        cut = await run_out(context, context.source, "drain")
        if cut:
            raise NeedsPersonError(
                f"{context.source.title} is still busy after {context.options.drain_timeout:g} s: {cut} requests under "
                "way, though no alias leads there",
                where=str(context.source.reads(context.model)[0]),
                next_action="find out who calls it past the edge (pointsman plan tells who may), then run this again",
                code="teardown-busy",
            )
        self._tell("drain", "its engines have nothing left to do")

    async def _parked(self, context: Context) -> None:
        layer, model = context.source, context.model
        for patch in layer.park(model):
            if await context.cluster.find(patch.ref) is not None:
                await context.cluster.patch(patch.ref, patch.body)
        await pods_gone(context, layer, parked=True)
        if not layer.parked(model, await read_live(context.cluster, layer, model)):
            raise NeedsPersonError(
                f"somebody woke {layer.title} again as soon as it was parked",
                where=str(layer.reads(model)[0]),
                next_action="kubectl get --show-managed-fields says who; stop them, then run this again",
                code="teardown-undone",
            )
        self._tell("workload", f"it holds no accelerator any more ({layer.gpus(model)} released)")

    async def _ended(self, context: Context, keeper: Keeper) -> str:
        """Delete the Application and wait until it is gone; one that comes back is left to people."""
        ref = keeper.app.ref
        if keeper.comes_back and not keeper.app.deleting:
            assert keeper.maker is not None
            raise NeedsPersonError(
                f"{context.source.title} is parked; Application {ref.name} is made by {keeper.maker.name}, which would "
                "make it again",
                where=str(ref),
                next_action=f"{keeper.maker.advice}; when it is gone run this again, which checks what is left",
                code="teardown-group",
            )
        await context.cluster.delete(ref)
        await self._gone(context, ref)
        self._tell("application", f"Application {keeper.app.name} is gone")
        return keeper.app.name

    async def _deleted(self, context: Context) -> list[str]:
        """Delete what is still there, the last made first."""
        found = await look(context, keep_volumes=self.keep_volumes)
        going = list(reversed(found.going))
        for ref in going:
            await context.cluster.delete(ref)
        for ref in going:
            await self._gone(context, ref)
        if going:
            self._tell("objects", f"{count_of(len(going), 'object')} deleted")
        return [str(ref) for ref in going]

    async def _gone(self, context: Context, ref: Ref) -> None:
        try:
            await context.cluster.wait_gone(ref, context.options.release_timeout)
        except TemporaryError as error:
            raise await _stuck(context, ref, error) from error


async def _keep_claims(context: Context, found: Look) -> None:
    """Tell Argo CD, on each claim, to let it stay (argo-cd 3.2 reads the option off the live object)."""
    for ref in (one for one in found.there if one.kind.name == CLAIM):
        live = await context.cluster.get(ref)
        said = str((live["metadata"].get("annotations") or {}).get(KEPT, ""))
        options = [one.strip() for one in said.split(",") if one.strip()]
        if found.keepers and "Delete=false" not in options:
            await context.cluster.patch(
                ref, {"metadata": {"annotations": {KEPT: ",".join([*options, "Delete=false"])}}}
            )


async def _stuck(context: Context, ref: Ref, error: TemporaryError) -> NeedsPersonError:
    """What holds a deleted object there, and how to let it go."""
    held, remedy = await held_back(context, ref), "look at who is to take that finalizer off"
    if ref.kind.name == "Application":
        app = Application(await context.cluster.find(ref) or {"metadata": {"name": ref.name}})
        held = "; ".join([held, *app.errors]) if held else "; ".join(app.errors)
        free = """--type merge -p '{"metadata":{"finalizers":null}}'"""
        remedy = (
            f"see what Argo CD says (kubectl -n {ref.namespace} describe application {ref.name}); without it: kubectl "
            f"-n {ref.namespace} patch application {ref.name} {free} lets it go and leaves its objects"
        )
    return NeedsPersonError(
        f"it is deleted and does not go: {held or error.what}",
        where=str(ref),
        next_action=f"{remedy}; then run this again",
        code="teardown-stuck",
    )


def _left(context: Context, found: Look) -> NeedsPersonError:
    what = [*map(str, found.going), *(f"pod {one}" for one in found.pods), *(one.app.name for one in found.keepers)]
    return NeedsPersonError(
        f"somebody makes it again: {', '.join(what)}",
        where=str(context.source.reads(context.model)[0]),
        next_action="kubectl get --show-managed-fields says who; stop them, then run this again",
        code="teardown-undone",
    )


def _gist(found: Look) -> tuple[object, ...]:
    """What was agreed to; pods may come and go."""
    return tuple(found.going), found.parked, tuple((one.app.ref, one.deletes, one.comes_back) for one in found.keepers)
