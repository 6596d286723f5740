"""Does a number that wavers also grow? The steepest growth that its latest readings allow, per second.

Readings lie close together and are alike, so they are no independent samples. Their means over ``BLOCK`` seconds
nearly are, and a straight line through these has a slope with a known error.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby
from math import inf, sqrt

__all__ = ["steepest"]

BLOCK = 5.0
"""Seconds of readings that count as one: what makes the number waver (answers that are counted late) lasts less."""
ERRORS = 2.5
"""Standard errors above the slope that was seen: one growth in about 100 is steeper than what is said."""
FEWEST = 5
"""Blocks without which nothing is said."""


def steepest(readings: Sequence[tuple[float, float]]) -> float:
    """The growth per second that pairs of a time in seconds and a number, in order, do not rule out.

    Infinite when they are too few.
    """
    if not readings:
        return inf
    begin = readings[0][0]
    grouped = groupby(readings, lambda one: (one[0] - begin) // BLOCK)
    blocks = [tuple(map(statistics.fmean, zip(*block, strict=True))) for _, block in grouped]
    if len(blocks) < FEWEST:
        return inf
    times, numbers = zip(*blocks, strict=True)
    slope, at_begin = statistics.linear_regression(times, numbers)
    off = sum((number - at_begin - slope * time) ** 2 for time, number in blocks)
    spread = sum((time - statistics.fmean(times)) ** 2 for time in times)
    return slope + ERRORS * sqrt(off / (len(blocks) - 2) / spread)
