"""Steps ``drain``, ``release`` and ``park``: let the source finish what it has, then release its accelerators.

The point of no return lies between them: a source that does not get idle can still have its tenants back; once it is
parked, the move only goes forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.edge.contract import Member
from pointsman.errors import MoveFailedError, NeedsPersonError, PointsmanError
from pointsman.move.context import Context
from pointsman.move.counting.traffic import UNKNOWN
from pointsman.move.judging.askers import Askers, refuse_reached
from pointsman.move.judging.drain import LOOK, READINGS, Watch, closed_to
from pointsman.move.live import read_live
from pointsman.move.probes.counters import Reading, read_all, readings_data
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.deploy import pods_gone
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.move.waits import Wait
from pointsman.report.counting import count_of

__all__ = ["Drain", "Park", "Release"]

TELL = 10.0
"""Seconds between two words to the operator about who is still busy."""


class Drain:
    """Wait until no engine of the source runs or queues anything."""

    id = "drain"
    commits = False
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        late = {"wait": "then ask a person", "give-back": "then give tenants back", "cut": "then cut what runs"}
        options = context.options
        return Description(
            act=f"let {context.source.title} finish, up to {options.drain_timeout:g} s, {late[options.drain_policy]}",
            check="every replica of the edge runs a configuration without it and answers from others; running and "
            f"waiting are 0 on every engine, {READINGS} readings in a row, and nothing is counted between: what still "
            "comes means that somebody else asks it, and a person is asked",
            undo="nothing to take back: the source still stands",
        )

    async def validate(self, context: Context) -> Detail:
        """The source's counters as the drain begins."""
        pods = await engine_pods(context.cluster, context.source, context.model)
        return {"counters": readings_data(await read_all(context.cluster, pods))}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """See that nothing new is sent, read all engines until they are quiet; past the deadline go by the policy."""
        watch, deadline = Watch(), context.clock.monotonic() + context.options.drain_timeout
        askers = Askers(context, context.source)
        with context.waits.during(Wait.DRAIN):
            edge = await self._until_closed(context, deadline)
            await refuse_reached(context, context.source)
            await askers.begin()
            quiet = await self._until_quiet(context, watch, askers, deadline)
        cut: int | str = 0 if quiet else UNKNOWN if watch.under_way is None else watch.under_way
        final = [Reading(pod, "serve", counters) for pod, counters in watch.last.items()]
        said = "is idle" if quiet else f"is cut off with {cut} requests under way"
        context.note(self.id, f"{context.source.title} {said} on {count_of(len(final), 'engine')}", {"cut": cut})
        return {
            "edge": edge,
            "counters": readings_data(final),
            "arrived": dict(watch.arrived),
            "askers": askers.as_dict(),
            "policy": context.options.drain_policy,
            "quiet": quiet,
            "cut": cut,
        }

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed: the source still stands."""
        return {}

    async def _until_closed(self, context: Context, deadline: float) -> Mapping[str, Any]:
        """Wait until no replica of the edge can send anything to the source; returns what they showed.

        Neither the policy nor a person can skip this: to cut a source that still gets tenants would lose new requests
        and not only old ones.
        """
        told = context.clock.monotonic()
        while (closed := await closed_to(context, context.source)).why:
            now = context.clock.monotonic()
            if now >= deadline:
                raise _deadline(context, closed.why, cut=False)
            if now - told >= TELL:
                told = now
                context.note(self.id, closed.why, {})
            await context.clock.sleep(LOOK)
        replicas = len(closed.evidence["replicas"])
        context.note(self.id, f"the edge sends it nothing more, {count_of(replicas, 'replica')} asked", {})
        return closed.evidence

    async def _until_quiet(self, context: Context, watch: Watch, askers: Askers, deadline: float) -> bool:
        """True when all engines got quiet, False when the operator or the policy cuts what is left.

        Quiet for a moment is not enough once a request came that should not have: whoever sent it may send the next.
        """
        told, said = context.clock.monotonic(), ""
        while True:
            pods = await engine_pods(context.cluster, context.source, context.model)
            watch.look(await read_all(context.cluster, pods))
            await askers.look(watch)
            if watch.drained and askers.calm:
                return True
            now = context.clock.monotonic()
            if self.id in context.promoted or askers.all_left():
                return False
            if now >= deadline:
                if context.options.drain_policy == "cut":
                    return False
                raise _deadline(context, askers.said() or watch.why, cut=True)
            if now - told >= TELL or bool(said) != bool(askers.said()):
                told, said = now, askers.said()
                context.note(self.id, f"not drained: {said}" if said else watch.why, askers.as_dict())
            await context.clock.sleep(LOOK)


def _deadline(context: Context, why: str, *, cut: bool) -> PointsmanError:
    """The source is busy past its time: give tenants back to it, or let a person say."""
    what = f"{context.source.title} is still busy after {context.options.drain_timeout:g} s: {why}"
    where = str(context.source.reads(context.model)[0])
    if context.options.drain_policy == "give-back":
        return MoveFailedError(what, where=where, next_action="find out what runs so long", code="drain-deadline-back")
    model, cutting = context.model.name, f"pointsman promote {context.model.name} cuts what runs and counts it, "
    said = f"tenants are on the target; pointsman resume {model} waits on, {cutting if cut else ''}"
    said += f"pointsman rollback {model} puts tenants back"
    if cut:
        return NeedsPersonError(what, where=where, next_action=said, code="drain-deadline")
    return NeedsPersonError(what, where=where, next_action=said, code="drain-open")


class Release:
    """Release the source's accelerators before the target has them: tenants are elsewhere, or nowhere."""

    id = "release"
    commits = False
    shifts = True
    """An abort has to wake the source before it is given tenants."""

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        patches = context.source.park(context.model)
        return Description(
            act=f"park {', '.join(str(patch.ref) for patch in patches)}",
            check="its pods are gone and its accelerators are free",
            undo=f"wake {context.source.title} and wait until it serves",
        )

    async def validate(self, context: Context) -> Detail:
        """Is it parked already?"""
        live = await read_live(context.cluster, context.source, context.model)
        return {"parked": context.source.parked(context.model, live)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Patch, then wait until every engine pod is gone."""
        return await _park(context, self.id)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Wake it, and prove that it serves."""
        for patch in context.source.unpark(context.model):
            await context.cluster.patch(patch.ref, patch.body)
        return {"ready": (await prove_serving(context, context.source, self.id))["ready"]}


class Park:
    """Release the source's accelerators and keep its declaration."""

    id = "park"
    commits = True
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

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
        return await _park(context, self.id)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing: this lies past the point of no return."""
        return {}


async def _park(context: Context, step: str) -> Detail:
    """Park the source and wait until it holds nothing; never while somebody declared still reaches it."""
    await refuse_reached(context, context.source)
    await context.look_at_engines()
    patched: list[str] = []
    for patch in context.source.park(context.model):
        if await context.cluster.find(patch.ref) is not None:
            await context.cluster.patch(patch.ref, patch.body)
            patched.append(str(patch.ref))
    with context.waits.during(Wait.RELEASE):
        await pods_gone(context, context.source, parked=True)
    context.note(step, f"{context.source.title} holds no accelerator", {"patched": patched})
    return {"patched": patched, "gpus": context.source.gpus(context.model)}
