"""The transition table: every state can be reached, every open one left, and the docs show this very table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.errors import NeedsPersonError
from pointsman.move.journal.states import CLOSED, START, TRANSITIONS, Event, State, advance, diagram, reachable

DOCS = Path(__file__).parents[2] / "docs/move.md"
EDGES = [(before, after) for (before, _), after in TRANSITIONS.items()]


def test_every_state_can_be_reached() -> None:
    assert reachable(START, EDGES) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state not in CLOSED])
def test_from_every_open_state_the_move_can_end(state: State) -> None:
    assert reachable(state, EDGES) & CLOSED


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_nothing_follows_the_end(state: State) -> None:
    assert not [event for (before, event) in TRANSITIONS if before is state]


def test_past_the_point_of_no_return_the_source_is_out_of_reach() -> None:
    assert State.UNDONE not in reachable(State.COMMITTED, EDGES)
    assert State.UNDOING not in reachable(State.COMMITTED, EDGES)


def test_before_it_every_state_can_go_back() -> None:
    for state in (State.FORWARD, State.UNDOING, State.UNDO_STUCK):
        assert State.UNDONE in reachable(state, EDGES)


def test_every_event_is_used() -> None:
    assert {event for (_, event) in TRANSITIONS} == set(Event)


def test_an_impossible_event_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(NeedsPersonError, match="'finished'"):
        advance(State.UNDOING, Event.FINISHED)


def test_the_docs_show_the_table() -> None:
    assert f"```mermaid\n{diagram()}```" in DOCS.read_text()
