"""Latencies as they can be had: an engine's histogram, which knows only buckets, or values of one's own stopwatch.

Both answer one question, conservatively: when the target's latencies are divided by a ratio, how many of them, and how
many of the source's, lie above a point near a quantile of both together? A histogram rounds its answer towards no
conclusion, because what is inside a bucket cannot be known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf

__all__ = ["Exceeding", "Histogram", "Values", "between", "over"]


@dataclass(frozen=True, slots=True)
class Exceeding:
    """How many of each side lie above one point."""

    target: int
    of_target: int
    source: int
    of_source: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations at most as large as each bound, as Prometheus tells them; the last bound is infinity."""

    cumulative: Mapping[float, float]
    total: float = 0.0

    @property
    def count(self) -> int:
        """Observations."""
        return round(self.cumulative.get(inf, 0.0))

    @property
    def mean(self) -> float | None:
        """Exact, unlike any quantile."""
        return self.total / self.count if self.count else None

    def since(self, before: Histogram | None) -> Histogram:
        """What was observed after ``before``; all of it when the engine began to count anew."""
        if before is None or before.count > self.count:
            return self
        grown = {bound: count - before.cumulative.get(bound, 0.0) for bound, count in self.cumulative.items()}
        return Histogram(grown, self.total - before.total)

    def plus(self, other: Histogram) -> Histogram:
        """Both together, over the bounds that both know."""
        if not self.cumulative or not other.cumulative:
            return self if self.cumulative else other
        bounds = [bound for bound in self.cumulative if bound in other.cumulative]
        both = {bound: self.cumulative[bound] + other.cumulative[bound] for bound in bounds}
        return Histogram(both, self.total + other.total)

    def thinned(self, count: int) -> Histogram:
        """The same shape with the weight of ``count`` observations: tokens of one answer are no independent ones."""
        if not self.count or count >= self.count:
            return self
        share = count / self.count
        return Histogram({bound: here * share for bound, here in self.cumulative.items()}, self.total * share)

    def quantile(self, share: float) -> float | None:
        """Estimated as Prometheus does, evenly inside a bucket. To be told, not to be decided by."""
        if not self.count:
            return None
        wanted, low, seen = share * self.cumulative[inf], 0.0, 0.0
        for bound in sorted(self.cumulative):
            here = self.cumulative[bound]
            if here >= wanted:
                if bound == inf:
                    return low
                return low + (bound - low) * ((wanted - seen) / (here - seen) if here > seen else 1.0)
            low, seen = bound, here
        return low

    def above(self, bound: float) -> float:
        """How many are larger than a bound of this histogram."""
        return self.cumulative[inf] - self.cumulative.get(bound, 0.0)


@dataclass(frozen=True, slots=True)
class Values:
    """Single values, sorted."""

    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: Iterable[float]) -> Values:
        """From values in any order."""
        return cls(tuple(sorted(values)))

    @property
    def count(self) -> int:
        """How many."""
        return len(self.values)

    @property
    def mean(self) -> float | None:
        """The mean."""
        return sum(self.values) / len(self.values) if self.values else None

    def quantile(self, share: float) -> float | None:
        """The value at this share."""
        return self.values[max(0, ceil(share * len(self.values)) - 1)] if self.values else None


def over(target: Values, source: Values, share: float, ratio: float, slack: float) -> Exceeding:
    """At or above the ``share`` quantile of both, the target's values divided by ``ratio`` or less by ``slack``."""
    scaled = sorted(min(one / ratio, one - slack) for one in target.values)
    pooled = sorted((*scaled, *source.values))
    point = pooled[min(len(pooled) - 1, int(share * len(pooled)))]
    return Exceeding(
        len(scaled) - bisect_left(scaled, point),
        len(scaled),
        len(source.values) - bisect_left(source.values, point),
        len(source.values),
    )


def between(
    target: Histogram, source: Histogram, share: float, ratio: float, slack: float, *, most: bool
) -> Exceeding | None:
    """As ``over``, from buckets; ``most`` counts all of the target that may lie above, otherwise what must.

    None when no bound separates anything.
    """
    bounds = sorted(bound for bound in source.cumulative if bound in target.cumulative and bound != inf)
    count = target.count + source.count
    if not bounds or not target.count or not source.count:
        return None
    point = min(bounds, key=lambda bound: abs(target.above(bound) + source.above(bound) - (1 - share) * count))
    limit = max(point * ratio, point + slack)
    at = bisect_right(bounds, limit) - 1 if most else bisect_left(bounds, limit)
    above = target.above(bounds[at]) if at < len(bounds) else 0.0
    counted = ceil(above - 1e-9) if most else int(above + 1e-9)
    return Exceeding(counted, target.count, round(source.above(point)), source.count)
