"""Tables for people, in a pipe and in a terminal."""

from __future__ import annotations

import io

import pytest

from pointsman.report.table import Table, note


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 40 columns without colour."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    return Terminal()


def table() -> Table:
    made = Table(("NAME", "STATE", "N"), names=("NAME",))
    made.add("a-very-long-name-of-a-model", "not ready: Deployment serving/x: 0 of 1 replicas\nare available", "0/1")
    made.add("b", "ready", "1/1")
    return made


def test_a_pipe_gets_a_row_a_line() -> None:
    stream = io.StringIO()
    table().write(stream)
    head, long, short = stream.getvalue().splitlines()
    assert long.endswith("0 of 1 replicas are available   0/1")
    assert head.index("N") == 0
    assert short.index("ready") == head.index("STATE") == long.index("not ready")
    assert "\x1b" not in stream.getvalue()


def test_a_narrow_terminal_folds_what_is_no_name(narrow: Terminal) -> None:
    table().write(narrow)
    lines = narrow.getvalue().splitlines()
    assert "a-very-long-name-of-a-model   not ready:" in lines[1]
    assert lines[2].strip() == "Deployment"
    assert max(map(len, lines)) == len("a-very-long-name-of-a-model") + 3 + 12 + 3 + 3


def test_a_word_stays_whole_in_a_cell_too(narrow: Terminal) -> None:
    made = Table(("STATE", "NEXT"))
    word = "pointsman-production-serving-llama-chat/x"
    made.add(f"waits for {word}", "delete prod/prod-llama-chat, it is in the way")
    made.write(narrow)
    words = narrow.getvalue().split()
    assert {word, "prod/prod-llama-chat,"} < set(words)


def test_a_terminal_with_room_folds_nothing(monkeypatch: pytest.MonkeyPatch, narrow: Terminal) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    table().write(narrow)
    assert len(narrow.getvalue().splitlines()) == 3


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    note(stream, "look")
    table().write(stream)
    assert stream.getvalue().startswith("\x1b[33mlook\x1b[0m\n\x1b[1mNAME")
