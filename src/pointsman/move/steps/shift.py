"""Steps ``shift-10``, ``shift-50``, ``shift-100``: move a share of the tenants' requests, then judge.

The weights of both members are written in one change. Each replica of the edge is confirmed to run it; then the
split is read back from responses, the target's own counters must have moved, and the target is compared with the
source over the same minutes (``pointsman.move.judging.evidence``).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.edge.contract import Member, Reason
from pointsman.errors import MoveFailedError, PointsmanError
from pointsman.move.context import Context, member_data
from pointsman.move.judging.evidence import Collector, Start, begin, broken_since
from pointsman.move.judging.lost import lost
from pointsman.move.judging.split import Split
from pointsman.move.probes.counters import Reading, read_all, readings_data, total
from pointsman.move.probes.pods import EnginePod, engine_pods
from pointsman.move.steps.alias import alias_unchanged, point_alias, restore_alias, roll
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.reasons import shifting, without_source
from pointsman.move.steps.serve_ready import completes
from pointsman.report.counting import count_of

__all__ = ["Shift", "serving_target"]

FEWEST, MOST = 12, 30
"""Marked requests per look at the split: the smaller the share, the more are needed to see it."""
ROUNDS = 3
"""Looks before an unbelievable split fails the step: chance makes one look in a thousand unbelievable, not three."""

_BROKEN = re.compile(r"\b5\d\d$")
"""A kind of failure that an engine may be the cause of."""


async def serving_target(context: Context) -> list[EnginePod]:
    """The target's engine pods; raises MoveFailedError when one that answers tenants is not ready."""
    pods = await engine_pods(context.cluster, context.target, context.model)
    serving = [pod for pod in pods if pod.serving]
    lame = [pod for pod in pods if not pod.ready and not pod.terminating and pod.role == "serve"]
    if lame or not any(pod.role == "serve" for pod in serving):
        where = f"Pod {lame[0].namespace}/{lame[0].name}" if lame else context.target.title
        why = lame[0].problem or "it is not ready any more" if lame else "no engine pod serves any more"
        raise MoveFailedError(why, where=where, next_action="look at the pod's log", code="target-lost")
    return serving


@dataclass(frozen=True, slots=True)
class Shift:
    """Put ``percent`` of the tenants' requests on the target."""

    percent: int
    before: int
    """The share that the step before left."""
    alone: bool = False
    """Does the source leave the alias with it, so that one change makes the whole move?"""
    commits: bool = False
    shifts: bool = True

    @property
    def id(self) -> str:
        """``shift-10``."""
        return f"shift-{self.percent}"

    @property
    def look(self) -> int:
        """Marked requests per look: 30 for a tenth, 24 for a half, 12 for all."""
        return min(MOST, max(FEWEST, round(24 * (1.5 - self.percent / 100))))

    def members(self, context: Context) -> Sequence[Member] | None:
        """Both, with their shares; or the target alone."""
        return self._goal(context)

    def describe(self, context: Context) -> Description:
        """The step in words."""
        alias, source, target = context.model.spec.tenant.alias, context.source.title, context.target.title
        shares = f"{target} alone" if self.alone else f"{100 - self.percent} % {source}, {self.percent} % {target}"
        return Description(
            act=f"alias {alias}: {shares}",
            check=f"every replica runs it; the split of {self.look} marked requests is believable; "
            "the target's counters moved and its pods are ready; errors, aborts, times to the first token and "
            f"between tokens are no worse than {source}'s over the same minutes",
            undo=f"alias {alias} back on {source} alone",
        )

    async def validate(self, context: Context) -> Detail:
        """The alias stands where the step before left it; the target serves."""
        before = context.split(self.before) if self.before else context.alias.members
        over = [context.split(100)] if _source_was_lost(context) else []
        found = await alias_unchanged(context, before, self._goal(context), *over)
        pods = await serving_target(context)
        readings = await read_all(context.cluster, pods)
        return {"members": member_data(found.members), "counters": readings_data(readings)}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Write, look, confirm, judge.

        A judgement is worth nothing when the source is lost meanwhile: going back would put tenants on what is dead.
        """
        if _source_was_lost(context) and (said := await lost(context, context.source)):
            return await self._without_source(context, said)
        try:
            return await self._shifted(context)
        except PointsmanError as error:
            if not (said := await lost(context, context.source)):
                raise
            return {**await self._without_source(context, said), "insteadOf": error.as_dict()}

    async def _without_source(self, context: Context, said: str) -> Detail:
        """All tenants to the target, which was proved and is asked once more."""
        context.note(self.id, f"{said}; all tenants go to {context.target.title}", {})
        await asyncio.gather(*(completes(context, pod) for pod in await serving_target(context)))
        members = self._goal(context) if self.alone else context.split(100)
        revision = await point_alias(context, members, without_source(context, said))
        return {"revision": revision, "asked": 100, "members": member_data(members), "sourceLost": said}

    async def _shifted(self, context: Context) -> Detail:
        before = await read_all(context.cluster, await serving_target(context))
        revision, (split, failed, start) = await roll(
            context, self._goal(context), lambda: self._look(context), self._why(context)
        )
        context.note(self.id, f"every replica of the edge runs revision {revision[:12]}", {})
        after = await read_all(context.cluster, await serving_target(context))
        self._judge_engines(context, before, after)
        await self._explain(context, failed, start)
        text = f"asked {self.percent} %, observed {split['percent']} % of {split['requests']}"
        context.note(self.id, text, {"asked": self.percent, **split})
        evidence = await Collector(context, self.id, start).decide()
        await serving_target(context)
        return {
            "revision": revision,
            "asked": self.percent,
            "observed": {**split, "failed": failed},
            "evidence": evidence,
            "counters": {"before": readings_data(before), "after": readings_data(after)},
        }

    def _goal(self, context: Context) -> Sequence[Member]:
        return context.alone(context.target) if self.alone else context.split(self.percent)

    def _why(self, context: Context) -> Reason:
        return shifting(context, self.percent, self.before, alone=self.alone)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Back to the alias as it was before the move, in one change."""
        return await restore_alias(context)

    async def _look(self, context: Context) -> tuple[dict[str, Any], Mapping[str, int], Start]:
        """Begin the window over which both sides are compared, and look at the split."""
        start = await begin(context)
        return (*await self._observe(context), start)

    async def _observe(self, context: Context) -> tuple[dict[str, Any], Mapping[str, int]]:
        """Look at the split, up to ``ROUNDS`` times when chance alone may explain what is seen."""
        seen = Split(self._goal(context), context.target.id)
        for _ in range(ROUNDS):
            seen.add(await context.edge.observe(self.look))
            self._judge_failures(context, seen)
            doubt = seen.doubt(self.percent)
            if not doubt:
                return seen.as_dict(), {} if seen.others_may_have_failed() else seen.failed
        raise MoveFailedError(
            f"asked for {self.percent} % on the target, observed {doubt}",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="look at the edge's log and at the members' health",
            code="split",
        )

    def _judge_failures(self, context: Context, seen: Split) -> None:
        known = {one.id for one in seen.members}
        strangers = sorted(set(seen.answered) - known)
        if strangers:
            raise MoveFailedError(f"{strangers[0]!r} answered, which is no member of the alias", code="stranger")
        other = {kind: count for kind, count in seen.failed.items() if not _BROKEN.search(kind)}
        if other and not seen.others_may_have_failed():
            said = ", ".join(f"{count} × {kind}" for kind, count in other.items())
            raise MoveFailedError(
                f"marked requests failed: {said}",
                where=f"alias {context.model.spec.tenant.alias}",
                next_action="look at the edge's log",
                code="requests-failed",
            )

    async def _explain(self, context: Context, failed: Mapping[str, int], start: Start) -> None:
        """Answers 5xx are evidence against the engines that gave them; more than engines gave are the edge's own."""
        count = sum(failed.values())
        if not count:
            return
        now = (await begin(context)).readings
        first = start.readings
        if count > broken_since(first.target, now.target) + broken_since(first.source, now.source):
            raise MoveFailedError(
                f"{count_of(count, 'marked request')} failed with 5xx, more than engines gave: it was "
                "the edge, or the way to it",
                where=f"alias {context.model.spec.tenant.alias}",
                next_action="look at the edge's log; when it knows nothing of them, at the API server that leads there",
                code="requests-failed",
            )

    def _judge_engines(self, context: Context, before: Sequence[Reading], after: Sequence[Reading]) -> None:
        unread = [one for one in after if one.counters is None]
        if unread:
            raise MoveFailedError(f"its counters cannot be read: {unread[0].why}", where=unread[0].pod, code="counters")
        if total(after) <= total(before):
            raise MoveFailedError(
                "responses name the target, its engines counted nothing", where=context.target.title, code="counters"
            )


def _source_was_lost(context: Context) -> bool:
    """Did a step before this one put all tenants on the target for that?"""
    return any("sourceLost" in one for one in context.outcomes.values())
