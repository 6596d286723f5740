"""How long the verdict of a shift will take here, and whether there can be one at all.

A verdict needs so many requests, whatever tenants send: our own make up for them, at the pace at which the engines
answer. That pace is known before anything begins, from what the source's engines counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.errors import TemporaryError
from pointsman.move.analysis.exact import at_most
from pointsman.move.analysis.samples import Histogram
from pointsman.move.analysis.verdict import LOOKS, PRIOR, Limits, spent
from pointsman.move.context import Context
from pointsman.move.judging.evidence import limits_of
from pointsman.move.judging.rounds import LANES, TOKENS
from pointsman.move.plan.refusing import refuse
from pointsman.move.plan.strategy import choose
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods

__all__ = ["Pace", "enough", "evidence", "pace_of"]

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the source's engines answer one of our own requests."""

    seconds: float | None
    """Of one request; None when the engines have counted no answers yet."""
    requests: int
    """That a shift may spend, to both sides together."""

    @property
    def shift(self) -> float | None:
        """Seconds that a shift may spend on them, the target being as fast."""
        return None if self.seconds is None else self.seconds * self.requests / LANES


async def pace_of(context: Context) -> Pace:
    """As the source's engines counted since they started."""
    pods = [pod for pod in await engine_pods(context.cluster, context.source, context.model) if pod.role == "serve"]
    try:
        readings = await read_all(context.cluster, [pod for pod in pods if pod.serving])
    except TemporaryError:
        readings = []
    first, gaps = Histogram({}), Histogram({})
    for one in readings:
        if one.counters is not None and one.counters.ttft and one.counters.itl:
            first, gaps = first.plus(one.counters.ttft), gaps.plus(one.counters.itl)
    known = first.mean is not None and gaps.mean is not None
    seconds = (first.mean or 0.0) + (TOKENS - 1) * (gaps.mean or 0.0) if known else None
    return Pace(seconds, context.probe_budget)


def enough(limits: Limits) -> int:
    """Requests to the target, all answered well, from which on the last look can pass its errors."""
    rate = PRIOR[0] / sum(PRIOR) + limits.errors
    wanted = limits.miss * spent(LOOKS)
    return next((count for count in range(1, _MOST) if at_most(0, count, rate) <= wanted), _MOST)


async def evidence(context: Context) -> str:
    """What a verdict will take; refuses a move that cannot get one by our own requests, nor by the time there is."""
    asked = context.model.spec.move.evidence
    limits, pace = limits_of(asked), await pace_of(context)
    wanted, most = 2 * enough(limits), asked.minutes
    if not pace.requests:
        return "no requests of our own (spec.move.evidence.requests): tenants have to tell all of it, or a person"
    sure = f"fails an equal target in {limits.false_alarm:.1%}, passes one at a margin in {limits.miss:.1%} at most"
    if pace.requests < wanted:
        sure = f"tenants have to tell the rest: {wanted} are needed to show that errors stay within the margin"
    if pace.shift is None:
        return f"up to {pace.requests} requests of our own a shift; how long is not known: nobody asked the source yet"
    minutes = pace.shift / 60
    told = f"up to {pace.requests} requests of our own a shift, {_time(pace.shift)} at {pace.seconds:.2g} s each"
    if minutes > most and await _shifts(context):
        raise refuse(
            "evidence",
            f"a verdict takes {told}, and spec.move.evidence.minutes allows {most:g} minutes",
            next_action=f"raise spec.move.evidence.minutes to {_whole(minutes)}, or widen its margins and lower "
            "its requests",
        )
    return f"{told}; {sure}"


async def _shifts(context: Context) -> bool:
    """Is there a shift to judge? In a gap there is none."""
    return (await choose(context)).strategy != "gap"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _whole(minutes: float) -> int:
    return int(minutes) + 1
