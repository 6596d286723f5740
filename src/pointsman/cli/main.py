"""The entry point: a fast path for ``--help``, lazy commands, and one place where errors become exit codes.

``pointsman --help`` and ``--version`` print text without importing the command-line library, because help that
takes a quarter of a second feels broken; ``tests/cli`` holds the text to the program.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the program on ``sys.argv`` and exit."""
    gc.disable()  # there is no garbage while modules are imported; ``pointsman.cli.entry`` turns it on again
    try:
        code = _watched(sys.argv[1:])
    except KeyboardInterrupt:  # so early that nobody listened yet
        if sys.stderr:
            sys.stderr.write("error [stopped]: interrupted; nothing was changed\n  next: run it again\n")
        code = 130
    if "pointsman.cli.entry" in sys.modules:
        _end(code)
    sys.exit(code)


def _end(code: int) -> None:
    """End at once: to take apart what was read of a big cluster takes a tenth of the time that reading it took."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def _watched(words: list[str]) -> int:
    from pointsman.cli import again, stopping, streams, telling

    streams.guard()
    again.heard(words)
    stopping.watch(telling.wanted_data(words))
    code = _run(words)
    stopping.ignore()
    return code


def _run(words: list[str]) -> int:
    if words[:1] == ["__complete"]:
        from pointsman.cli import completing

        return completing.answer(words[1:])
    text = _text(words)
    if text is None:
        from pointsman.cli.entry import run

        return run(words)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except Exception as error:
        from pointsman.cli.entry import answer

        return answer(error, words)
    return 0 if words else 2


def _text(words: list[str]) -> str | None:
    """What is printed without any command."""
    from pointsman.cli.telling import HELPERS

    if all(word in HELPERS for word in words):
        from pointsman.cli.help import HELP

        return HELP
    if words == ["--version"]:
        from pointsman import __version__

        return f"pointsman {__version__}\n"
    return None
