"""Taking one layer of a model away, in an order that loses nobody: alias, drain, workload, Application, objects.

Each step is checked before the next begins, and nothing is remembered: whoever runs it again finds what is left and
goes on from there. An Application that its group makes again is not deleted here. It goes by a commit of people, and
until then the layer is parked and costs no accelerator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.errors import NeedsPersonError, RefusedError
from pointsman.layers.registry import layer as layer_named
from pointsman.leaving.acts import delete_all, drain, end_application, keep_claims, park, refuse_made_again
from pointsman.leaving.keeper import Keeper
from pointsman.leaving.look import Look, look
from pointsman.leaving.refusing import refuse_declared, refuse_served, refuse_trapped, refuse_without_rights
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.records import remember
from pointsman.report.contract import Topic
from pointsman.report.counting import count_of
from pointsman.spec.model import Model

__all__ = ["Teardown"]


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
        await self.conductor.refuse_torn_down(self.model)
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
            await drain(context)
            self._tell("drain", "its engines have nothing left to do")
            await refuse_served(context)
            await park(context)
            released = context.source.gpus(self.model)
            self._tell("workload", f"it holds no accelerator any more ({released} released)")
        if self.keep_volumes and found.keepers:
            await keep_claims(context.cluster, found.there)
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

    async def _ended(self, context: Context, keeper: Keeper) -> str:
        """Delete the Application and wait until it is gone; one that comes back is left to people."""
        refuse_made_again(context, keeper)
        await end_application(context.cluster, keeper.app.ref, context.options.release_timeout)
        self._tell("application", f"Application {keeper.app.name} is gone")
        return keeper.app.name

    async def _deleted(self, context: Context) -> list[str]:
        """Delete what is still there, the last made first."""
        found = await look(context, keep_volumes=self.keep_volumes)
        gone = await delete_all(context.cluster, found.going, context.options.release_timeout)
        if gone:
            self._tell("objects", f"{count_of(len(gone), 'object')} deleted")
        return gone


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
