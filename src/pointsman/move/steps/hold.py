"""Steps ``hold`` and ``detach``: keep the source warm for a while, then take it out of the alias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.edge.contract import Member
from pointsman.errors import MoveFailedError
from pointsman.move.context import Context, member_data
from pointsman.move.judging.evidence import broke
from pointsman.move.probes.counters import read_all, readings_data
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.alias import alias_unchanged, all_on_target, refuse_strangers, restore_alias, roll
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.reasons import detaching
from pointsman.move.steps.shift import serving_target
from pointsman.move.waits import Wait

__all__ = ["Detach", "Hold"]

LOOK = 1.0
"""Seconds between two looks at the target during the hold."""
ASKED = 8
"""Marked requests after the source was taken out."""


@dataclass(frozen=True, slots=True)
class Hold:
    """All tenants are on the target; the source is a warm standby with weight 0, where it stands beside it."""

    warm: bool = True
    """Is there a source that could take tenants back at once?"""
    listed: bool = True
    """Is it in the alias, with weight 0?"""
    id: str = "hold"
    commits: bool = False
    shifts: bool = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        if not self.warm:
            return Description(
                act=f"watch {context.target.title} for {context.options.hold:g} s",
                check=f"it stays ready and breaks no more often than {context.source.title} did",
                undo="nothing to take back",
            )
        place = "in the alias with weight 0" if self.listed else "outside the alias"
        return Description(
            act=f"keep {context.source.title} warm, {place}, for {context.options.hold:g} s",
            check=f"{context.target.title} stays ready and breaks no more often than {context.source.title} did; "
            f"{context.source.title} stays ready, so that a rollback costs one roll of the edge",
            undo="nothing to take back",
        )

    async def validate(self, context: Context) -> Detail:
        """The target's counters as the hold begins."""
        return {"counters": readings_data(await read_all(context.cluster, await serving_target(context)))}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Wait, looking at the target once a second."""
        begun = context.clock.monotonic()
        deadline = begun + context.options.hold
        first = await read_all(context.cluster, await serving_target(context))
        cold = ""
        with context.waits.during(Wait.HOLD):
            while (left := deadline - context.clock.monotonic()) > 0 and self.id not in context.promoted:
                await context.clock.sleep(min(LOOK, left))
                await serving_target(context)
                cold = await self._cold(context, cold) if self.warm else ""
        last = await read_all(context.cluster, await serving_target(context))
        if why := await broke(context, first):
            raise MoveFailedError(why, where=context.target.title, next_action="look at its log", code="errors")
        held = round(context.clock.monotonic() - begun, 1)
        return {"held": held, "sourceCold": cold, "counters": readings_data(last)}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed."""
        return {}

    async def _cold(self, context: Context, before: str) -> str:
        """Why the source would not take tenants back at once; empty while it would.

        It is told, and not a failure: the target serves, and giving up on it would not warm the source.
        """
        pods = await engine_pods(context.cluster, context.source, context.model)
        lame = [one.name for one in pods if one.role == "serve" and not one.serving]
        serves = any(one.serving and one.role == "serve" for one in pods)
        why = f"{lame[0]} is not ready" if lame else "" if serves else "no engine of it serves"
        if why and why != before:
            context.note(self.id, f"{context.source.title} is not warm any more: {why}", {"sourceCold": why})
        return why


class Detach:
    """The alias names the target alone: not even a failing target sends a tenant to the source any more."""

    id = "detach"
    commits = False
    shifts = True

    def members(self, context: Context) -> Sequence[Member] | None:
        """The target alone."""
        return context.alone(context.target)

    def describe(self, context: Context) -> Description:
        """The step in words."""
        alias = context.model.spec.tenant.alias
        return Description(
            act=f"alias {alias}: {context.target.title} alone",
            check="every replica of the edge runs it and none of an older configuration is left",
            undo=f"alias {alias} back on {context.source.title} alone",
        )

    async def validate(self, context: Context) -> Detail:
        """The alias stands where the last shift left it."""
        found = await alias_unchanged(context, context.split(100), context.alone(context.target))
        await serving_target(context)
        return {"members": member_data(found.members)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Write and confirm."""
        members = context.alone(context.target)
        revision, answers = await roll(context, members, lambda: context.edge.observe(ASKED), detaching(context))
        refuse_strangers(context, members, answers)
        context.note(self.id, f"{context.source.title} is out of the alias on every replica", {})
        observed = all_on_target(members, answers)
        return {"revision": revision, "members": member_data(members), "asked": 100, "observed": observed}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Back to the alias as it was before the move."""
        return await restore_alias(context)
