"""Words that several commands take, and what they leave with. Light: nothing is imported before it is needed."""

from __future__ import annotations

import math
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.again import repeated, same
from pointsman.cli.streams import ReaderLeft
from pointsman.errors import OutputError, PointsmanError, StoppedError, UsageError

if TYPE_CHECKING:
    from pointsman.move.means import Result

__all__ = [
    "HELP_OPTIONS",
    "DrainPolicy",
    "Output",
    "Seconds",
    "Strategy",
    "agree",
    "before_it_began",
    "given",
    "lasting",
    "leave",
    "orderly",
    "refuse_unasked",
]

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""A command's settings: what explains it."""


class Output(StrEnum):
    """How data is written."""

    text = "text"
    json = "json"
    yaml = "yaml"


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


class Seconds(float):
    """A default, which help shows as people write it."""

    def __str__(self) -> str:
        """``1h30m``, ``10m``, ``5s``."""
        hours, rest = divmod(round(self), 3600)
        minutes, seconds = divmod(rest, 60)
        parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
        return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def lasting(option: str, help: str, *, least: float = 0.0) -> Any:  # noqa: A002
    """An option that takes a duration of at least so many seconds; its value is in seconds."""

    def parse(text: str | float) -> float:
        seconds = _duration(option, str(text))
        if seconds < least:
            raise UsageError(f"{option} {text} is too short", next_action=f"give {least:g}s or more")
        return seconds

    return typer.Option(option, parser=parse, metavar="DURATION", help=f"{help} 90s, 1h30m, or bare seconds.")


def _duration(option: str, text: str) -> float:
    """``90``, ``90s``, ``1m30s``, ``2h`` as seconds; raises UsageError for anything else."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(h|m|s|$)", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or "".join(number + unit for number, unit in parts) != text or not math.isfinite(seconds):
        raise UsageError(f"{option}: {text!r} is no duration", next_action="give 90s, 1h30m, or bare seconds")
    return seconds


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}


def given(text: str) -> str:
    """A name on the command line; raises UsageError when it is empty, as an unset variable of a shell is."""
    if not text.strip():
        raise UsageError("the name given is empty", next_action="give a name; a variable of the shell may be unset")
    return text


def agree(yes: bool, question: str) -> None:
    """Ask before something is done; raises UsageError when there is nobody to ask."""
    if yes:
        return
    refuse_unasked()
    typer.confirm(question, abort=True, err=True)


def refuse_unasked() -> None:
    """Raise UsageError when there is nobody to ask: before anything is looked at for the question's sake."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", next_action="give --yes", code="not-asked")


@contextmanager
def orderly(what: str, next_action: str) -> Iterator[None]:
    """Let a signal raise KeyboardInterrupt, so that the work takes itself back; then raises StoppedError."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        stopping.heard(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in stopping.heeded()}
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(what, next_action=next_action) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def before_it_began() -> StoppedError:
    """The error of a move that was interrupted before it wrote anything."""
    return StoppedError("interrupted before the move's first step; nothing was changed", next_action="run it again")


def leave(result: Result, output: Output) -> int:
    """Print a move's receipt and its error, and say which exit code they mean.

    Raises OutputError when the receipt of a move that was done cannot be written; of another one, what happened to it
    matters more.
    """
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.text import receipt_lines

    error = _stopped(result) if result.interrupted else result.error
    if error is not None:
        error.next_action = repeated(error.next_action)
    try:
        if output is Output.text:
            write_folded(sys.stdout, receipt_lines(result.receipt))
        else:
            shown = dict(result.receipt) | ({"error": error.as_dict()} if error else {})
            write_data(sys.stdout, shown, output)
    except (OutputError, ReaderLeft) as lost:
        if error is None:
            raise
        if isinstance(lost, OutputError):
            write_folded(sys.stderr, lost.lines())
    if error is not None:
        write_folded(sys.stderr, error.lines())
    if result.interrupted:
        return stopping.exit_code()
    return error.exit_code if error else 0


def _stopped(result: Result) -> PointsmanError:
    """The error of a move that was interrupted: how it ended; one that it left with for another reason stays."""
    receipt = result.receipt
    again = same("move", "apply") or f"pointsman move {receipt['model']} --to {receipt['to']}"
    if result.error is None:
        return StoppedError(
            f"interrupted too late to go back, so the move was finished first: it is {receipt['state']}, "
            f"tenants are served from {receipt['servedFrom']}",
            where=f"move {receipt['move']}",
            next_action=f"pointsman receipt {receipt['move']}",
        )
    if result.error.code != "move-undone":
        return result.error
    return StoppedError(
        result.error.what,
        where=result.error.where,
        next_action=f"{again} begins again",
    )
