"""How long the verdict of a shift will take here, and whether there can be one at all.

A verdict needs so many requests, whatever tenants send: our own make up for them, at the pace at which the engines
answer. That pace is known before anything begins, from what the source's engines counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.move.analysis.exact import at_most
from pointsman.move.analysis.verdict import PRIOR, Limits, spent
from pointsman.move.context import Context
from pointsman.move.judging.evidence import PARTS, grown, limits_of, read
from pointsman.move.judging.rounds import LANES, TOKENS
from pointsman.move.plan.refusing import refuse
from pointsman.move.plan.strategy import choose

__all__ = ["Pace", "evidence", "pace_of"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the source's engines answer one of our own requests."""

    seconds: float | None
    """Of one request; None when the engines have counted no answers yet."""
    requests: int
    """That a shift may spend, to both sides together."""

    def needed(self, limits: Limits) -> int | None:
        """Requests, to both sides, after which a target as good as the source passes; None when all are too few.

        Its errors take longest: so many answers without one that ``errors`` more than the source's are ruled out.
        """
        rate, count = PRIOR[0] / sum(PRIOR) + limits.errors, self.requests // (2 * PARTS)
        looks = (
            part for part in range(1, PARTS + 1) if at_most(0, part * count, rate) <= limits.miss * spent(part + 1)
        )
        first = next(looks, None)
        return None if first is None else 2 * count * first

    def verdict(self, limits: Limits) -> float | None:
        """Seconds until such a target passes, the target being as fast; None when that is not known."""
        needed = self.needed(limits)
        return None if self.seconds is None else self.seconds * (self.requests if needed is None else needed) / LANES


async def pace_of(context: Context) -> Pace:
    """As the source's engines counted since they started."""
    seen = grown((), await read(context, context.source))
    first, gap = seen.ttft.mean, seen.itl.mean
    seconds = None if first is None or gap is None else first + (TOKENS - 1) * gap
    return Pace(seconds, context.probe_budget)


async def evidence(context: Context) -> str:
    """How long a verdict takes and how sure it is; refuses a move whose verdicts do not fit into the time for them."""
    asked = context.model.spec.move.evidence
    limits, pace = limits_of(asked), await pace_of(context)
    if not pace.requests:
        return "no requests of our own (spec.move.evidence.requests): tenants have to tell all of it, or a person"
    needed, seconds = pace.needed(limits), pace.verdict(limits)
    sure = f"fails an equal target in {limits.false_alarm:.1%}, passes one at a margin in {limits.miss:.1%} at most"
    if needed is None:
        sure = f"tenants have to tell the rest of what shows that errors stay within {limits.errors:g}, or a person"
    many = f"{needed or pace.requests} requests of our own a shift (at most {pace.requests})"
    if seconds is None:
        return f"{many}; how long these take is not known: nobody asked the source yet; {sure}"
    told = f"{many}, {_time(seconds)} at {pace.seconds:.2g} s each"
    if seconds > asked.minutes * 60 and await _shifts(context):
        raise refuse(
            "evidence",
            f"a verdict takes {told}, and spec.move.evidence.minutes allows {asked.minutes:g} minutes",
            next_action=f"raise spec.move.evidence.minutes to {int(seconds / 60) + 1}, or widen errors there and lower "
            "requests",
        )
    return f"{told}; {sure}"


async def _shifts(context: Context) -> bool:
    """Is there a shift to judge? In a gap there is none."""
    return (await choose(context)).strategy != "gap"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
