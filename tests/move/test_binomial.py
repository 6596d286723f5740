"""When an observed split is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.move.judging.binomial import DOUBT, plausible, tail


def test_the_expected_count_is_believed() -> None:
    assert plausible(4, 40, 0.1)
    assert plausible(20, 40, 0.5)


def test_all_of_forty_on_a_tenth_is_not_believed() -> None:
    assert not plausible(40, 40, 0.1)
    assert not plausible(15, 40, 0.1)
    assert not plausible(5, 40, 0.5)


def test_a_whole_share_allows_no_exception() -> None:
    assert plausible(40, 40, 1.0)
    assert not plausible(39, 40, 1.0)


def test_thousands_of_answers_are_judged_too() -> None:
    assert plausible(302, 1338, 0.2)
    assert not plausible(352, 1338, 0.2)
    assert plausible(20_100, 100_000, 0.2)


@given(st.integers(1, 120), st.sampled_from([0.1, 0.5, 0.9]))
def test_an_honest_split_is_doubted_once_in_a_thousand(asked: int, share: float) -> None:
    from math import comb

    doubted = sum(
        comb(asked, seen) * share**seen * (1 - share) ** (asked - seen)
        for seen in range(asked + 1)
        if not plausible(seen, asked, share)
    )
    assert doubted <= DOUBT
    assert 0 <= tail(0, asked, share) <= 1
