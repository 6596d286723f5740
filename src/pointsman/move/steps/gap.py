"""Steps of a move that has no room for two engines: the source's answers are kept, the alias closed, the source
released, and the alias opened again once the target is proved.

The time between is a loss that the operator agreed to; it is measured from the moment every replica of the edge turned
tenants away until every replica sends them to the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pointsman.edge.contract import Member
from pointsman.errors import MoveFailedError
from pointsman.move.context import Context, member_data
from pointsman.move.judging.contract_gate import reference_of
from pointsman.move.probes.engine import connect
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.alias import alias_unchanged, all_on_target, refuse_strangers, restore_alias, roll
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.reasons import closing, opening, restoring
from pointsman.move.steps.shift import serving_target

__all__ = ["Close", "Open", "Reference", "Settle"]

ASKED = 8
"""Marked requests once the alias is open again."""


class Reference:
    """Keep what the source answers, so that the target can be compared with it when the source is gone."""

    id = "reference"
    commits = False
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"ask {context.source.title} what the contract will be compared with, and keep its answers",
            check="it answers all of them",
            undo="nothing to take back",
        )

    async def validate(self, context: Context) -> Detail:
        """Nothing to remember."""
        return {}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Ask one engine of the source."""
        pods = await engine_pods(context.cluster, context.source, context.model)
        serving = [pod for pod in pods if pod.serving and pod.role == "serve"]
        if not serving:
            raise MoveFailedError(f"no engine of {context.source.title} serves", code="no-engine")
        async with connect(context.cluster, context.wire, context.model, serving[0]) as engine:
            found = await reference_of(context.model, engine)
        return found.as_dict()

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed."""
        return {}


class Close:
    """Turn tenants away: nobody is sent to the source any more, and to nobody else."""

    id = "close"
    commits = False
    shifts = True

    def members(self, context: Context) -> Sequence[Member] | None:
        """Nobody."""
        return context.closed()

    def describe(self, context: Context) -> Description:
        """The step in words."""
        alias = context.model.spec.tenant.alias
        return Description(
            act=f"alias {alias}: nobody; from here on tenants get errors, up to {context.options.allow_downtime:g} s",
            check="every replica of the edge runs it",
            undo=f"alias {alias} back on {context.source.title} alone",
        )

    async def validate(self, context: Context) -> Detail:
        """The alias stands where it was."""
        found = await alias_unchanged(context, context.alias.members, context.closed())
        return {"members": member_data(found.members)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Write and confirm."""
        revision, at = await roll(context, context.closed(), lambda: _now(context), closing(context))
        context.note(self.id, "tenants are turned away by every replica of the edge", {})
        return {"revision": revision, "members": member_data(context.closed()), "closedAt": at.isoformat()}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Back to the alias as it was before the move."""
        return await restore_alias(context)


class Open:
    """The alias names the proved target alone: the time without an engine is over."""

    id = "open"
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
            check=f"every replica of the edge runs it; {ASKED} marked requests are answered by the target",
            undo=f"alias {alias}: nobody again, until {context.source.title} serves",
        )

    async def validate(self, context: Context) -> Detail:
        """The alias is closed still; the target serves."""
        found = await alias_unchanged(context, context.closed(), context.alone(context.target))
        await serving_target(context)
        return {"members": member_data(found.members)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Write, confirm, look who answers."""
        members = context.alone(context.target)

        async def look() -> tuple[datetime, Any]:
            return await _now(context), await context.edge.observe(ASKED)

        revision, (at, answers) = await roll(context, members, look, opening(context))
        refuse_strangers(context, members, answers)
        downtime = _since(context.outcomes.get(Close.id, {}), at)
        context.note(self.id, f"tenants are served again, after {downtime:g} s", {"downtimeSeconds": downtime})
        observed = all_on_target(members, answers)
        return {
            "revision": revision,
            "members": member_data(members),
            "asked": 100,
            "observed": observed,
            "downtimeSeconds": downtime,
        }

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nobody again: the source does not serve yet."""
        revision, _ = await roll(context, context.closed(), lambda: _now(context), restoring(context))
        return {"members": member_data(context.closed()), "revision": revision}


class Settle:
    """The source stays parked. From here on only a new move goes back."""

    id = "settle"
    commits = True
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"leave {context.source.title} parked",
            check=f"{context.target.title} is ready and alone in the alias",
            undo="none: past the point of no return; a new move wakes it",
        )

    async def validate(self, context: Context) -> Detail:
        """The target serves, alone."""
        await alias_unchanged(context, context.alone(context.target))
        return {"pods": [pod.name for pod in await serving_target(context)]}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Nothing is left to do."""
        return {}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing: this lies past the point of no return."""
        return {}


async def _now(context: Context) -> datetime:
    return context.clock.now()


def _since(closed: Detail, at: datetime) -> float:
    """Seconds without an engine; by this machine's clock and that of the process that closed the alias."""
    began = closed.get("closedAt")
    return round(max(0.0, (at - datetime.fromisoformat(began)).total_seconds()), 1) if began else 0.0
