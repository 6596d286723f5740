"""Collecting evidence for a shift until it allows a verdict: tenants first, then requests of our own, then time.

The statistics are ``pointsman.move.analysis``; here the engines are read and asked. Nothing passes by silence:
what is still open when the time is over is a person's to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.errors import MoveFailedError, NeedsPersonError
from pointsman.layers.contract import Layer
from pointsman.move.analysis.samples import Histogram
from pointsman.move.analysis.verdict import LOOKS, Limits, Ruling, Verdict, breaks, judge
from pointsman.move.analysis.windows import Pair, Window
from pointsman.move.context import Context
from pointsman.move.judging.rounds import Asked, Rounds, rounds
from pointsman.move.probes.counters import Counters, Reading, more, read_all, unfinished, whole
from pointsman.move.probes.pods import engine_pods
from pointsman.move.waits import Wait
from pointsman.report.counting import count_of
from pointsman.spec.apis import APIS
from pointsman.spec.model import Model

__all__ = ["PARTS", "Collector", "Start", "begin", "broke", "broken_since", "grown", "limits_of", "read"]

PARTS = 5
"""Rounds that the budget of our own requests is divided into."""
EMPTY = Histogram({})


@dataclass(frozen=True, slots=True)
class Start:
    """Both sides' engines as a window begins."""

    at: float
    readings: Pair[Sequence[Reading]]


def limits_of(model: Model) -> Limits:
    """The thresholds; what a verdict may cost is none of them."""
    tokens = APIS[model.spec.contract.api].tokens
    return Limits(**model.spec.move.evidence.model_dump(exclude={"requests", "minutes"}), tokens=tokens)


async def read(context: Context, layer: Layer) -> list[Reading]:
    """What the serving engines of a layer count now."""
    pods = await engine_pods(context.cluster, layer, context.model)
    return await read_all(context.cluster, [pod for pod in pods if pod.serving and pod.role == "serve"])


async def _both(context: Context) -> Pair[Sequence[Reading]]:
    return Pair(await read(context, context.target), await read(context, context.source))


async def begin(context: Context) -> Start:
    """Begin a window: from now on both sides are given tenants by the weights that are to be judged."""
    return Start(context.clock.monotonic(), await _both(context))


async def broke(context: Context, before: Sequence[Reading]) -> str:
    """Why the target's errors since ``before`` are too many; empty when they are not.

    There are no same minutes to compare: all tenants are on the target. The source's own errors since it started stand
    for what tenants are used to.
    """
    now = await _both(context)
    target, source = grown(before, now.target), grown((), now.source)
    limits = limits_of(context.model)
    if not breaks((target.broken, target.requests), (source.broken, source.requests), limits):
        return ""
    used = f"{context.source.title} did {source.broken} of {source.requests}"
    return f"answered {target.broken} of {target.requests} requests with 5xx; {used}"


def broken_since(before: Sequence[Reading], after: Sequence[Reading]) -> int:
    """5xx answers between two readings."""
    return grown(before, after).broken


def grown(before: Sequence[Reading], after: Sequence[Reading]) -> Window:
    """What the engines of one side counted between two readings; an engine that is new counted all it has."""
    known = {one.pod: one.counters for one in before}
    sums = Window()
    for one in after:
        if one.counters is not None:
            sums = _plus(sums, _grown(known.get(one.pod), one.counters))
    return sums


def _grown(before: Counters | None, after: Counters) -> Window:
    again = before is not None and sum(after.work) < sum(before.work)
    first = Counters(0.0, 0.0, {}, {}) if before is None or again else before

    finished, answered = more(first.finished, after.finished), more(first.answered, after.answered)
    aborted = unfinished(finished, answered)
    ttft = after.ttft.since(first.ttft) if after.ttft else EMPTY
    itl = after.itl.since(first.itl) if after.itl else EMPTY
    return Window(
        requests=round(answered.get("2xx", 0.0) + answered.get("5xx", 0.0)),
        broken=round(answered.get("5xx", 0.0)),
        came=max(0, round(whole(finished) + aborted + after.under_way - first.under_way)),
        aborted=round(aborted),
        waiting=after.waiting or 0.0,
        running=after.running or 0.0,
        ttft=ttft,
        itl=itl.thinned(ttft.count) if ttft.count else EMPTY,
    )


def _plus(left: Window, right: Window) -> Window:
    return Window(
        requests=left.requests + right.requests,
        broken=left.broken + right.broken,
        came=left.came + right.came,
        aborted=left.aborted + right.aborted,
        waiting=left.waiting + right.waiting,
        running=left.running + right.running,
        ttft=left.ttft.plus(right.ttft),
        itl=left.itl.plus(right.itl),
    )


def _without(window: Window, own: Asked, quiet: Window) -> Window:
    """Tenants alone. Times cannot be told apart by what they are of, so those from before our own requests stand."""
    aborted = max(0, window.aborted - own.left)
    return replace(
        window,
        requests=max(0, window.requests - own.answered - own.broken),
        broken=max(0, window.broken - own.broken),
        came=max(aborted, window.came - own.ended - own.left),
        aborted=aborted,
        ttft=quiet.ttft,
        itl=quiet.itl,
    )


@dataclass(slots=True)
class Collector:
    """Looks at both sides until there is a verdict."""

    context: Context
    step: str
    start: Start
    limits: Limits = field(init=False)
    looks: int = 0

    def __post_init__(self) -> None:
        self.limits = limits_of(self.context.model)

    async def decide(self) -> Mapping[str, Any]:
        """The evidence that lets the step pass; raises MoveFailedError or, undecided, NeedsPersonError."""
        with self.context.waits.during(Wait.EVIDENCE):
            async with rounds(self.context) as own:
                ruling = await self._collect(own)
                spent = own.spent
        seconds = round(self.context.clock.monotonic() - self.start.at, 1)
        told = {**ruling.as_dict(), "looks": self.looks, "probes": spent, "seconds": seconds}
        accepted = ruling.verdict is Verdict.INCONCLUSIVE and self.context.promoted.accepts(self.step)
        said = "accepted by a person, though undecided" if accepted else ruling.verdict.value
        self.context.note(self.step, f"evidence: {said} after {seconds:g} s; {ruling.because()}", told)
        if ruling.verdict is Verdict.FAIL:
            self._fail(ruling)
        if ruling.verdict is Verdict.INCONCLUSIVE and not accepted:
            self._undecided(ruling, seconds, spent)
        return {**told, "accepted": accepted}

    async def _collect(self, own: Rounds) -> Ruling:
        now = await _both(self.context)
        quiet = self._windows(now)
        ruling = self._look(quiet, own, quiet)
        begun = self.context.clock.monotonic()
        deadline = begun + self.context.options.evidence_timeout
        bound = begun + self.context.model.spec.move.evidence.minutes * 60
        count = self.context.probe_budget // (2 * PARTS)
        for _ in range(PARTS if count else 0):
            if self._settled(ruling) or self.context.clock.monotonic() >= bound:
                break
            await own.ask(count)
            ruling = self._look(self._windows(await _both(self.context)), own, quiet)
        while not self._settled(ruling) and self.looks < LOOKS:
            left = deadline - self.context.clock.monotonic()
            await self.context.clock.sleep(max(0.0, left) / (LOOKS - self.looks))
            ruling = self._look(self._windows(await _both(self.context)), own, quiet)
        return ruling

    def _settled(self, ruling: Ruling) -> bool:
        """There is a verdict; or a person said that it is not to be waited for."""
        return ruling.verdict is not Verdict.INCONCLUSIVE or self.step in self.context.promoted

    def _windows(self, now: Pair[Sequence[Reading]]) -> Pair[Window]:
        before = self.start.readings
        return Pair(grown(before.target, now.target), grown(before.source, now.source))

    def _look(self, seen: Pair[Window], own: Rounds, quiet: Pair[Window]) -> Ruling:
        self.looks += 1
        target = _without(seen.target, own.asked.target, quiet.target)
        source = _without(seen.source, own.asked.source, quiet.source)
        return judge(Pair(target, source), own.probed(), self.limits, self.looks)

    def _fail(self, ruling: Ruling) -> None:
        worst = next(one for one in ruling.findings if one.verdict is Verdict.FAIL)
        what = f"worse than {self.context.source.title} over the same minutes: {ruling.because()}"
        where = self.context.target.title
        if worst.measure in ("errors", "aborted"):
            raise MoveFailedError(what, where=where, next_action="look at the engine's log", code="errors")
        advice = "compare load, hardware and engine arguments"
        raise MoveFailedError(what, where=where, next_action=advice, code="slower")

    def _undecided(self, ruling: Ruling, seconds: float, probes: int) -> None:
        name, minutes = self.context.model.name, self.context.model.spec.move.evidence.minutes
        cut = f" ({probes} requests of its own took {minutes:g} minutes, spec.move.evidence.minutes)"
        short = probes < self.context.probe_budget // (2 * PARTS) * 2 * PARTS
        ended = " (its wait was ended by a promote)" if self.step in self.context.promoted else cut if short else ""
        raise NeedsPersonError(
            f"no verdict after {seconds:g} s and {count_of(self.looks, 'look')}{ended}: {ruling.because()}",
            where=self.context.target.title,
            next_action=f"pointsman resume {name} to look again, promote to go on all the same, or rollback",
            code="inconclusive",
        )
