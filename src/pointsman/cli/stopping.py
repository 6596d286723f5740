"""How the program is told to stop: by ctrl-C, SIGTERM or a closed terminal. Light: help imports it too.

Most commands only look at things: one signal ends them at once with an error, wherever they are, be it inside an
import. Work that has to end in an orderly way listens by itself (``words.orderly``, ``means.with_signals``) and tells
``heard``. A signal that was ignored when the program started (``nohup``, a script's background) stays ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from pointsman.cli.again import repeated
from pointsman.cli.telling import object_of, text_of
from pointsman.errors import StoppedError

__all__ = ["SIGNALS", "end", "error", "exit_code", "heard", "heeded", "ignore", "left", "watch"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHOW_CURSOR = "\x1b[?25h"


class _Said:
    """What this process is to say when it is told to stop, and by which signal it was told so first."""

    what = "interrupted; nothing was changed"
    next_action = "run it again"
    output = ""
    """``json`` or ``yaml`` where data was asked for."""
    line = ""
    """The same as an object, made beforehand: a signal may come in the middle of an import."""
    number = 0


def watch(output: str) -> None:
    """From now on a signal ends the program with an error; ``json``, ``yaml``: also as an object on standard output."""
    _Said.output = output
    left(_Said.what, _Said.next_action)
    for number in heeded():
        signal.signal(number, end)


def heeded() -> list[signal.Signals]:
    """The signals that are not ignored."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def left(what: str, next_action: str) -> None:
    """Say from now on what is left of the command when a signal ends it."""
    _Said.what, _Said.next_action = what, repeated(next_action)
    _Said.line = object_of(error(), _Said.output) if _Said.output else ""


def heard(number: int) -> None:
    """Remember a signal; the first one makes the exit code."""
    _Said.number = _Said.number or number


def exit_code() -> int:
    """128 and the number of the first signal; 130 when there was none."""
    return 128 + (_Said.number or signal.SIGINT)


def error() -> StoppedError:
    """The error of a command that a signal ends now."""
    return StoppedError(_Said.what, next_action=_Said.next_action)


def end(number: int, frame: FrameType | None) -> None:
    """End the program with an error. A second signal does not even wait for that."""
    for each in heeded():
        signal.signal(each, signal.SIG_DFL)
    heard(number)
    if _Said.line:
        _write(1, _Said.line)
    _write(2, _fresh_line() + text_of(error()))
    os._exit(exit_code())


def ignore() -> None:
    """The work is over and told: nothing changes how the program ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _fresh_line() -> str:
    """What a terminal may need first: a question may be open, and a tree of steps hides the cursor."""
    if not os.isatty(2):
        return ""
    return f"\n{SHOW_CURSOR}" if "rich" in sys.modules and os.environ.get("TERM") != "dumb" else "\n"


def _write(descriptor: int, text: str) -> None:
    """Not by the streams, which may be in the middle of a line."""
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return
