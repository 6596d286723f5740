"""Receipts held against a tenants' ledger: what is the same to the request, what may be, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pointsman.demo.counts import Count
from pointsman.demo.ledger import Entry
from pointsman.demo.reconcile import reconcile
from pointsman.demo.reconciliation import Reconciliation, sentence

OLD, NEW, AGAIN = "old/11111111#0", "new/22222222#0", "new/22222222#1"


def numbers(count: int) -> dict[str, Any]:
    """What a receipt keeps of one reading; requests that were given up do not count."""
    return {"running": 0, "waiting": 0, "finished": {"stop": count, "abort": 7, "error": 2}, "answered": {}}


def engine(layer: str, process: str, first: int | str | None, last: int | str, **more: Any) -> dict[str, Any]:
    ends = [numbers(one) if isinstance(one, int) else one for one in (first, last)]
    row = {"layer": layer, "process": process, "role": "serve", "gone": False, "first": ends[0], "last": ends[1]}
    return row | more


def receipt(number: int, tenants: Mapping[str, int | dict[str, Any]], *engines: dict[str, Any]) -> dict[str, Any]:
    layers = {
        layer: {"tenants": said, "range": {"atLeast": said, "atMost": said}, "why": []}
        if isinstance(said, int)
        else {"tenants": "unknown", "range": said, "why": ["an engine ended"]}
        for layer, said in tenants.items()
    }
    return {
        "move": f"move-{number}",
        "started": f"2026-01-01T00:0{number}:00+00:00",
        "traffic": {"layers": layers},
        "engines": list(engines),
    }


def entries(**by_layer: int) -> list[Entry]:
    return [
        Entry(0, False, 0, 8, 1.0, 1.1, 2.0, 200, f"qwen-{layer}") for layer, n in by_layer.items() for _ in range(n)
    ]


def lost(count: int, member: str = "") -> list[Entry]:
    return [Entry(0, False, 0, 8, 1.0, None, 2.0, 0, member, failure="cut") for _ in range(count)]


def held(
    before: Mapping[str, Count], after: Mapping[str, Count], receipts: Sequence[Any], ledger: Sequence[Entry]
) -> Reconciliation:
    return reconcile(before, after, receipts, ledger, lambda entry: entry.member.removeprefix("qwen-"))


BEFORE = {OLD: Count("a", 100)}
MOVE = receipt(
    1,
    {"a": 20, "b": 30},
    engine("a", OLD, 110, 135, gone=True, final=True),  # five requests of the move's own
    engine("b", NEW, None, 38),  # and eight
)
AFTER = {NEW: Count("b", 50)}


def test_one_move_is_the_ledger_to_the_request() -> None:
    found = held(BEFORE, AFTER, [MOVE], entries(a=30, b=42))
    assert (found.agrees, found.exact) == (True, True)
    assert found.as_dict()["layers"]["a"] == {
        "ledger": 30,
        "receipts": 20,
        "outside": 10,
        "failed": 0,
        "agrees": True,
        "exact": True,
        "why": [],
    }
    assert sentence(found) == "receipts 50 + outside of moves 22 = tenants' ledger, to the request"


@pytest.mark.parametrize(("a", "b"), [(31, 42), (29, 42), (30, 43), (30, 41), (31, 41)])
def test_one_request_more_or_less_is_seen(a: int, b: int) -> None:
    found = held(BEFORE, AFTER, [MOVE], entries(a=a, b=b))
    assert (found.agrees, found.exact) == (False, False)
    assert "DISAGREE" in sentence(found)


def test_what_lies_between_two_moves_counts_once() -> None:
    back = receipt(2, {"a": 9, "b": 6}, engine("b", NEW, 45, 51, gone=True), engine("a", "old/33333333#0", None, 9))
    after = {"old/33333333#0": Count("a", 12)}
    ledger = entries(a=30 + 12, b=30 + 7 + 6)
    assert held(BEFORE, after, [MOVE, back], ledger).exact
    assert held(BEFORE, after, [back, MOVE], ledger).exact, "receipts are put in order"
    assert not held(BEFORE, after, [MOVE], ledger).exact, "a receipt is missing"


def test_prefill_engines_and_other_layers_rows_do_not_count() -> None:
    row = engine("b", "prefill/44444444#0", None, 38, role="prefill")
    assert held(BEFORE, AFTER, [MOVE | {"engines": [*MOVE["engines"], row]}], entries(a=30, b=42)).exact


def test_a_layer_that_no_move_touched_is_all_outside() -> None:
    assert held(BEFORE, {OLD: Count("a", 107)}, [], entries(a=7)).exact
    assert not held(BEFORE, {OLD: Count("a", 107)}, [], entries(a=8)).agrees


def test_a_restarted_engine_is_another_process() -> None:
    move = receipt(1, {"b": 12}, engine("b", NEW, 10, 15, gone=True), engine("b", AGAIN, None, 7))
    assert held({NEW: Count("b", 10)}, {AGAIN: Count("b", 9)}, [move], entries(b=14)).exact


def test_an_engine_that_ended_between_two_moves_leaves_a_range() -> None:
    found = held(BEFORE, {}, [MOVE], entries(a=30, b=42))
    assert (found.agrees, found.exact) == (True, False)
    row = found.as_dict()["layers"]["b"]
    assert row["outside"] == {"atLeast": 0, "atMost": "unknown"}
    assert row["why"] == [f"{NEW} was not read and ended outside of every move"]
    assert not held(BEFORE, {}, [MOVE], entries(a=30, b=29)).agrees


RANGE = receipt(1, {"a": {"atLeast": 20, "atMost": 24}}, engine("a", OLD, 110, 135, gone=True))


@pytest.mark.parametrize(("a", "agrees"), [(29, False), (30, True), (34, True), (35, False)])
def test_a_range_holds_the_ledger_and_says_why(a: int, agrees: bool) -> None:
    found = held(BEFORE, {}, [RANGE], entries(a=a))
    assert (found.agrees, found.exact) == (agrees, False)
    assert found.as_dict()["layers"]["a"]["why"] == ["move-1: an engine ended"]


def test_bounds_that_are_unknown_hold_anything() -> None:
    open_ = receipt(1, {"a": {"atLeast": "unknown", "atMost": "unknown"}}, engine("a", OLD, "unknown", "unknown"))
    found = held(BEFORE, {}, [open_], entries(a=1000))
    assert (found.agrees, found.exact) == (True, False)
    assert "move-1" in sentence(found)


def test_requests_that_failed_may_have_been_answered_and_are_named() -> None:
    short = entries(a=29, b=42)
    found = held(BEFORE, AFTER, [MOVE], [*short, *lost(1, "qwen-a")])
    assert (found.agrees, found.exact, found.failed) == (True, False, 1)
    assert "29 and 1 failed" in sentence(found)
    assert not held(BEFORE, AFTER, [MOVE], [*short, *lost(1, "qwen-b")]).agrees, "another layer's"
    assert held(BEFORE, AFTER, [MOVE], [*short, *lost(1)]).agrees, "nobody knows whose"
    assert not held(BEFORE, AFTER, [MOVE], [*entries(a=29, b=41), *lost(1)]).agrees, "one is not two"
    assert held(BEFORE, AFTER, [MOVE], [*entries(a=30, b=42), *lost(3)]).exact, "nobody answered them"


def test_a_receipt_that_begins_at_0_for_an_old_engine_is_wrong_even_when_the_sum_is_right() -> None:
    move = receipt(1, {"a": 130}, engine("a", OLD, None, 130))
    found = held(BEFORE, {OLD: Count("a", 130)}, [move], entries(a=30))
    assert not found.agrees
    assert f"{OLD} had answered 100, and 0 before move-1" in sentence(found)
