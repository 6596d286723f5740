"""The fold of a journal: what a move by the rules writes is read back; anything else is an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import NeedsPersonError
from pointsman.move.journal.journal import Opening, Progress, Record, digest, encode, fold, take
from pointsman.move.journal.states import TRANSITIONS, Event, State

STEPS = ("deploy", "serve-ready", "shift-10", "drain", "park")
OPENING = Opening(
    model="qwen",
    spec={},
    spec_digest="x",
    source="raw-vllm",
    target="kserve",
    steps=STEPS,
    options={},
    alias={"alias": "qwen-local", "members": [], "revision": "r"},
)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Scribe:
    """Writes records one after the other, as a move would."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.epoch = 1
        self.write(Event.OPENED, detail=OPENING.model_dump(mode="json"))

    def write(self, event: Event, step: str = "", **more: object) -> str:
        values = {
            "seq": len(self.lines) + 1,
            "at": START + timedelta(seconds=len(self.lines)),
            "move": "m",
            "epoch": self.epoch,
            "holder": "me",
            "event": event,
            "step": step,
            "previous": digest(self.lines[-1]) if self.lines else "",
            **more,
        }
        self.lines.append(encode(Record.model_validate(values)))
        return self.lines[-1]

    def step(self, name: str) -> None:
        self.write(Event.INTENT, name, detail={"was": name})
        self.write(Event.OUTCOME, name, detail={"did": name})


def test_a_whole_move_folds_to_done() -> None:
    scribe = Scribe()
    for name in STEPS:
        if name == "drain":
            scribe.write(Event.COMMIT, name)
        scribe.step(name)
    scribe.write(Event.FINISHED)
    progress = fold(scribe.lines)
    assert progress.state is State.DONE
    assert progress.closed
    assert all(progress.done(name) for name in STEPS)
    assert progress.seen("deploy") == {"was": "deploy"}


def test_the_first_intent_keeps_what_was_there_before() -> None:
    scribe = Scribe()
    scribe.write(Event.INTENT, "deploy", detail={"existed": []})
    scribe.epoch = 2
    scribe.write(Event.CLAIMED)
    scribe.write(Event.RESUMED)
    scribe.write(Event.INTENT, "deploy", detail={"existed": ["our own traces"]})
    assert fold(scribe.lines).seen("deploy") == {"existed": []}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": 2}, "version 2"),
        ({"seq": 7}, "record 7 follows record 2"),
        ({"move": "other"}, "belongs to move other"),
        ({"previous": "0" * 64}, "does not continue"),
        ({"epoch": 2}, "never claimed"),
        ({"step": "shift-10"}, "before serve-ready ended|before deploy ended"),
        ({"step": "unheard-of"}, "not in its plan"),
        ({"event": "undone"}, "'undone'"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_record_that_is_not_the_next_one_is_an_error(change: dict[str, object], why: str) -> None:
    scribe = Scribe()
    scribe.write(Event.INTENT, "deploy")
    good = json.loads(scribe.write(Event.INTENT, "deploy"))
    scribe.lines[-1] = json.dumps(good | change)
    with pytest.raises(NeedsPersonError, match=why):
        fold(scribe.lines)


def test_a_journal_without_records_is_an_error() -> None:
    with pytest.raises(NeedsPersonError, match="no records"):
        fold([])


def test_a_holder_that_lost_the_move_cannot_write_into_it() -> None:
    scribe = Scribe()
    scribe.write(Event.INTENT, "deploy")
    scribe.epoch = 2
    scribe.write(Event.CLAIMED)
    scribe.epoch = 1
    scribe.write(Event.OUTCOME, "deploy")
    with pytest.raises(NeedsPersonError, match="had lost the move"):
        fold(scribe.lines)


@given(st.data())
def test_any_line_cut_anywhere_is_an_error(data: st.DataObject) -> None:
    scribe = Scribe()
    for name in STEPS[:3]:
        scribe.step(name)
    number = data.draw(st.integers(0, len(scribe.lines) - 1))
    cut = data.draw(st.integers(0, len(scribe.lines[number]) - 1))
    scribe.lines[number] = scribe.lines[number][:cut]
    with pytest.raises(NeedsPersonError):
        fold(scribe.lines)


@given(st.data())
def test_dropping_or_swapping_lines_is_an_error(data: st.DataObject) -> None:
    scribe = Scribe()
    for name in STEPS[:3]:
        scribe.step(name)
    number = data.draw(st.integers(0, len(scribe.lines) - 2))
    lines = list(scribe.lines)
    if data.draw(st.booleans()):
        del lines[number]
    else:
        lines[number], lines[number + 1] = lines[number + 1], lines[number]
    with pytest.raises(NeedsPersonError):
        fold(lines)


EVENTS = st.tuples(st.sampled_from(list(Event)), st.sampled_from(["", *STEPS]))


@given(st.lists(EVENTS, max_size=40))
def test_any_sequence_of_events_folds_by_the_table_or_is_refused(events: list[tuple[Event, str]]) -> None:
    """Events that the rules refuse are left out; what remains folds, and each prefix does."""
    scribe = Scribe()
    progress: Progress = fold(scribe.lines)
    for event, step in events:
        before = len(scribe.lines)
        if event is Event.CLAIMED:
            scribe.epoch += 1
        line = scribe.write(event, step)
        try:
            after = take(progress, line)
        except NeedsPersonError:
            del scribe.lines[before:]
            scribe.epoch = progress.epoch
            continue
        assert after.state is TRANSITIONS[progress.state, event]
        progress = after
    assert fold(scribe.lines) == progress
