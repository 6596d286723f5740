"""Progress for a person: one line that changes in a terminal, a line now and then in a pipe. Always stderr."""

from __future__ import annotations

import os
import shutil
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from pointsman.lab.progress import Progress

__all__ = ["Narrator"]

_PIPE_SECONDS = 5.0


class Narrator:
    """A report that writes. Counted steps (compiling 812/2400) replace each other, others stay."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._began = time.monotonic()
        self._counted_at = -_PIPE_SECONDS
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()

    def __call__(self, progress: Progress) -> None:
        """Say it."""
        counted = bool(progress.done) and progress.stage == "toolchain"
        line = f"{time.monotonic() - self._began:6.1f}s  {progress}"
        if counted and self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{line[:width]}")
            self._open = True
        elif not counted or time.monotonic() - self._counted_at >= _PIPE_SECONDS:
            self._counted_at = time.monotonic() if counted else self._counted_at
            self._end_line()
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def _end_line(self) -> None:
        if self._open:
            self._stream.write("\n")
            self._open = False
