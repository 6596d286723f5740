"""Standard output and standard error on a disk that may be full.

What is printed on standard output is the command's data: when it cannot be written, that is an error of its own and
never a bug. What goes to standard error is narration: a move must not fail because nobody can read along.
"""

from __future__ import annotations

import io
import sys
from typing import NoReturn

from pointsman.errors import OutputError

__all__ = ["guard"]


class _Data(io.TextIOWrapper):
    """Raises OutputError where a stream raises OSError; a reader that left stays a BrokenPipeError."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            _lost(error)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            _lost(error)


class _Narration(io.TextIOWrapper):
    """Drops what cannot be written."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            return


def _lost(error: OSError) -> NoReturn:
    raise OutputError(
        f"standard output cannot be written: {error.strerror}",
        next_action="what the command did stands; pointsman status, history and receipt show it again",
    ) from error


def guard() -> None:
    """Put both in place of the interpreter's own streams."""
    out, err = sys.stdout, sys.stderr
    if isinstance(out, io.TextIOWrapper):
        sys.stdout = _Data(out.detach(), out.encoding, out.errors, line_buffering=out.line_buffering)
    if isinstance(err, io.TextIOWrapper):
        sys.stderr = _Narration(err.detach(), err.encoding, err.errors, line_buffering=True)
