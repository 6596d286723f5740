"""How often the evidence of a shift is wrong: ``make bench-analysis``.

Simulates whole shifts, look by look, with the program's own statistics: the same engine on both sides (false alarms),
a target with 5 % errors and one whose first token takes half as long again (misses), at a tenth of the traffic. The
noise is not the one the method assumes: times are log-normal, every request rides on bursts of load that come and
go, some shared by both sides and some not, and engines err once in a while on either side. Slow engines, of 0.5 to
10 s a request of our own, get whole rounds too; how long the plan says that a verdict takes is held against how long
it took.

Prints a table and the power curves, writes both into ``docs/``, and exits 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, inf
from statistics import fmean

from benchmarks.page import DOCS, write

from pointsman.move.analysis.exact import at_most
from pointsman.move.analysis.samples import Histogram, Values
from pointsman.move.analysis.verdict import LOOKS, Limits, Verdict, judge
from pointsman.move.analysis.windows import Pair, Probed, Round, Window
from pointsman.move.judging.evidence import PARTS
from pointsman.move.judging.rounds import LANES, TOKENS
from pointsman.move.plan.verdict import FIRST, Pace
from pointsman.spec.move import Evidence

SHIFTS = 2000
RATE, SHARE = 15.0, 0.1
"""Tenants' requests a second, and the target's share of them."""
BATCH = Evidence().requests // (2 * PARTS)
"""Our own requests to each side, per round."""
WAITING = 60.0
"""Seconds after the first look in which tenants are waited for once our own requests are spent."""
FIRST_TOKEN, GAP = 0.08, 0.02
"""Seconds of the usual engine: to the first token of our own requests, and between tokens."""
TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, inf)
ITL = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, inf)


@dataclass(frozen=True, slots=True)
class Case:
    """What differs between the sides, and how noisy the day is."""

    name: str
    errors: float = 0.0
    """The target's errors beside the usual ones."""
    ttft: float = 1.0
    itl: float = 1.0
    usual: float = 0.001
    """Errors of either side."""
    sigma: float = 0.4
    """Of the logarithm of a time to the first token."""
    rate: float = RATE
    share: float = SHARE
    """Of the tenants' requests, on the target."""
    answer: float = 0.22
    """Seconds of one of our own requests, without noise and load: a first token and seven more."""

    @property
    def slow(self) -> float:
        """How many times as slow as the usual engine."""
        return self.answer / (FIRST_TOKEN + (TOKENS - 1) * GAP)


@dataclass
class Load:
    """Bursts: for seconds at a time everything takes longer. A tenth of the time, twice as long."""

    chance: random.Random
    until: float = 0.0
    factor: float = 1.0

    def at(self, now: float) -> float:
        """The factor now."""
        while now >= self.until:
            busy = self.chance.random() < 0.1
            self.factor = self.chance.uniform(1.3, 2.0) if busy else 1.0
            self.until += self.chance.expovariate(1.0 if busy else 0.25)
        return self.factor


@dataclass
class Side:
    """One simulated engine."""

    case: Case
    chance: random.Random
    shared: Load
    own: Load
    errors: float
    ttft: float
    itl: float
    seen: Counter[str] = field(default_factory=Counter)
    tenants_ttft: list[float] = field(default_factory=list)
    tenants_itl: list[float] = field(default_factory=list)
    probes: list[tuple[float, float] | None] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    """Seconds of each of our own requests."""
    rounds: list[Round] = field(default_factory=list)

    def tenants(self, begun: float, ended: float, rate: float) -> None:
        """Requests that come by chance."""
        now = begun + self.chance.expovariate(rate) if rate else ended
        while now < ended:
            broken = self.chance.random() < self.errors
            self.seen["requests"] += 1
            self.seen["broken"] += broken
            self.seen["finished"] += not broken
            self.seen["aborted"] += self.chance.random() < 0.01
            if not broken and begun == 0.0:
                long = exp(self.chance.gauss(0, 0.5))
                self.tenants_ttft.append(0.15 * self.case.slow * long * self._time(now))
                self.tenants_itl.append(self._gap(now))
            now += self.chance.expovariate(rate)

    def probe(self, now: float) -> float:
        """One request of our own; how long it took."""
        broken = self.chance.random() < self.errors
        first, gap = FIRST_TOKEN * self.case.slow * self._time(now), self._gap(now)
        self.probes.append(None if broken else (first, gap))
        self.took.append(first if broken else first + (TOKENS - 1) * gap)
        return self.took[-1]

    def end_round(self) -> None:
        """What was asked since the round before is one."""
        good = [one for one in self.probes if one is not None]
        times = Values.of(one for one, _ in good), Values.of(one for _, one in good)
        self.rounds.append(Round(len(self.probes), len(self.probes) - len(good), *times))
        self.probes.clear()

    def _time(self, now: float) -> float:
        noise = exp(self.chance.gauss(0, self.case.sigma))
        load = self.shared.at(now) * self.own.at(now)
        return self.ttft * noise * load

    def _gap(self, now: float) -> float:
        load: float = (self.shared.at(now) * self.own.at(now)) ** 0.5
        return self.itl * GAP * self.case.slow * exp(self.chance.gauss(0, 0.15)) * load

    def window(self) -> Window:
        """As the engine's counters tell it."""
        return Window(
            requests=self.seen["requests"],
            broken=self.seen["broken"],
            came=self.seen["finished"] + self.seen["aborted"],
            aborted=self.seen["aborted"],
            ttft=_histogram(self.tenants_ttft, TTFT),
            itl=_histogram(self.tenants_itl, ITL),
        )


def _histogram(values: Sequence[float], bounds: Sequence[float]) -> Histogram:
    return Histogram({bound: float(sum(one <= bound for one in values)) for bound in bounds}, sum(values))


@dataclass(frozen=True, slots=True)
class Shift:
    """How one shift ended."""

    verdict: Verdict
    seconds: float
    predicted: float
    """What the plan would have said, from what the source's engines counted."""


def shift(case: Case, chance: random.Random, limits: Limits) -> Shift:
    """One shift, as ``pointsman.move.judging.evidence`` makes it."""
    shared = Load(chance)
    target = Side(case, chance, shared, Load(chance), case.usual + case.errors, case.ttft, case.itl)
    source = Side(case, chance, shared, Load(chance), case.usual, 1.0, 1.0)
    now, verdict = 0.0, Verdict.INCONCLUSIVE
    for look in range(1, LOOKS + 1):
        if look == 1:
            then = FIRST
        elif look <= PARTS + 1:
            then = _round(target, source, now)
        else:
            then = now + max(0.0, FIRST + WAITING - now) / (LOOKS - look + 1)
        target.tenants(now, then, case.rate * case.share)
        source.tenants(now, then, case.rate * (1 - case.share))
        now = then
        windows, probed = (
            Pair(target.window(), source.window()),
            Pair(Probed(tuple(target.rounds)), Probed(tuple(source.rounds))),
        )
        verdict = judge(windows, probed, limits, look).verdict
        if verdict is not Verdict.INCONCLUSIVE:
            break
    pace = Pace(
        fmean(source.took) if source.took else case.answer,
        2 * BATCH * PARTS,
        tenants=case.rate,
        share=case.share,
        usual=case.usual,
    )
    return Shift(verdict, now, pace.verdict(limits) or 0.0)


def _round(target: Side, source: Side, begun: float) -> float:
    """One round of our own requests, in lanes that ask one side and then the other; when it is over."""
    lanes = [begun] * LANES
    for number in range(BATCH):
        lane = lanes.index(min(lanes))
        for side in (target, source) if number % 2 else (source, target):
            lanes[lane] += side.probe(lanes[lane])
    target.end_round()
    source.end_round()
    return max(lanes)


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of many shifts."""

    case: Case
    shifts: int
    verdicts: Counter[Verdict]
    seconds: float
    """Mean time to the verdict."""
    predicted: float
    """Mean time that the plan says, to a verdict that nothing is worse."""

    def share(self, verdict: Verdict) -> float:
        """Of the shifts."""
        return self.verdicts[verdict] / self.shifts

    def most(self, verdict: Verdict) -> float:
        """The share that it is at most, with 95 % confidence (Clopper and Pearson)."""
        seen, low, high = self.verdicts[verdict], 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(seen, self.shifts, middle) > 0.05 else (low, middle)
        return high


def run(case: Case, shifts: int, seed: int, limits: Limits | None = None) -> Rates:
    """Many shifts of one case."""
    chance = random.Random(f"{case.name} {seed}")
    told = [shift(case, chance, limits or Limits()) for _ in range(shifts)]
    seconds, predicted = (fmean(getattr(one, name) for one in told) for name in ("seconds", "predicted"))
    return Rates(case, shifts, Counter(one.verdict for one in told), seconds, predicted)


SAME = (
    Case("the same engine"),
    Case("the same engine, 1 % errors on both sides", usual=0.01),
    Case("the same engine, no tenants", rate=0.0),
    Case("the same engine, half of the traffic", share=0.5),
    Case("the same engine, noisier first tokens (σ 0.6)", sigma=0.6),
)
WORSE = (
    Case("5 % errors at 10 % of the traffic", errors=0.05),
    Case("5 % errors, no tenants", errors=0.05, rate=0.0),
    Case("time to first token × 1.5", ttft=1.5),
    Case("time to first token × 1.5, no tenants", ttft=1.5, rate=0.0),
    Case("time to first token × 3", ttft=3.0),
    Case("inter-token latency × 1.5", itl=1.5),
)
ANSWERS, RATES = (0.5, 1.0, 3.0, 10.0), (0.1, 1.0, 15.0)
"""Seconds of one of our own requests, and tenants' requests a second, of slow engines."""


def _slow(name: str, **worse: float) -> tuple[Case, ...]:
    return tuple(
        Case(f"{name}, {answer:g} s a request, {rate:g} requests/s", rate=rate, answer=answer, **worse)
        for answer in ANSWERS
        for rate in RATES
    )


SLOW = _slow("the same engine")
SLOW_WORSE = (*_slow("5 % errors", errors=0.05), *_slow("time to first token × 1.5", ttft=1.5))
FALSE_ALARM, MISS, TOLD, OFF = 0.01, 0.05, 0.95, 0.25
"""Goals: shifts of equals that fail, of worse ones that pass, of equals on slow engines that get a verdict; and how far
off the plan's time may be."""


def good(rates: Rates) -> bool:
    """Is the goal met, with 95 % confidence?"""
    if rates.case in SAME:
        return rates.most(Verdict.FAIL) <= FALSE_ALARM
    if rates.case in SLOW:
        told = 1.0 - rates.share(Verdict.INCONCLUSIVE)
        near = abs(rates.predicted / rates.seconds - 1.0) <= OFF
        return rates.most(Verdict.FAIL) <= FALSE_ALARM and told >= TOLD and near
    return rates.most(Verdict.PASS) <= MISS


def table(rows: Sequence[Rates]) -> list[str]:
    """Markdown."""
    lines = [
        f"{rows[0].shifts:,} simulated shifts a row, {RATE:g} requests/s, {100 * SHARE:g} % on the target, "
        f"up to {BATCH * PARTS} probes to each side; in brackets what the rate is at most, with 95 % confidence.",
        "",
        "| target | pass | fail | inconclusive | time to the verdict | planned for a pass |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        passed, failed = (f"{100 * row.share(one):.1f} %" for one in (Verdict.PASS, Verdict.FAIL))
        equal = row.case in (*SAME, *SLOW)
        bound = f" (≤ {100 * row.most(Verdict.FAIL if equal else Verdict.PASS):.1f} %)"
        passed, failed = (passed, failed + bound) if equal else (passed + bound, failed)
        unsure = f"{100 * row.share(Verdict.INCONCLUSIVE):.1f} %"
        lines.append(
            f"| {row.case.name} | {passed} | {failed} | {unsure} | {row.seconds:.0f} s | {row.predicted:.0f} s |"
        )
    return lines


def curves(shifts: int, seed: int) -> list[tuple[str, list[tuple[float, Rates]]]]:
    """Verdicts against how bad the target is."""
    errors = [0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2]
    slower = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0, 2.5]
    by_errors = [(100 * one, run(Case(f"curve {one}", errors=one), shifts, seed)) for one in errors]
    by_time = [(one, run(Case(f"curve {one}", ttft=one), shifts, seed)) for one in slower]
    return [("errors of the target beside the usual ones, %", by_errors), ("time to first token, ratio", by_time)]


_COLOURS = {Verdict.PASS: "#2a7d4f", Verdict.FAIL: "#b3362b", Verdict.INCONCLUSIVE: "#7a7a7a"}


def picture(panels: Sequence[tuple[str, list[tuple[float, Rates]]]]) -> str:
    """An SVG: one panel a curve."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 340" font-family="sans-serif" font-size="12">',
        '<rect width="880" height="340" fill="#ffffff"/>',
    ]
    for number, (title, points) in enumerate(panels):
        parts += _panel(70 + 430 * number, 40, 340, 220, title, points)
    for number, (verdict, colour) in enumerate(_COLOURS.items()):
        x = 290 + 110 * number
        parts.append(f'<line x1="{x}" y1="322" x2="{x + 22}" y2="322" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 28}" y="326" fill="#333333">{verdict.value}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(x: int, y: int, width: int, height: int, title: str, points: list[tuple[float, Rates]]) -> list[str]:
    low, high = points[0][0], points[-1][0]

    def across(value: float) -> float:
        return x + width * (value - low) / (high - low)

    parts = []
    for tick in (0, 25, 50, 75, 100):
        level = y + height * (1 - tick / 100)
        parts.append(f'<line x1="{x}" y1="{level}" x2="{x + width}" y2="{level}" stroke="#e2e2e2"/>')
        parts.append(f'<text x="{x - 8}" y="{level + 4}" text-anchor="end" fill="#333333">{tick} %</text>')
    for value, _ in points:
        parts.append(f'<text x="{across(value):.1f}" y="{y + height + 18}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="{x + width / 2}" y="{y + height + 38}" text-anchor="middle" fill="#333333">{title}</text>')
    for verdict, colour in _COLOURS.items():
        line = " ".join(f"{across(at):.1f},{y + height * (1 - rates.share(verdict)):.1f}" for at, rates in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
    return parts


def main() -> int:
    """Run, print, write; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shifts", type=int, default=SHIFTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    words = parser.parse_args()
    rows = [run(case, words.shifts, words.seed) for case in (*SAME, *WORSE, *SLOW, *SLOW_WORSE)]
    lines = table(rows)
    sys.stdout.write("\n".join(lines) + "\n")
    missed = [row.case.name for row in rows if not good(row)]
    sys.stderr.writelines(f"goal missed: {name}\n" for name in missed)
    if not words.dry:
        drawing = picture(curves(max(100, words.shifts // 8), words.seed))
        write(
            "analysis", "Evidence", [*lines, "", "![Verdicts against how much worse the target is](evidence-power.svg)"]
        )
        (DOCS / "evidence-power.svg").write_text(drawing, "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
