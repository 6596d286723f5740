"""Can this many answers out of so many come from that share? Exact binomial tails, by logarithms."""

from __future__ import annotations

from math import exp, lgamma, log

__all__ = ["DOUBT", "plausible", "tail"]

DOUBT = 0.001
"""Below this probability an observed split is not believed: one false alarm in about a thousand shifts."""


def tail(seen: int, asked: int, share: float) -> float:
    """Two-sided probability of a count as far out as ``seen`` of ``asked``, when each is a hit with ``share``."""
    if not 0.0 < share < 1.0:
        return 1.0 if seen == round(asked * share) else 0.0
    below = sum(_point(count, asked, share) for count in range(seen + 1))
    above = sum(_point(count, asked, share) for count in range(seen, asked + 1))
    return min(1.0, 2 * min(below, above))


def plausible(seen: int, asked: int, share: float) -> bool:
    """Is the count believable?"""
    return tail(seen, asked, share) >= DOUBT


def _point(count: int, asked: int, share: float) -> float:
    ways = lgamma(asked + 1) - lgamma(count + 1) - lgamma(asked - count + 1)
    return exp(ways + count * log(share) + (asked - count) * log(1 - share))
