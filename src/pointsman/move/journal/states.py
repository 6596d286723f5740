"""The states of a move and the one table of what leads where.

A record of the journal is an event; the state of a move is what the table says after the last record. Nothing
else decides a state, so the program, the tests and the picture in ``docs/move.md`` cannot disagree.

The point of no return is the event ``commit``: before it every failure leads back to the source, after it only
forward (a new move goes back).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pointsman.errors import NeedsPersonError

__all__ = [
    "BACKWARD",
    "CLOSED",
    "REVERSIBLE",
    "START",
    "TRANSITIONS",
    "Event",
    "State",
    "advance",
    "diagram",
    "reachable",
]


class State(StrEnum):
    """Where a move stands."""

    NEW = "new"
    """Nothing is written yet."""
    FORWARD = "forward"
    """On the way to the target; everything done so far can be undone."""
    PAUSED = "paused"
    """Stands still between two steps, or at a step whose evidence a person has to judge; tenants stay split."""
    UNDOING = "undoing"
    """On the way back to the source."""
    ABORTING = "aborting"
    """Tenants are being put back on the source; the target is left as it is."""
    UNDO_STUCK = "undo-stuck"
    """The way back failed; a person decides, then it is tried again."""
    COMMITTED = "committed"
    """Past the point of no return: tenants are on the target, the source is being released."""
    FORWARD_STUCK = "forward-stuck"
    """Past the point of no return and the release failed; a person decides, then it is tried again."""
    DONE = "done"
    """Tenants are on the target, the source is parked."""
    UNDONE = "undone"
    """Tenants are on the source, the target is as it was before."""
    ABORTED = "aborted"
    """Tenants are on the source, the target runs on, to be looked into."""


class Event(StrEnum):
    """What a record says."""

    OPENED = "opened"
    INTENT = "intent"
    OUTCOME = "outcome"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    UNDO_INTENT = "undo-intent"
    UNDO_OUTCOME = "undo-outcome"
    UNDO_FAILED = "undo-failed"
    UNDONE = "undone"
    FINISHED = "finished"
    CLAIMED = "claimed"
    RESUMED = "resumed"
    PAUSED = "paused"
    PROMOTED = "promoted"
    AWAITING = "awaiting"
    ABORT = "abort"
    ABORTED = "aborted"


START = State.NEW
CLOSED = frozenset({State.DONE, State.UNDONE, State.ABORTED})
BACKWARD = frozenset({State.UNDOING, State.ABORTING})
"""Tenants are on their way back."""
REVERSIBLE = frozenset({State.FORWARD, State.PAUSED, State.UNDOING, State.ABORTING, State.UNDO_STUCK})
"""Before the point of no return."""

_OPEN = tuple(state for state in State if state not in CLOSED and state is not State.NEW)

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NEW, Event.OPENED): State.FORWARD,
    (State.FORWARD, Event.INTENT): State.FORWARD,
    (State.FORWARD, Event.OUTCOME): State.FORWARD,
    (State.FORWARD, Event.RESUMED): State.FORWARD,
    (State.FORWARD, Event.FAILED): State.UNDOING,
    (State.FORWARD, Event.INTERRUPTED): State.UNDOING,
    (State.FORWARD, Event.ROLLBACK): State.UNDOING,
    (State.FORWARD, Event.ABORT): State.ABORTING,
    (State.FORWARD, Event.PAUSED): State.PAUSED,
    (State.FORWARD, Event.PROMOTED): State.FORWARD,
    (State.FORWARD, Event.COMMIT): State.COMMITTED,
    (State.PAUSED, Event.RESUMED): State.FORWARD,
    (State.PAUSED, Event.PROMOTED): State.PAUSED,
    (State.PAUSED, Event.ROLLBACK): State.UNDOING,
    (State.PAUSED, Event.ABORT): State.ABORTING,
    (State.ABORTING, Event.UNDO_INTENT): State.ABORTING,
    (State.ABORTING, Event.UNDO_OUTCOME): State.ABORTING,
    (State.ABORTING, Event.UNDO_FAILED): State.UNDO_STUCK,
    (State.ABORTING, Event.ABORTED): State.ABORTED,
    (State.ABORTING, Event.ROLLBACK): State.UNDOING,
    (State.UNDOING, Event.UNDO_INTENT): State.UNDOING,
    (State.UNDOING, Event.UNDO_OUTCOME): State.UNDOING,
    (State.UNDOING, Event.UNDO_FAILED): State.UNDO_STUCK,
    (State.UNDOING, Event.UNDONE): State.UNDONE,
    (State.UNDO_STUCK, Event.ROLLBACK): State.UNDOING,
    (State.UNDO_STUCK, Event.ABORT): State.ABORTING,
    (State.COMMITTED, Event.INTENT): State.COMMITTED,
    (State.COMMITTED, Event.OUTCOME): State.COMMITTED,
    (State.COMMITTED, Event.RESUMED): State.COMMITTED,
    (State.COMMITTED, Event.INTERRUPTED): State.COMMITTED,
    (State.COMMITTED, Event.FAILED): State.FORWARD_STUCK,
    (State.COMMITTED, Event.FINISHED): State.DONE,
    (State.FORWARD_STUCK, Event.RESUMED): State.COMMITTED,
    **{(state, Event.CLAIMED): state for state in _OPEN},
    **{(state, Event.AWAITING): state for state in (State.FORWARD, State.UNDOING, State.ABORTING, State.COMMITTED)},
}


def advance(state: State, event: Event) -> State:
    """The state after ``event``; raises NeedsPersonError when the table has no such step."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise NeedsPersonError(
            f"the journal says {event.value!r} where a move is {state.value!r}",
            next_action="look at the move's records; they were not written by a move that went by its rules",
            code="journal-impossible",
        )
    return after


def reachable(start: State, table: Iterable[tuple[State, State]]) -> set[State]:
    """All states that can follow ``start``, itself included, over the pairs (from, to)."""
    pairs = list(table)
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        fresh = {after for before, after in pairs if before is here} - seen
        seen |= fresh
        todo += fresh
    return seen


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    edges: dict[tuple[State, State], list[str]] = {}
    for (before, event), after in TRANSITIONS.items():
        edges.setdefault((before, after), []).append(event.value)
    for (before, after), events in edges.items():
        origin = "[*]" if before is START else _name(before)
        lines.append(f"    {origin} --> {_name(after)}: {', '.join(sorted(events))}")
    lines += [f"    {_name(state)} --> [*]" for state in State if state in CLOSED]
    return "\n".join(lines) + "\n"


def _name(state: State) -> str:
    return state.value.replace("-", "_")
