"""Exact tail probabilities of counts: binomial, beta-binomial, hypergeometric. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, lgamma, log

__all__ = ["at_most", "drawn_at_least", "drawn_at_most", "predicted_at_least"]


def at_most(seen: int, asked: int, share: float) -> float:
    """Probability of at most ``seen`` hits of ``asked``, each with probability ``share``."""
    if share <= 0.0 or seen >= asked:
        return 1.0
    if share >= 1.0:
        return 0.0
    hit, miss = log(share), log(1.0 - share)
    return _sum(_choose(asked, k) + k * hit + (asked - k) * miss for k in range(seen + 1))


def predicted_at_least(seen: int, asked: int, alpha: float, beta: float) -> float:
    """Probability of at least ``seen`` hits of ``asked`` when the share is known as Beta(alpha, beta)."""
    whole = _beta(alpha, beta)
    below = (_choose(asked, k) + _beta(alpha + k, beta + asked - k) - whole for k in range(seen))
    return max(0.0, 1.0 - _sum(below))


def drawn_at_least(seen: int, drawn: int, marked: int, others: int) -> float:
    """Probability of at least ``seen`` marked ones among ``drawn``, from ``drawn + others`` with ``marked`` marked."""
    return _sum(_drawn(k, drawn, marked, others) for k in range(max(seen, marked - others), min(drawn, marked) + 1))


def drawn_at_most(seen: int, drawn: int, marked: int, others: int) -> float:
    """Probability of at most ``seen`` marked ones among ``drawn``."""
    return _sum(_drawn(k, drawn, marked, others) for k in range(max(0, marked - others), min(seen, drawn, marked) + 1))


def _drawn(k: int, drawn: int, marked: int, others: int) -> float:
    return _choose(drawn, k) + _choose(others, marked - k) - _choose(drawn + others, marked)


def _choose(of: int, k: int) -> float:
    return lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1)


def _beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)


def _sum(logs: Iterable[float]) -> float:
    return min(1.0, sum(exp(one) for one in logs))
