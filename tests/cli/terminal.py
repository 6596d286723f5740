"""The program in a terminal of so many columns: a pair of pseudo-terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.cli.program import ROOT, START

__all__ = ["Terminal", "in_terminal", "terminal"]


@dataclass
class Terminal:
    """A program whose three streams are a terminal, and the terminal's other end."""

    process: subprocess.Popen[bytes]
    end: int

    def read(self) -> str:
        """What came since; empty once the program has ended."""
        with suppress(OSError):  # EIO: nobody has the other end open any more
            return os.read(self.end, 65536).decode()
        return ""

    def until(self, words: str) -> str:
        """Everything up to these words; fails when the program ends before it says them."""
        seen = ""
        while words not in seen:
            new = self.read()
            assert new, f"it ended without {words!r}: {seen}"
            seen += new
        return seen

    def rest(self) -> str:
        """Everything to the program's end."""
        parts = list(iter(self.read, ""))
        self.process.wait(timeout=60)
        return "".join(parts)


@contextmanager
def terminal(*words: str, columns: int = 80, env: dict[str, str] | None = None) -> Iterator[Terminal]:
    """Run one command line in it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [*START, *words],
        cwd=ROOT,
        env=environment | {"TERM": "xterm"} | (env or {}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def in_terminal(*words: str, columns: int = 80, env: dict[str, str] | None = None) -> str:
    """All that it shows."""
    with terminal(*words, columns=columns, env=env) as made:
        return made.rest().replace("\r\n", "\n")
