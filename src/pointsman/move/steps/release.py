"""Steps ``drain`` and ``park``: let the source finish what it has, then release its accelerators.

The point of no return lies before ``drain``: from here on the move only goes forward.
"""

from __future__ import annotations

from typing import Any

from pointsman.errors import NeedsPersonError
from pointsman.move.context import Context
from pointsman.move.drain import READINGS, Watch
from pointsman.move.live import read_live
from pointsman.move.probes.counters import Reading, read_all, readings_data
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.deploy import pods_gone
from pointsman.move.waits import Wait

__all__ = ["Drain", "Park"]

LOOK = 0.5
"""Seconds between two readings."""
TELL = 10.0
"""Seconds between two words to the operator about who is still busy."""


class Drain:
    """Wait until no engine of the source runs or queues anything."""

    id = "drain"
    commits = True

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"let {context.source.title} finish, up to {context.options.drain_timeout:g} s",
            check=f"running and waiting are 0 on every engine, {READINGS} readings in a row, and nothing is counted",
            undo="none: past the point of no return",
        )

    async def validate(self, context: Context) -> Detail:
        """The source's counters as the drain begins."""
        pods = await engine_pods(context.cluster, context.source, context.model)
        return {"counters": readings_data(await read_all(context.cluster, pods))}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Read all engines until they are quiet."""
        watch = Watch()
        with context.waits.during(Wait.DRAIN):
            await self._until_quiet(context, watch)
        final = [Reading(pod, "serve", counters) for pod, counters in watch.last.items()]
        context.note(self.id, f"{context.source.title} is idle on {len(final)} engines", {})
        return {"counters": readings_data(final)}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed: the source still stands."""
        return {}

    async def _until_quiet(self, context: Context, watch: Watch) -> None:
        begun = told = context.clock.monotonic()
        while True:
            pods = await engine_pods(context.cluster, context.source, context.model)
            watch.look(await read_all(context.cluster, pods))
            if watch.drained:
                return
            now = context.clock.monotonic()
            if now - begun >= context.options.drain_timeout:
                raise NeedsPersonError(
                    f"{context.source.title} is still busy after {context.options.drain_timeout:g} s: {watch.why}",
                    where=str(context.source.reads(context.model)[0]),
                    next_action="tenants are on the target; run the move again with --recover to wait on, or park the "
                    "source by hand and cut what runs",
                    code="drain-deadline",
                )
            if now - told >= TELL:
                told = now
                context.note(self.id, watch.why, {})
            await context.clock.sleep(LOOK)


class Park:
    """Release the source's accelerators and keep its declaration."""

    id = "park"
    commits = False

    def describe(self, context: Context) -> Description:
        """The step in words."""
        patches = context.source.park(context.model)
        return Description(
            act=f"park {', '.join(str(patch.ref) for patch in patches)}",
            check="its pods are gone and its accelerators are free",
            undo="none: past the point of no return; a new move wakes it",
        )

    async def validate(self, context: Context) -> Detail:
        """Is it parked already?"""
        live = await read_live(context.cluster, context.source, context.model)
        return {"parked": context.source.parked(context.model, live)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Patch, then wait until every engine pod is gone."""
        patched: list[Any] = []
        for patch in context.source.park(context.model):
            if await context.cluster.find(patch.ref) is not None:
                await context.cluster.patch(patch.ref, patch.body)
                patched.append(str(patch.ref))
        with context.waits.during(Wait.RELEASE):
            await pods_gone(context, context.source)
        context.note(self.id, f"{context.source.title} holds no accelerator", {"patched": patched})
        return {"patched": patched, "gpus": context.source.gpus(context.model)}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing: this lies past the point of no return."""
        return {}
