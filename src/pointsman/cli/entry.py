"""Commands behind the fast path: the typer application and the mapping of errors to exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.main import get_command

from pointsman.cli import stopping
from pointsman.cli.again import repeated
from pointsman.cli.examples import WithExamples
from pointsman.cli.streams import ReaderLeft
from pointsman.cli.telling import HELPERS, object_of, wanted_data
from pointsman.cli.words import HELP_OPTIONS
from pointsman.errors import OutputError, PointsmanError, StoppedError, UsageError

__all__ = ["COMMANDS", "answer", "command_named", "run"]

COMMANDS = (
    "render",
    "pick",
    "compare",
    "status",
    "cost",
    "audit",
    "receipt",
    "history",
    "rights",
    "init",
    "adopt",
    "lint",
    "doctor",
    "explain",
    "features",
    "resolve",
    "root",
    "up",
    "down",
    "plan",
    "apply",
    "move",
    "resume",
    "rollback",
    "abort",
    "pause",
    "unpause",
    "promote",
    "teardown",
    "sync",
    "wait",
    "demo",
    "lab",
    "completion",
)
"""Every command; each lives in ``pointsman.cli.<command>`` as ``command`` (a function) or ``app`` (sub-commands)."""
SHARED = {
    **dict.fromkeys(("plan", "apply"), "plan"),
    **dict.fromkeys(("resume", "rollback", "abort", "pause", "unpause", "promote"), "control"),
}
"""Commands that live together in one module, as functions of their own names."""

READING = ("status", "plan")
"""Commands that keep to their end what they read, so that to look for garbage takes longer than to read it."""

BUG = 101


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code; prints errors, never a traceback for a user's mistake."""
    try:
        code = _dispatch(list(words))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return answer(stopping.error(), words)
    except typer.Abort:
        return answer(StoppedError("not confirmed; nothing was changed", next_action="run it again to confirm"), words)
    except Exception as error:
        return answer(error, words)


def _silence() -> None:
    """Nothing that is still to be written may fail again when the program ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def answer(error: Exception, words: Sequence[str]) -> int:
    """Tell an error; its exit code."""
    if isinstance(error, ReaderLeft | OutputError):
        _silence()
    if isinstance(error, ReaderLeft):
        return 0
    if isinstance(error, typer.TyperException):
        said = error.format_message().replace(": Value error, ", ": ")  # typer says how it found out
        if not said:  # the words were incomplete, and the help has been shown
            return UsageError.exit_code
        error = UsageError(said, next_action=f"pointsman {words[0]} --help")
    if isinstance(error, PointsmanError):
        _report(error, words)
        return stopping.exit_code() if isinstance(error, StoppedError) else error.exit_code
    _report_bug(error)
    return BUG


def _dispatch(words: list[str]) -> int:
    if words[0] in HELPERS:
        words = [*(word for word in words[1:] if word not in HELPERS), "--help"]
    name = words[0]
    command = command_named(name)
    if name not in READING:
        gc.freeze()  # what was imported stays to the end
        gc.enable()
    result = command.main(args=words[1:], prog_name=f"pointsman {name}", standalone_mode=False)
    return result if isinstance(result, int) else 0


def command_named(name: str) -> Any:
    """The one command, loaded, as typer has it; raises UsageError for a name that none has."""
    if name not in COMMANDS:
        raise _unknown(name)
    module = importlib.import_module(f"pointsman.cli.{SHARED.get(name, name)}")
    app: typer.Typer = getattr(module, "app", None) or _single(getattr(module, name if name in SHARED else "command"))
    return get_command(app)


def _single(function: Callable[..., object]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=WithExamples, context_settings=HELP_OPTIONS)(function)
    return app


def _unknown(name: str) -> UsageError:
    import difflib

    if name == "--version":
        return UsageError("--version stands alone", next_action="pointsman --version")
    if name.startswith("-"):
        return UsageError(
            f"there is no option {name!r} before a command", next_action="name the command first: pointsman --help"
        )
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    said = f"there is no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return UsageError(said, next_action="pointsman --help", code="command-unknown")


def _report(error: PointsmanError, words: Sequence[str]) -> None:
    """One error: for people on stderr; with ``--output json`` or ``yaml`` also as an object on stdout."""
    error.next_action = repeated(error.next_action)
    if output := wanted_data(words):
        try:
            sys.stdout.write(object_of(error, output))
            sys.stdout.flush()
        except (OutputError, ReaderLeft):
            _silence()
    from pointsman.report.folding import write_folded

    write_folded(sys.stderr, error.lines())


def _report_bug(error: Exception) -> None:
    sys.stderr.write(
        f"error [internal]: {type(error).__name__}: {error}\n"
        "  next: this is a bug of ours; run again with POINTSMAN_TRACEBACK=1 and report what it prints\n"
    )
    if os.environ.get("POINTSMAN_TRACEBACK"):
        traceback.print_exception(error)
