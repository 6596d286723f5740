"""How long the verdict of a shift will take here, and whether there can be one at all.

A verdict needs so many requests: where tenants send fewer, our own make up for them, at the pace at which the engines
answer. Both are known before anything begins, from what the source's engines counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pointsman.move.analysis.exact import at_most
from pointsman.move.analysis.verdict import PRIOR, Limits, spent
from pointsman.move.context import Context
from pointsman.move.judging.evidence import PARTS, grown, limits_of
from pointsman.move.judging.rounds import LANES, TOKENS
from pointsman.move.plan.refusing import refuse
from pointsman.move.plan.schedule import SHARES
from pointsman.move.plan.strategy import choose
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods
from pointsman.spec.apis import APIS

__all__ = ["Pace", "evidence", "pace_of"]


FIRST = 4.0
"""Seconds of a new split before the first look: marked requests through the edge take them (measured in the lab)."""

LEAST, WIDE = 90, 20.0
"""Requests to each side without which times are seldom shown to be within their margins, as far as they spread on one
engine (a factor of 1.5 for a third of them; ``benchmarks/analysis.py``); and a margin that needs no such number."""
HIDDEN = 0.927
"""Chance that one more request to each side does not show a p95 that is beyond any margin, as ``judge`` takes it: with
misses of 3 % a verdict takes 72 to 80 each, however wide the margins are."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the source's engines answer one of our own requests, and what tenants send meanwhile."""

    seconds: float | None
    """Of one request; None when the engines have counted no answers yet."""
    requests: int
    """That a shift may spend, to both sides together."""
    tenants: float = 0.0
    """Requests a second that tenants send; 0 where that is not known."""
    share: float = 0.1
    """Of them, on the target."""
    usual: float = 0.0
    """The source's share of errors."""

    def needed(self, limits: Limits) -> int | None:
        """Requests, to both sides, after which a target as good as the source passes; None when all are too few.

        Its errors take longest, mostly: so many answers without one that ``errors`` more than the source's are ruled
        out. What tenants send until then counts as well.
        """
        count = self.requests // (2 * PARTS)
        near = min(limits.ttft_p50, limits.ttft_p95, limits.itl_p50, limits.itl_p95) < WIDE
        enough = (part for part in range(1, PARTS + 1) if part * count >= (LEAST if near else 1))
        first = next((part for part in enough if self._told(part, count, limits)), None)
        return None if first is None else 2 * count * first

    def _told(self, part: int, count: int, limits: Limits) -> bool:
        """Do errors and the slowest twentieth allow a verdict after so many parts of our own requests?"""
        sent = self.tenants * (FIRST + self._takes(2 * count * part))
        if HIDDEN ** (part * count) > limits.miss * spent(part + 1):
            return False
        target, source = part * count + self.share * sent, part * count + (1.0 - self.share) * sent
        rate = (PRIOR[0] + self.usual * source) / (sum(PRIOR) + source) + limits.errors
        return at_most(0, round(target), rate) <= limits.miss * spent(part + 1)

    def _takes(self, requests: int) -> float:
        return (self.seconds or 0.0) * requests / LANES

    def verdict(self, limits: Limits) -> float | None:
        """Seconds until such a target passes, the target being as fast; None when that is not known."""
        needed = self.needed(limits)
        return None if self.seconds is None else FIRST + self._takes(self.requests if needed is None else needed)


async def pace_of(context: Context) -> Pace:
    """As the source's engines counted since they started."""
    pods = [one for one in await engine_pods(context.cluster, context.source, context.model) if one.serving]
    seen = grown((), await read_all(context.cluster, [one for one in pods if one.role == "serve"]))
    first, gap = seen.ttft.mean, seen.itl.mean
    gaps = gap if APIS[context.model.spec.contract.api].tokens else 0.0
    seconds = None if first is None or gaps is None else first + (TOKENS - 1) * gaps
    begun = [datetime.fromisoformat(one.since) for one in pods if one.since]
    age = (context.clock.now() - min(begun)).total_seconds() if begun else 0.0
    return Pace(
        seconds,
        context.probe_budget,
        tenants=seen.requests / age if age > 0 else 0.0,
        share=(context.options.shares or SHARES)[0] / 100,
        usual=(PRIOR[0] + seen.broken) / (sum(PRIOR) + seen.requests),
    )


async def evidence(context: Context) -> str:
    """How long a verdict takes and how sure it is; refuses a move whose verdicts do not fit into the time for them."""
    asked = context.model.spec.move.evidence
    limits, pace = limits_of(context.model), await pace_of(context)
    if not pace.requests:
        return "no requests of our own (spec.move.evidence.requests): tenants have to tell all of it, or a person"
    needed, seconds = pace.needed(limits), pace.verdict(limits)
    sure = f"fails an equal target in {limits.false_alarm:.1%}, passes one at a margin in {limits.miss:.1%} at most"
    if needed is None:
        sure = (
            f"tenants have to tell the rest of what shows that errors stay within {limits.errors:g}, and times within "
            "their margins, or a person"
        )
    many = f"{needed or pace.requests} requests of our own a shift (at most {pace.requests})"
    if seconds is None:
        return f"{many}; how long these take is not known: nobody asked the source yet; {sure}"
    told = f"{many}, {_time(seconds)} at {pace.seconds:.2g} s each"
    beside = f", beside tenants' {pace.tenants:.2g} a second" if pace.tenants >= 0.01 else ""
    if seconds > asked.minutes * 60 and await _shifts(context):
        raise refuse(
            "evidence",
            f"a verdict takes {told}{beside}, and spec.move.evidence.minutes allows {asked.minutes:g} minutes",
            next_action=f"raise spec.move.evidence.minutes to {int(seconds / 60) + 1}, or widen errors there and lower "
            "requests",
        )
    return f"{told}{beside}; {sure}"


async def _shifts(context: Context) -> bool:
    """Is there a shift to judge? In a gap there is none."""
    return (await choose(context)).strategy != "gap"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
