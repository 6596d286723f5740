"""Changing where aliases point: declared in one change, rolled through the edge, seen on every replica of it.

What counts is what the replicas run. The configuration may say what is wanted already and the replicas not run it,
because somebody put the text back and nobody rolled them; then they are rolled.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from pointsman.edge.contract import AliasState, Member, Observation, Reason, said
from pointsman.errors import ClusterError, ConflictError, MoveFailedError, NeedsPersonError, PointsmanError
from pointsman.move.context import Context, member_data
from pointsman.move.steps.contract import Detail
from pointsman.move.steps.reasons import restoring
from pointsman.move.waits import Wait

__all__ = [
    "alias_unchanged",
    "all_on_target",
    "behind",
    "point_alias",
    "refuse_strangers",
    "restore_alias",
    "roll",
    "same_members",
]

LOOK = 0.3
"""Seconds between two looks at the edge's replicas."""
LATE = 3.0
"""Seconds within which a replica answers that has little before it: a fifth of the time that the example platform's
replicas have, after they left the Service, to read what they accepted."""
PATIENCE = 15.0
"""Seconds that the way back waits for an edge that is behind."""
TRIES = 4
"""How often a change is declared and rolled before it is given up: others may write, or roll, at the same time."""
AGAIN = frozenset({"edge-stale", "edge-contended"})
"""Errors of a roll after which it is declared once more: it was overtaken."""

T = TypeVar("T")


def same_members(left: Sequence[Member], right: Sequence[Member]) -> bool:
    """Do two lists of members mean the same?"""
    return frozenset(left) == frozenset(right)


async def point_alias(context: Context, members: Sequence[Member], why: Reason) -> str:
    """Declare the members and wait until every replica of the edge runs them; returns the revision."""
    revision, _ = await roll(context, members, _nothing, why)
    return revision


async def roll(
    context: Context, members: Sequence[Member], look: Callable[[], Awaitable[T]], why: Reason
) -> tuple[str, T]:
    """Declare the members, wait until every replica of the edge runs them, and ``look`` at what it answers.

    The looking begins when nothing but replicas on their way out still runs an older configuration: these finish
    what they have and are given nothing new, so the answers are the new replicas' own, and waiting for the old ones
    to be gone costs nothing extra. Raises NeedsPersonError, with nothing changed, when the edge stays behind, and when
    somebody's newer decision stands in git.
    """
    if late := await behind(context, context.options.roll_timeout):
        raise NeedsPersonError(
            f"the edge does not catch up with what tenants ask: {late}; a replica that is ended now loses requests",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="give the edge more replicas or CPU, then look again",
            code="edge-behind",
        )
    try:
        return await _again(lambda: _rolled(context, members, look, why), tries=2)
    except ConflictError as error:
        await _leave_theirs(context, members, error)
        raise


async def _leave_theirs(context: Context, members: Sequence[Member], error: ConflictError) -> None:
    """Raise NeedsPersonError where git has somebody's newer decision: the way back would overwrite it.

    Who puts back in git what was there before the move does what the way back does.
    """
    if context.options.in_git is None or error.code != "edge-contended":
        return
    found = await _declared(context)
    if found is None or any(same_members(found.members, one) for one in (members, context.alias.members)):
        return
    raise NeedsPersonError(
        f"alias edited: {error.what}", where=error.where, next_action=error.next_action, code="drift"
    ) from error


async def _again(roll: Callable[[], Awaitable[T]], tries: int) -> T:
    """Say it again when others wrote or rolled at the same time, a few times."""
    for attempt in range(tries):
        try:
            return await roll()
        except ClusterError as error:
            if error.code not in AGAIN or attempt == tries - 1:
                raise
    raise AssertionError("unreachable")


async def _rolled(
    context: Context, members: Sequence[Member], look: Callable[[], Awaitable[T]], why: Reason
) -> tuple[str, T]:
    revision = await context.edge.write(members, why)
    deadline = context.clock.monotonic() + context.options.roll_timeout

    async def settled() -> T:
        while not await _taken_over(context, members) and context.clock.monotonic() < deadline:
            await context.clock.sleep(LOOK)
        return await look()

    with context.waits.during(Wait.EDGE_ROLL):
        tasks = (
            asyncio.ensure_future(context.edge.confirm(members, timeout=context.options.roll_timeout)),
            asyncio.ensure_future(settled()),
        )
        try:
            _, seen = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return revision, seen


async def behind(context: Context, patience: float) -> str:
    """Wait until every replica of the edge answers at once; which one does not after ``patience`` seconds, or nothing.

    A roll of the edge ends replicas, and one that is behind has requests it accepted and did not read.
    """
    deadline = context.clock.monotonic() + patience
    with context.waits.during(Wait.EDGE_ROLL):
        while late := {name: seconds for name, seconds in (await context.edge.lags()).items() if seconds > LATE}:
            if context.clock.monotonic() >= deadline:
                name, seconds = max(late.items(), key=lambda one: one[1])
                return f"replica {name} {_told(seconds)}"
            await context.clock.sleep(1.0)
    return ""


def _told(seconds: float) -> str:
    return "does not answer" if math.isinf(seconds) else f"answers after {seconds:.1f} s"


async def _taken_over(context: Context, members: Sequence[Member]) -> bool:
    staying = [one for one in await context.edge.replicas() if not one.terminating]
    return bool(staying) and all(one.ready and one.runs(members) for one in staying)


async def _nothing() -> None:
    """Look at nothing."""


def refuse_strangers(context: Context, members: Sequence[Member], seen: Observation) -> None:
    """Raise MoveFailedError when a marked request ended with anybody but these members.

    With others behind the alias a request that failed may be theirs, so it says nothing of the target.
    """
    others = any(not one.ours for one in members)
    ends = {*seen.answered, *({} if others else seen.failed)} - {one.id for one in members}
    silent = [] if any(one.ours and one.id in seen.answered for one in members) else ["nobody of ours"]
    if ends or silent:
        end = sorted([*ends, *silent])[0]
        raise MoveFailedError(
            f"of what is ours the target is alone in the alias, and a request ended with {end!r}",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="look at the edge's log",
            code="requests-failed",
        )


def all_on_target(members: Sequence[Member], seen: Observation) -> dict[str, Any]:
    """What was observed, where all that is ours goes to the target: of the requests that members of ours answered."""
    ours = {one.id for one in members if one.ours}
    count = sum(many for one, many in seen.answered.items() if one in ours)
    return {"percent": 100.0, "requests": count, "answered": dict(seen.answered)}


async def restore_alias(context: Context) -> Detail:
    """Put the alias back to what it was before the move; nothing is rolled when every replica runs that already."""
    before = context.alias.members

    await context.edge.withdraw(before)  # who merges it after this would send tenants there again

    async def back() -> str:
        current = await _declared(context)
        revision = current.revision if current else ""
        there = current is not None and same_members(current.members, before)
        if not there or not await _taken_over(context, before):
            await behind(context, PATIENCE)  # tenants may suffer where they are, so they do not wait longer than that
            revision = await context.edge.put_back(before, restoring(context), context.owe)
        with context.waits.during(Wait.EDGE_ROLL):
            await context.edge.confirm(before, timeout=context.options.roll_timeout)
        await _settled(context)
        return revision

    return {"members": member_data(before), "revision": await _again(back, TRIES)}


async def _declared(context: Context) -> AliasState | None:
    """The alias; None when git has it and does not answer, which keeps nobody from going back."""
    try:
        return await context.edge.read()
    except PointsmanError as error:
        if context.options.in_git is None or not error.code.startswith("git-"):
            raise
        return None


async def _settled(context: Context) -> None:
    """Raise NeedsPersonError while something is owed: what the target runs on stays until git and cluster agree."""
    owed = await context.edge.settle()
    if owed:
        model = context.model.name
        raise NeedsPersonError(
            f"tenants are back on {context.source.title}, by a change of the cluster alone: {owed}",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action=f"when git and Argo CD answer: pointsman rollback {model} commits it, lets Argo CD go on and "
            f"takes {context.target.title} away; until then that stays, in case somebody undoes it",
            code="alias-owed",
        )


async def alias_unchanged(context: Context, *expected: Sequence[Member]) -> AliasState:
    """The alias, which stands where the step before left it, or where this step already put it; raises when not."""
    found = await context.edge.read()
    if not any(same_members(found.members, one) for one in expected):
        raise MoveFailedError(
            f"somebody changed alias {found.alias} during the move: it points at {said(found.members)}",
            where=f"revision {found.revision}",
            next_action="find out who did (kubectl get configmap --show-managed-fields), then start the move again",
            code="alias-drift",
        )
    return found
