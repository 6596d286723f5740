"""Words that several commands take, and what they leave with. Light: nothing is imported before it is needed."""

from __future__ import annotations

import json
import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pointsman.move.means import Result

__all__ = ["INTERRUPTED", "DrainPolicy", "Output", "Strategy", "agree", "duration", "leave"]

INTERRUPTED = 130
"""Exit code after a ctrl-C."""


class Output(StrEnum):
    """How data is written."""

    text = "text"
    json = "json"


class Strategy(StrEnum):
    """How the target gets its room."""

    auto = "auto"
    side_by_side = "side-by-side"
    replica_by_replica = "replica-by-replica"
    bridge = "bridge"
    gap = "gap"


class DrainPolicy(StrEnum):
    """What happens when the source is busy past its deadline."""

    wait = "wait"
    give_back = "give-back"
    cut = "cut"


def duration(text: str | float) -> float:
    """``90``, ``90s``, ``1m30s``, ``2h`` as seconds; raises BadParameter for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|m|s|$)", str(text))
    if not parts or "".join(number + unit for number, unit in parts) != str(text):
        raise typer.BadParameter(f"{text!r} is no duration; give 90s, 1m30s or 2h")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}


def agree(yes: bool, question: str) -> None:
    """Ask before something is done; raises UsageError when there is nobody to ask."""
    from pointsman.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", next_action="give --yes", code="not-asked")
    typer.confirm(question, abort=True, err=True)


def leave(result: Result, output: Output) -> int:
    """Print a move's receipt and its error, and say which exit code they mean.

    Raises OutputError when the receipt of a move that was done cannot be written; of another one, what happened to it
    matters more.
    """
    from pointsman.errors import OutputError
    from pointsman.report.text import error_lines, receipt_lines, write_lines

    try:
        if output is Output.json:
            shown = dict(result.receipt) | ({"error": result.error.as_dict()} if result.error else {})
            write_lines(sys.stdout, [json.dumps(shown, default=str)])
        else:
            write_lines(sys.stdout, receipt_lines(result.receipt))
    except OutputError as lost:
        if result.error is None:
            raise
        write_lines(sys.stderr, error_lines(lost))
    if result.error is not None:
        write_lines(sys.stderr, error_lines(result.error))
    if result.interrupted:
        return INTERRUPTED
    return result.error.exit_code if result.error else 0
