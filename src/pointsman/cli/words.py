"""Words that several commands take, and what they leave with. Light: nothing is imported before it is needed."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pointsman.move.conductor import Result

__all__ = ["INTERRUPTED", "DrainPolicy", "Output", "agree", "leave"]

INTERRUPTED = 130
"""Exit code after a ctrl-C."""


class Output(StrEnum):
    """How data is written."""

    text = "text"
    json = "json"


class DrainPolicy(StrEnum):
    """What happens when the source is busy past its deadline."""

    wait = "wait"
    give_back = "give-back"
    cut = "cut"


def agree(yes: bool, question: str) -> None:
    """Ask before something is done; raises UsageError when there is nobody to ask."""
    from pointsman.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", next_action="give --yes", code="not-asked")
    typer.confirm(question, abort=True, err=True)


def leave(result: Result, output: Output) -> int:
    """Print a move's receipt and its error, and say which exit code they mean."""
    from pointsman.report.text import error_lines, receipt_lines, write_lines

    if output is Output.json:
        shown = dict(result.receipt) | ({"error": result.error.as_dict()} if result.error else {})
        sys.stdout.write(json.dumps(shown, default=str) + "\n")
    else:
        write_lines(sys.stdout, receipt_lines(result.receipt))
    if result.error is not None:
        write_lines(sys.stderr, error_lines(result.error))
    if result.interrupted:
        return INTERRUPTED
    return result.error.exit_code if result.error else 0
