"""Pass, fail or inconclusive: what both sides' numbers allow to say after so many looks.

Fail when one measure is worse than the source's with an error probability that, summed over all measures and all looks
of a shift, stays below ``false_alarm``. Pass when *every* measure is shown to be no worse than its margin, each with an
error probability that stays below ``miss`` over all looks. Anything else is inconclusive. ADR 14 has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pointsman.move.analysis.exact import at_most, drawn_at_least, drawn_at_most, predicted_at_least
from pointsman.move.analysis.samples import Exceeding, Histogram, Values, between, over
from pointsman.move.analysis.windows import Pair, Probed, Window

__all__ = ["LOOKS", "Finding", "Limits", "Ruling", "Verdict", "breaks", "judge", "spent"]

LOOKS = 8
"""Looks that one shift may take: tenants alone, after each of five parts of the probes, and twice when time went by."""
PRIOR = (0.5, 99.5)
"""What is known of a source's error rate before it is looked at: about half a percent, worth a hundred requests."""
ROUNDS, OFTEN = 4, 0.8
"""Rounds of probes, and the share of them, in which the target must be slower before it is said to be."""
FEWEST = 20
"""Requests of each side below which tenants' numbers alone conclude nothing."""


class Verdict(StrEnum):
    """What can be said."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is tolerated, and how often to be wrong. Ratios are target to source."""

    false_alarm: float = 0.008
    miss: float = 0.03
    errors: float = 0.05
    """Errors (as a share) more than the source's that must not pass."""
    ttft_p50: float = 1.5
    ttft_p95: float = 3.0
    itl_p50: float = 1.5
    itl_p95: float = 3.0
    noise: float = 1.1
    """A ratio up to which a difference is nobody's concern, however certain."""
    slack: float = 0.005
    """Seconds of the same."""
    tokens: bool = True
    """Do answers come token by token? Else there is no time between tokens to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure, from one kind of evidence."""

    measure: str
    by: str
    verdict: Verdict
    target: float | None
    source: float | None
    of_target: int
    of_source: int
    worse: float
    """Probability of numbers like these when the target is no worse."""
    fine: float
    """Probability of numbers like these when the target is as bad as the margin."""

    def __str__(self) -> str:
        numbers = f"{_number(self.target)} of {self.of_target} against {_number(self.source)} of {self.of_source}"
        return f"{self.measure} ({self.by}): {numbers}, {self.verdict.value}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict over all, with what it comes from."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    open: tuple[str, ...]
    """Measures on which nothing can be said yet."""
    queue: Pair[float]

    def because(self) -> str:
        """One sentence: what fails, or what is open."""
        failed = [str(one) for one in self.findings if one.verdict is Verdict.FAIL]
        if failed:
            return "; ".join(failed)
        return "nothing can be said of " + ", ".join(self.open) if self.open else "no measure is worse"

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        findings = [{**asdict(one), "verdict": one.verdict.value} for one in self.findings]
        for one in findings:
            one.update({key: _rounded(one[key]) for key in ("target", "source", "worse", "fine")})
        queue = {"target": self.queue.target, "source": self.queue.source}
        return {"verdict": self.verdict.value, "open": list(self.open), "queue": queue, "measures": findings}


SHARES = {
    ("errors", "probes"): 0.25,
    ("errors", "tenants"): 0.15,
    ("aborted", "tenants"): 0.10,
    ("ttft p50", "probes"): 0.20,
    ("ttft p95", "probes"): 0.05,
    ("itl p50", "probes"): 0.08,
    ("itl p95", "probes"): 0.02,
    ("ttft p50", "tenants"): 0.06,
    ("ttft p95", "tenants"): 0.03,
    ("itl p50", "tenants"): 0.04,
    ("itl p95", "tenants"): 0.02,
}
"""How the probability of a false alarm is divided; together 1."""


def spent(look: int) -> float:
    """The part of an error probability that look ``look`` (from 1) may spend; all looks together spend 1."""
    return (look**2 - (look - 1) ** 2) / LOOKS**2


def breaks(target: tuple[int, int], source: tuple[int, int], limits: Limits) -> bool:
    """Is the target broken more often than the source was, by errors and requests, where no same minutes are had?"""
    (broken, asked), (before, of) = target, source
    return predicted_at_least(broken, asked, PRIOR[0] + before, PRIOR[1] + of - before) <= limits.false_alarm


def judge(window: Pair[Window], probed: Pair[Probed], limits: Limits, look: int) -> Ruling:
    """The verdict at one look."""
    part = spent(min(look, LOOKS))
    findings = tuple(_findings(window, probed, limits, part))
    failed = any(one.verdict is Verdict.FAIL for one in findings)
    measures = dict.fromkeys(one.measure for one in findings)
    shown = {one.measure for one in findings if one.verdict is Verdict.PASS}
    still = [one for one in measures if one not in shown and one != "aborted"]
    queue = Pair(window.target.waiting, window.source.waiting)
    if queue.target > max(queue.source, window.target.running, 1.0):
        still.append("queue")
    verdict = Verdict.FAIL if failed else Verdict.INCONCLUSIVE if still else Verdict.PASS
    return Ruling(verdict, findings, tuple(still), queue)


def _findings(window: Pair[Window], probed: Pair[Probed], limits: Limits, part: float) -> Iterator[Finding]:
    yield from _errors(window, probed, limits, part)
    mine, theirs = window.target, window.source
    worse = drawn_at_least(mine.aborted, mine.came, mine.aborted + theirs.aborted, theirs.came)
    yield _finding(
        "aborted", "tenants", limits, part, (mine.aborted, mine.came), (theirs.aborted, theirs.came), worse, 1.0
    )
    for name in ("ttft", "itl") if limits.tokens else ("ttft",):
        for rank, share in (("p50", 0.5), ("p95", 0.95)):
            margin: float = getattr(limits, f"{name}_{rank}")
            own = Pair(getattr(probed.target, name), getattr(probed.source, name))
            lasts = lasting(probed, name, limits)
            yield _of_values(f"{name} {rank}", own, share, margin, limits, part, lasts=lasts)
            seen = Pair(getattr(mine, name), getattr(theirs, name))
            yield _of_histograms(f"{name} {rank}", seen, share, margin, limits, part)


def lasting(probed: Pair[Probed], name: str, limits: Limits) -> bool:
    """Was the target's median higher in nearly every round? A burst of load is over sooner; an engine is not."""
    rounds = list(zip(probed.target.rounds, probed.source.rounds, strict=False))
    worse = 0
    for mine, theirs in rounds:
        middle, other = (getattr(one, name).quantile(0.5) for one in (mine, theirs))
        worse += middle is not None and other is not None and middle > limits.noise * other
    return len(rounds) >= ROUNDS and worse >= OFTEN * len(rounds)


def _errors(window: Pair[Window], probed: Pair[Probed], limits: Limits, part: float) -> Iterator[Finding]:
    mine = Pair((window.target.broken, window.target.requests), (window.source.broken, window.source.requests))
    ours = Pair((probed.target.broken, probed.target.asked), (probed.source.broken, probed.source.asked))
    both = Pair(_add(mine.target, ours.target), _add(mine.source, ours.source))
    rate = (both.source[0] + PRIOR[0]) / (both.source[1] + sum(PRIOR))
    fine = at_most(both.target[0], both.target[1], rate + limits.errors)
    for by, seen in (("tenants", mine), ("probes", ours)):
        (broken, asked), (before, of) = seen.target, seen.source
        worse = predicted_at_least(broken, asked, PRIOR[0] + before, PRIOR[1] + of - before)
        yield _finding("errors", by, limits, part, seen.target, seen.source, worse, fine)


def _add(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    return left[0] + right[0], left[1] + right[1]


def _of_values(
    measure: str, seen: Pair[Values], share: float, margin: float, limits: Limits, part: float, *, lasts: bool
) -> Finding:
    target, source = seen.target, seen.source
    worse = fine = 1.0
    if target.count and source.count:
        worse = _higher(over(target, source, share, limits.noise, limits.slack)) if lasts else 1.0
        fine = _lower(over(target, source, share, margin, limits.slack))
    told = ((target.quantile(share), target.count), (source.quantile(share), source.count))
    return _finding(measure, "probes", limits, part, *told, worse, fine)


def _of_histograms(
    measure: str, seen: Pair[Histogram], share: float, margin: float, limits: Limits, part: float
) -> Finding:
    target, source = seen.target, seen.source
    worse = fine = 1.0
    if target.count >= FEWEST and source.count >= FEWEST:
        surely = between(target, source, share, limits.noise, limits.slack, most=False)
        perhaps = between(target, source, share, margin, limits.slack, most=True)
        worse = _higher(surely) if surely else 1.0
        fine = _lower(perhaps) if perhaps else 1.0
    told = ((target.quantile(share), target.count), (source.quantile(share), source.count))
    return _finding(measure, "tenants", limits, part, *told, worse, fine)


def _higher(seen: Exceeding) -> float:
    return drawn_at_least(seen.target, seen.of_target, seen.target + seen.source, seen.of_source)


def _lower(seen: Exceeding) -> float:
    return drawn_at_most(seen.target, seen.of_target, seen.target + seen.source, seen.of_source)


def _finding(
    measure: str,
    by: str,
    limits: Limits,
    part: float,
    target: tuple[float | None, int],
    source: tuple[float | None, int],
    worse: float,
    fine: float,
) -> Finding:
    failed = worse <= limits.false_alarm * SHARES[measure, by] * part
    passed = fine <= limits.miss * part
    verdict = Verdict.FAIL if failed else Verdict.PASS if passed else Verdict.INCONCLUSIVE
    return Finding(measure, by, verdict, target[0], source[0], target[1], source[1], worse, fine)


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")
