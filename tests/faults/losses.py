"""Which requests a death takes along, whatever a move does: what was under way on the process that died.

Every other loss is one too many. Where the tenants' ledger cannot tell on which of two processes a request was, one
that was under way at the moment of the death counts as having been on the one that died.
"""

from __future__ import annotations

from collections.abc import Callable

from pointsman.demo.ledger import Entry, Window
from tests.faults.case import Case
from tests.faults.outcome import Outcome

__all__ = ["at_stake", "receipt_of_the_dead_source", "unexplained"]

SOURCE, TARGET = "qwen-raw-vllm", "qwen-kserve"
FORGOTTEN = 1.0
"""Seconds after a replica of the edge died, until which its Service may still name it."""


def unexplained(case: Case, outcome: Outcome) -> list[Entry]:
    """Lost requests that no death excuses."""
    return [one for one in outcome.entries if not one.answered and not RULES[case.loss](one, outcome)]


def at_stake(outcome: Outcome) -> int:
    """Requests that were under way when something died."""
    spans = list(outcome.deaths)
    if "death" in outcome.marks:
        spans.append(Window(outcome.marks["death"], outcome.marks["dead"]))
    return sum(any(span.touches(one) for span in spans) for one in outcome.entries)


def _never(entry: Entry, outcome: Outcome) -> bool:
    return False


def _on_the_engine(entry: Entry, outcome: Outcome) -> bool:
    """The target's engine crashed while the request was under way there."""
    return entry.member in ("", TARGET) and any(span.touches(entry) for span in outcome.deaths)


def _on_the_replica(entry: Entry, outcome: Outcome) -> bool:
    """Under way when the replica died, or sent to it before the Service had forgotten it."""
    return Window(outcome.marks["death"], outcome.marks["dead"] + FORGOTTEN).touches(entry)


def _on_the_node(entry: Entry, outcome: Outcome) -> bool:
    """Under way on the source when its node died, or given to it from then until the alias had left it."""
    death, dead = outcome.marks["death"], outcome.marks["dead"]
    left = outcome.first("step-done", "shift-", after=death)
    ours = entry.member in ("", SOURCE)
    return ours and (Window(death, dead).touches(entry) or death <= entry.sent < left)


RULES: dict[str, Callable[[Entry, Outcome], bool]] = {
    "none": _never,
    "engine": _on_the_engine,
    "replica": _on_the_replica,
    "node": _on_the_node,
}


def receipt_of_the_dead_source(outcome: Outcome) -> None:
    """What ended with the node after the last reading is known to nobody, and the receipt may not say a number."""
    row = outcome.receipt["traffic"]["layers"]["raw-vllm"]
    assert (row["tenants"], row["range"]["atMost"]) == ("unknown", "unknown"), row
    assert row["cut"] == "unknown", row
    assert row["why"], row
    death = outcome.marks["dead"]
    told = [one for one in outcome.entries if one.member == SOURCE and one.answered and (one.ended or 0.0) <= death]
    assert 0 < row["range"]["atLeast"] <= len(told), row
