"""A move in a terminal: a tree of its steps that changes in place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pointsman.report.contract import Happening, Topic
from pointsman.report.text import TITLES, took

__all__ = ["LiveTree"]

NOTES = 3
"""Notes shown below a step while it runs; one remains when it is done."""

_STYLE = {"waiting": "dim", "running": "bold cyan", "done": "green", "failed": "bold red", "undoing": "yellow"}
_MARK = {"waiting": "·", "stopped": "·", "done": "✓", "failed": "✗", "undone": "↩"}
_BUSY = ("running", "undoing")
_ENDED = {"done": "done", "outcome": "done", "undo-outcome": "undone", "failed": "failed", "undo-failed": "failed"}
"""What a step is left as, by its result in the receipt; one with another result was begun and not ended."""


@dataclass(slots=True)
class _Row:
    state: str = "waiting"
    begun: float = 0.0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class LiveTree:
    """An observer; use as a context manager around the move."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._rows: dict[str, _Row] = {}
        self._notices: list[str] = []
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._render, transient=False)

    def __enter__(self) -> LiveTree:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.refresh()
        self._live.stop()

    def tell(self, happening: Happening) -> None:
        """Change the tree."""
        if happening.topic is Topic.MOVE_OPENED:
            self._title = f"{self._title}  [{happening.text}]"
            for step in happening.data.get("steps", []):
                self._rows.setdefault(step, _Row())
        elif happening.topic in (Topic.NOTICE, Topic.MOVE_ENDED):
            self._notices.append(happening.text)
            if happening.topic is Topic.MOVE_ENDED:
                self._settle(happening.data.get("steps", []))
        elif happening.topic is Topic.STEP_NOTE and happening.step not in self._rows:
            self._remark(f"{happening.step}: {happening.text}")
        else:
            self._change(self._rows.setdefault(happening.step, _Row()), happening)

    def _remark(self, text: str) -> None:
        """What concerns no step of its own stands below the one that is under way."""
        busy = [row for row in self._rows.values() if row.state in _BUSY]
        (busy[-1].notes if busy else self._notices).append(text.splitlines()[0])

    def _settle(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """What stays in the terminal is what the receipt says; nothing runs on there."""
        for row in self._rows.values():
            if row.state in _BUSY:
                row.seconds, row.state = time.monotonic() - row.begun, "stopped"
        for step in steps:
            row = self._rows.setdefault(step["id"], _Row())
            row.seconds, row.state = step["seconds"], _ENDED.get(step["result"], "stopped")

    def _change(self, row: _Row, happening: Happening) -> None:
        states = {
            Topic.STEP_BEGUN: "running",
            Topic.STEP_DONE: "done",
            Topic.STEP_FAILED: "failed",
            Topic.UNDO_BEGUN: "undoing",
            Topic.UNDO_DONE: "undone",
            Topic.UNDO_FAILED: "failed",
        }
        state = states.get(happening.topic)
        if state in _BUSY:
            row.begun = time.monotonic()
        if state in ("done", "failed", "undone") and row.begun:
            row.seconds = time.monotonic() - row.begun
        row.state = state or row.state
        text = happening.text.splitlines()[0] if happening.text else ""
        if text and happening.topic not in (Topic.STEP_BEGUN, Topic.UNDO_BEGUN):
            row.notes.append(text)

    def _render(self) -> Tree:
        tree = Tree(Text(self._title, style="bold"))
        for step, row in self._rows.items():
            branch = tree.add(self._line(step, row))
            shown = NOTES if row.state in _BUSY else 1
            if row.state != "waiting":
                for note in row.notes[-shown:]:
                    branch.add(Text(note, style="red" if row.state == "failed" else "dim"))
        for notice in self._notices:
            tree.add(Text(notice, style="yellow"))
        return tree

    def _line(self, step: str, row: _Row) -> Table:
        busy = row.state in _BUSY
        seconds = time.monotonic() - row.begun if busy else row.seconds
        line = Table.grid(padding=(0, 1))
        mark = Spinner("dots", style=_STYLE[row.state]) if busy else Text(_MARK[row.state], style=_style(row.state))
        title = TITLES.get(step, step)
        said = f"{title} (back)" if row.state in ("undoing", "undone") else title
        line.add_row(
            mark, Text(said, style=_style(row.state)), Text(took(seconds) if row.begun or seconds else "", style="dim")
        )
        return line


def _style(state: str) -> str:
    return _STYLE.get(state, "yellow")
