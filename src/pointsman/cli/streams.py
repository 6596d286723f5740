"""Standard output and standard error on a disk that may be full, or closed, in an encoding that may lack our marks.

What is printed on standard output is the command's data: when it cannot be written, that is an error of its own and
never a bug. What goes to standard error is narration: a move must not fail because nobody can read along.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

from pointsman.errors import OutputError

__all__ = ["ReaderLeft", "guard"]

MARKS = str.maketrans(
    {"→": "->", "…": "...", "─": "-", "│": "|", "├": "|", "└": "`", "✓": "+", "✗": "x", "↩": "<", "×": "x", "·": "."}
)
"""What stands in for our own marks where the encoding (ASCII in ``LANG=C``) has none; the rest is escaped."""
_PLAIN = "pointsman.plain"
_CHOSEN = ("ignore", "namereplace", "replace", "xmlcharrefreplace")
"""Ways to treat what cannot be encoded that ``PYTHONIOENCODING`` may ask for, and that never fail."""


class ReaderLeft(Exception):
    """Nobody reads standard output any more. No OSError, so that no library ends the program its own way."""


class _Data(io.TextIOWrapper):
    """Raises OutputError where a stream raises OSError, and ReaderLeft where the reader is gone."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _lost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _lost(error) from error


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


def _lost(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderLeft()
    return OutputError(
        f"standard output cannot be written: {error.strerror}",
        next_action="what the command did stands; pointsman status, history and receipt show it again",
    )


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of ``codecs``: it never fails, so that a message with a foreign letter is still a message."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(MARKS)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _errors(stream: io.TextIOWrapper) -> str:
    return stream.errors if stream.errors in _CHOSEN else _PLAIN


def guard() -> None:
    """Put both in place of the interpreter's own streams, which are None where the caller closed them."""
    _occupy()
    codecs.register_error(_PLAIN, _plain)
    out, err = sys.stdout or _opened(1), sys.stderr or _opened(2)
    if isinstance(out, io.TextIOWrapper):
        sys.stdout = _Data(out.detach(), out.encoding, _errors(out), line_buffering=out.line_buffering)
    if isinstance(err, io.TextIOWrapper):
        sys.stderr = _Narration(err.detach(), err.encoding, _errors(err), line_buffering=True)


def _occupy() -> None:
    """Give the closed ones of the first three descriptors something that cannot be written.

    Else the next file or connection would get their number, and with it what is meant for a person.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < 3:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _opened(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", encoding="utf-8", closefd=False)
