"""Commands behind the fast path: the typer application and the mapping of errors to exit codes."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence

import typer
from typer.main import get_command

from pointsman.cli.words import INTERRUPTED
from pointsman.errors import OutputError, PointsmanError, UsageError

__all__ = ["COMMANDS", "run"]

COMMANDS = (
    "render",
    "status",
    "receipt",
    "history",
    "up",
    "plan",
    "apply",
    "move",
    "resume",
    "rollback",
    "abort",
    "pause",
    "promote",
    "demo",
    "lab",
)
"""Every command; each lives in ``pointsman.cli.<command>`` as ``command`` (a function) or ``app`` (sub-commands)."""
SHARED = {
    **dict.fromkeys(("plan", "apply"), "plan"),
    **dict.fromkeys(("resume", "rollback", "abort", "pause", "promote"), "control"),
}
"""Commands that live together in one module, as functions of their own names."""

BUG = 101


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code; prints errors, never a traceback for a user's mistake."""
    try:
        code = _dispatch(list(words))
        sys.stdout.flush()
        return code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        _silence()  # the reader left; keep exit quiet
        return 0
    except OutputError as error:
        _silence()
        return _answer(error, words)
    except Exception as error:
        return _answer(error, words)


def _silence() -> None:
    """Nothing that is still to be written may fail again when the program ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _answer(error: Exception, words: Sequence[str]) -> int:
    """Tell an error; its exit code."""
    if isinstance(error, typer.TyperException):
        said = error.format_message()
        if not said:  # the words were incomplete, and the help has been shown
            return UsageError.exit_code
        error = UsageError(said, next_action=f"pointsman {words[0]} --help")
    if isinstance(error, PointsmanError):
        _report(error, words)
        return error.exit_code
    _report_bug(error)
    return BUG


def _dispatch(words: list[str]) -> int:
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(_unknown(name), next_action="pointsman --help", code="command-unknown")
    module = importlib.import_module(f"pointsman.cli.{SHARED.get(name, name)}")
    app: typer.Typer = getattr(module, "app", None) or _single(getattr(module, name if name in SHARED else "command"))
    command = get_command(app)
    result = command.main(args=words[1:], prog_name=f"pointsman {name}", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _single(function: Callable[..., object]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(function)
    return app


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"there is no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _report(error: PointsmanError, words: Sequence[str]) -> None:
    """One error: for people on stderr; with ``--output json`` also as an object on stdout."""
    joined = " ".join(words)
    if "--output json" in joined or "--output=json" in joined or "-o json" in joined:
        sys.stdout.write(json.dumps({"error": error.as_dict()}) + "\n")
    place = f" at {error.where}" if error.where else ""
    sys.stderr.write(f"error [{error.code}]{place}: {error.what}\n")
    if error.next_action:
        sys.stderr.write(f"  next: {error.next_action}\n")


def _report_bug(error: Exception) -> None:
    sys.stderr.write(
        f"error [internal]: {type(error).__name__}: {error}\n"
        "  next: this is a bug of ours; run again with POINTSMAN_TRACEBACK=1 and report what it prints\n"
    )
    if os.environ.get("POINTSMAN_TRACEBACK"):
        traceback.print_exception(error)
