"""The journal of a move: records that are only ever added, and the fold that turns them into a state.

A record is one line of JSON. It carries the digest of the line before it, so a record that is missing, torn, out
of place or from elsewhere is an error and never a guess (``docs/adr/0010-move-journal.md``). Nothing here talks to
a cluster; ``pointsman.move.journal.ledger`` keeps the lines in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from pointsman.errors import NeedsPersonError
from pointsman.move.journal.chain import digest
from pointsman.move.journal.readings import Captured, take_captured
from pointsman.move.journal.states import CLOSED, START, Event, State, advance

__all__ = [
    "SHOWN",
    "VERSION",
    "Opening",
    "Progress",
    "Record",
    "StepProgress",
    "believed",
    "decode",
    "digest",
    "encode",
    "fold",
    "torn",
]

VERSION = 1
SHOWN = frozenset({"inconclusive", "drain-deadline"})
"""Codes of pauses that ask whether to go on all the same. A person who promotes one of them was shown what is open and
accepts it; to promote a move that is paused for anything else is to resume it."""


class Opening(BaseModel):
    """The detail of the first record: all that another process needs to carry on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    spec: dict[str, Any]
    """The whole Model, as it was when the move began."""
    spec_digest: str
    source: str
    target: str
    steps: tuple[str, ...]
    options: dict[str, Any]
    alias: dict[str, Any]
    """The alias as it was: its members, ids and weights."""
    strategy: str = "side-by-side"
    """How the target gets its room; the steps follow from it."""
    predicted: dict[str, float] = Field(default_factory=dict)
    """What the move was expected to take: ``seconds``, ``downtimeSeconds``."""
    captured: dict[str, Any] = Field(default_factory=dict)
    """What the engines had counted when the move began."""
    lead: float | None = None
    """Seconds that the preflight took, before this record; None in a journal of before it was kept."""
    plan_digest: str = ""
    """Digest of the saved plan that was applied; empty when the move was planned on the spot."""


class Record(BaseModel):
    """One event of one move."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    seq: int = Field(ge=1)
    at: datetime
    move: str = Field(min_length=1)
    epoch: int = Field(ge=1)
    """Grows with every holder; a record of an older one is refused."""
    holder: str
    event: Event
    step: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    previous: str = ""
    """Digest of the line before; empty in the first record."""


@dataclass(frozen=True, slots=True)
class StepProgress:
    """What the journal knows of one step."""

    last: Event
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What the step saw before it acted; its undo restores that."""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    begun: datetime | None = None
    spent: float = 0.0
    """Seconds that processes were at it, on the way there and on the way back: the looks before it acted are among
    them, the time that nobody carried the move is not."""
    waits: Mapping[str, float] = field(default_factory=dict)
    """Seconds of these spent waiting for others, by kind."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The fold of a journal."""

    move: str = ""
    state: State = START
    opening: Opening | None = None
    opened: datetime | None = None
    ended: datetime | None = None
    holder: str = ""
    epoch: int = 0
    seq: int = 0
    tip: str = ""
    """Digest of the last line."""
    steps: Mapping[str, StepProgress] = field(default_factory=dict)
    step: str = ""
    """The step that the last record with a step named."""
    failures: tuple[str, ...] = ()
    interruptions: tuple[str, ...] = ()
    """Steps past the point of no return at which it was told to stop, and was finished first."""
    pauses: tuple[str, ...] = ()
    """Why it paused, each time."""
    awaiting: str = ""
    """What a person is waited for, by the last record; empty when nobody is."""
    at: datetime | None = None
    """When the last record was written."""
    elapsed: float = 0.0
    """Seconds from the first record to the last. A clock that is set back, or another machine's that is behind, takes
    nothing away."""
    under_way: float = 0.0
    """Seconds of these since a record ended something, or somebody took the move up."""
    unattended: float = 0.0
    """Seconds between the last record of a process that carried the move no more and the claim of the next one."""
    paused_for: str = ""
    """The code of what it is paused for; empty when it is not, and when it was only told to pause."""
    promotions: int = 0
    """How often a person said: go on."""
    late: int = 0
    """How often of these the wait that was meant was over, so that nothing became of it."""
    promoted: frozenset[str] = frozenset()
    """Steps whose waits a person ended; a pause ends that."""
    accepted: frozenset[str] = frozenset()
    """Of these, the ones that were paused and of which a person accepted what was shown."""
    owed: Mapping[str, Any] = field(default_factory=dict)
    """What the way back left to be done elsewhere: ``what``, ``why``, ``application``, ``held``; empty: nothing."""
    captured: Captured = field(default_factory=Captured)
    """What engines counted, and what the move asked of them itself."""

    @property
    def closed(self) -> bool:
        """Nothing is left to do."""
        return self.state in CLOSED

    @property
    def plan(self) -> Opening:
        """The first record's detail."""
        if self.opening is None:
            raise torn(self.move, "it has no first record")
        return self.opening

    @property
    def acting(self) -> str:
        """The step that acts now; empty between two steps."""
        known = self.steps.get(self.step)
        return self.step if known is not None and known.last is Event.INTENT else ""

    def done(self, step: str) -> bool:
        """Did the step's apply end well, and was not undone since?"""
        known = self.steps.get(step)
        return known is not None and known.last is Event.OUTCOME

    def seen(self, step: str) -> Mapping[str, Any] | None:
        """What the step saw before it acted; None when it never meant to act."""
        known = self.steps.get(step)
        return known.seen if known else None


def torn(move: str, why: str) -> NeedsPersonError:
    """The error for a journal that cannot be read."""
    return NeedsPersonError(
        f"the journal of this move cannot be trusted: {why}",
        where=f"move {move}" if move else "",
        next_action="see docs/move.md, 'a journal that cannot be read'; nothing is done with it meanwhile",
        code="journal-torn",
    )


@contextmanager
def believed(move: str, what: str) -> Iterator[None]:
    """What is read here was written by whoever may write there: what has another shape makes the journal torn."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        raise torn(move, f"{what}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise torn(move, f"{what}: {type(error).__name__}: {error}") from error


def encode(record: Record) -> str:
    """The record as one line."""
    return json.dumps(record.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode(line: str, move: str = "") -> Record:
    """The record of a line; raises NeedsPersonError when it is torn or of another version."""
    try:
        raw = from_json(line)
    except (TypeError, ValueError) as error:
        raise torn(move, f"a record is not JSON ({error})") from error
    version = raw.get("v") if isinstance(raw, dict) else None
    if version != VERSION:
        raise torn(move, f"a record has version {version!r}, this program reads {VERSION}")
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        raise torn(move, f"a record's {'.'.join(map(str, first['loc'])) or 'shape'}: {first['msg']}") from error


def fold(lines: Iterable[str], move: str = "") -> Progress:
    """The state after all lines. Raises NeedsPersonError for anything that a move by the rules cannot have written."""
    progress = Progress(move=move)
    for line in lines:
        progress = take(progress, line)
    if progress.seq == 0:
        raise torn(move, "it has no records")
    return progress


def take(progress: Progress, line: str) -> Progress:
    """The state after one more line; raises NeedsPersonError when it cannot be the next one of this journal."""
    record = decode(line, progress.move)
    _check_place(progress, record)
    with believed(record.move, f"record {record.seq}"):
        return _taken(progress, record, line)


def _taken(progress: Progress, record: Record, line: str) -> Progress:
    state = advance(progress.state, record.event)
    passed, took = _passed(progress, record), _took(progress, record)
    after = replace(
        progress,
        move=record.move,
        state=state,
        holder=record.holder,
        epoch=record.epoch,
        seq=record.seq,
        tip=digest(line),
        step=record.step or progress.step,
        at=record.at,
        elapsed=progress.elapsed + max(passed, took - progress.under_way),
        under_way=took if record.event in _WITHIN else 0.0,
        awaiting=str(record.detail.get("what", "")) if record.event is Event.AWAITING else "",
        unattended=progress.unattended + (passed if record.event is Event.CLAIMED else 0.0),
        captured=take_captured(
            progress.captured,
            record.detail,
            epoch=record.epoch,
            opening=record.event is Event.OPENED,
            claimed=record.event is Event.CLAIMED,
        ),
    )
    if record.event is Event.OPENED:
        return replace(after, opening=_opening(record), opened=record.at)
    if state in CLOSED:
        after = replace(after, ended=record.at)
    if record.event is Event.UNDO_OUTCOME:
        after = replace(after, owed={})
    elif record.event is Event.UNDO_INTENT and "owed" in record.detail:
        after = replace(after, owed=dict(record.detail["owed"]))
    if record.event is Event.PROMOTED:
        return _promoted(after, record.step, late=bool(record.detail.get("late")))
    if record.event is Event.INTERRUPTED and state is State.COMMITTED:
        after = replace(after, interruptions=(*progress.interruptions, record.step))
    elif record.event in _REASONS:
        said = str(record.detail.get("what", record.event.value))
        after = replace(after, failures=(*progress.failures, f"{record.step}: {said}" if record.step else said))
    if record.event is Event.PAUSED:
        after = _paused(after, record)
    elif state is not State.PAUSED:
        after = replace(after, paused_for="")
    return replace(after, steps=_steps(progress, record, took)) if record.step else after


def _paused(after: Progress, record: Record) -> Progress:
    """What was said of the step before holds no more: it is judged anew, unless a person accepts what is shown now."""
    return replace(
        after,
        pauses=(*after.pauses, f"{record.step}: {record.detail.get('what', 'it was paused')}"),
        paused_for=str(record.detail.get("code", "")),
        promoted=after.promoted - {record.step},
        accepted=after.accepted - {record.step},
    )


def _promoted(after: Progress, step: str, *, late: bool) -> Progress:
    """A step's waits are over; what a pause has shown is accepted."""
    after = replace(after, promotions=after.promotions + 1, late=after.late + late)
    if late:
        return after
    if after.state is not State.PAUSED:
        return replace(after, promoted=after.promoted | {step})
    if after.paused_for not in SHOWN:
        return after
    return replace(after, promoted=after.promoted | {step}, accepted=after.accepted | {step})


_WITHIN = frozenset({Event.INTENT, Event.UNDO_INTENT, Event.COMMIT, Event.PROMOTED, Event.AWAITING})
"""Events in the middle of a step's time; every other one ends what was under way."""
_REASONS = frozenset({Event.FAILED, Event.UNDO_FAILED, Event.INTERRUPTED, Event.ROLLBACK, Event.ABORT})
"""Events that say why a move did not simply go on."""


def _passed(progress: Progress, record: Record) -> float:
    """Seconds since the record before."""
    return max(0.0, (record.at - progress.at).total_seconds()) if progress.at else 0.0


def _took(progress: Progress, record: Record) -> float:
    """Seconds that the record's process was at what the record is about; never less than it says that it waited."""
    if record.event is Event.CLAIMED:
        return progress.under_way
    waited: Mapping[str, float] = record.detail.get("waits", {})
    return max(progress.under_way + _passed(progress, record), sum(waited.values()))


def _opening(record: Record) -> Opening:
    try:
        return Opening.model_validate(record.detail)
    except ValidationError as error:
        raise torn(record.move, f"its first record: {error.errors()[0]['msg']}") from error


def _check_place(progress: Progress, record: Record) -> None:
    """Is this the next record of this very journal?"""
    claim = record.event is Event.CLAIMED
    wrong: Sequence[tuple[bool, str]] = (
        (bool(progress.move) and record.move != progress.move, f"a record belongs to move {record.move}"),
        (record.seq != progress.seq + 1, f"record {record.seq} follows record {progress.seq}"),
        (record.previous != progress.tip, f"record {record.seq} does not continue record {progress.seq}"),
        (record.epoch < progress.epoch, f"record {record.seq} was written by a holder that had lost the move"),
        (
            progress.seq > 0 and not claim and record.epoch != progress.epoch,
            f"record {record.seq} was written by a holder that never claimed the move",
        ),
        (claim and record.epoch <= progress.epoch, f"record {record.seq} claims without a new epoch"),
    )
    for is_wrong, why in wrong:
        if is_wrong:
            raise torn(progress.move or record.move, why)


_FOLLOWS: dict[Event, frozenset[Event | None]] = {
    Event.INTENT: frozenset({None, Event.INTENT, Event.FAILED}),
    Event.OUTCOME: frozenset({Event.INTENT}),
    Event.FAILED: frozenset({None, Event.INTENT, Event.FAILED}),
    Event.UNDO_INTENT: frozenset(
        {None, Event.INTENT, Event.OUTCOME, Event.FAILED, Event.UNDO_INTENT, Event.UNDO_FAILED}
    ),
    Event.UNDO_OUTCOME: frozenset({Event.UNDO_INTENT}),
    Event.UNDO_FAILED: frozenset({Event.UNDO_INTENT}),
}
"""What a step's record may follow among the records of the same step."""


def _steps(progress: Progress, record: Record, took: float) -> Mapping[str, StepProgress]:
    plan = progress.plan.steps
    if record.step not in plan:
        raise torn(progress.move, f"record {record.seq} names step {record.step!r}, which is not in its plan")
    known = progress.steps.get(record.step)
    allowed = _FOLLOWS.get(record.event)
    if allowed is None:
        return {**progress.steps, record.step: _timed(known, record, took)} if known else progress.steps
    if (known.last if known else None) not in allowed:
        before = known.last.value if known else "nothing"
        raise torn(progress.move, f"record {record.seq} says {record.event.value} of {record.step} after {before}")
    if record.event is Event.INTENT:
        missing = [step for step in plan[: plan.index(record.step)] if not progress.done(step)]
        if missing:
            raise torn(progress.move, f"record {record.seq} begins {record.step} before {missing[0]} ended")
    return {**progress.steps, record.step: _timed(_step(known, record), record, took)}


def _step(known: StepProgress | None, record: Record) -> StepProgress:
    if record.event is Event.INTENT:
        # The first intent tells what was there before the step; a later one, after a crash, would see its traces.
        before = known or StepProgress(record.event, seen=dict(record.detail), begun=record.at)
        return replace(before, last=record.event, outcome={})
    before = known or StepProgress(record.event)
    outcome = dict(record.detail) if record.event is Event.OUTCOME else before.outcome
    return replace(before, last=record.event, outcome=outcome)


def _timed(step: StepProgress, record: Record, took: float) -> StepProgress:
    """A step that was paused, interrupted, or begun again has taken its time all the same."""
    if record.event in _WITHIN:
        return step
    waited: Mapping[str, float] = record.detail.get("waits", {})
    waits = {kind: round(step.waits.get(kind, 0.0) + waited.get(kind, 0.0), 3) for kind in {**step.waits, **waited}}
    return replace(step, spent=step.spent + took, waits=waits)
