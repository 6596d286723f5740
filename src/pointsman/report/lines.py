"""A move in a pipe: one plain line per happening, or one JSON object per line."""

from __future__ import annotations

import json
from typing import TextIO

from pointsman.report.contract import Happening, Topic

__all__ = ["JsonLines", "PlainLines"]

_MARKS = {
    Topic.STEP_BEGUN: "→",
    Topic.STEP_NOTE: " ",
    Topic.STEP_DONE: "✓",
    Topic.STEP_FAILED: "✗",
    Topic.UNDO_BEGUN: "↩",
    Topic.UNDO_DONE: "✓",
    Topic.UNDO_FAILED: "✗",
    Topic.NOTICE: "!",
    Topic.MOVE_OPENED: "=",
    Topic.MOVE_ENDED: "=",
}


class PlainLines:
    """Lines for people who read logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, happening: Happening) -> None:
        """Write one line; a reader that left is no reason to fail a move."""
        undo = "undo " if happening.topic in (Topic.UNDO_BEGUN, Topic.UNDO_DONE, Topic.UNDO_FAILED) else ""
        text = happening.text or ("done" if happening.topic in (Topic.STEP_DONE, Topic.UNDO_DONE) else "")
        step = f"{undo}{happening.step or 'move'}"
        _write(self._stream, f"{happening.seconds:7.1f} s {_MARKS[happening.topic]} {step:<18} {_flat(text)}\n")


class JsonLines:
    """Lines for programs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, happening: Happening) -> None:
        """Write one object on one line."""
        _write(self._stream, json.dumps(happening.as_dict(), default=str) + "\n")


def _flat(text: str) -> str:
    return " · ".join(text.splitlines())


def _write(stream: TextIO, line: str) -> None:
    try:
        stream.write(line)
        stream.flush()
    except (OSError, ValueError):
        return
