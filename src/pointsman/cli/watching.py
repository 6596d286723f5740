"""``--watch`` of ``status``, ``cost``, ``audit`` and ``doctor``: the same look again and again, until ctrl-C.

A terminal is drawn over in place; what does not fit is counted, and what needs a person stands on top. A pipe gets a
block for each change and nothing in between: text under the time, JSON a line each, YAML a document each. Each look
makes the same calls as one without ``--watch``, and the pause grows with what a look takes.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import select
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from pointsman.cli import stopping
from pointsman.cli.words import Output
from pointsman.errors import TemporaryError

__all__ = ["Opening", "Read", "watch"]

PAUSE = 2.0
"""Seconds between looks, and at least as many as the last one took."""
HOME, REST_OF_LINE, REST = "\x1b[H", "\x1b[K", "\x1b[J"
CUT, WRAP = "\x1b[?7l", "\x1b[?7h"
"""What a line does that is longer than the terminal is wide."""

Read = Callable[[], Awaitable[Any]]
"""One look: data as it is printed."""
Opening = Callable[[], AbstractAsyncContextManager[Read]]
Write = Callable[[TextIO, Any], None]
Said = Callable[[Any], Any]


def watch(opening: Opening, write: Write, output: Output, *, said: Said = lambda found: found) -> int:
    """Look until ctrl-C, which is how it is meant to end: 0. Raises what the first look raises.

    ``said`` is what has to change for a pipe to get a new block: numbers that go on counting are no news.
    """
    gc.enable()  # one look keeps what it read, many must not
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_interrupted(opening, _Shown(write, output, said)))
    return 0


async def _until_interrupted(opening: Opening, shown: _Shown) -> None:
    task = asyncio.current_task()
    assert task is not None
    if signal.SIGINT in stopping.heeded():
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    while True:
        try:
            async with opening() as read:
                while True:
                    began = time.monotonic()
                    shown.show(await read())
                    await asyncio.sleep(max(PAUSE, time.monotonic() - began))
                    if _left():
                        return
        except TemporaryError as error:
            if not shown.seen:
                raise
            shown.tell(error)
            await asyncio.sleep(PAUSE)


def _left() -> bool:
    """Has whoever read our standard output gone? A pipe says so without being written to."""
    try:
        asked = select.poll()
        asked.register(sys.stdout.fileno(), select.POLLERR)
        return any(event & (select.POLLERR | select.POLLNVAL) for _, event in asked.poll(0))
    except (AttributeError, OSError, ValueError):
        return False


class _Shown:
    """What stands there now."""

    def __init__(self, write: Write, output: Output, said: Said) -> None:
        self._write, self._output, self._of = write, output, said
        self._in_place = output is Output.text and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._told = ""
        self._last: Any = None
        self.seen = False

    def show(self, found: Any) -> None:
        """Draw it, or add a block if something changed."""
        now = self._of(found)
        changed, self._last, self._told = not self.seen or now != self._last, now, ""
        self.seen = True
        if self._in_place:
            self._draw(found)
        elif changed:
            self._block(found)

    def tell(self, error: TemporaryError) -> None:
        """What is seen is old from here on; said once."""
        if self._told != error.what:
            sys.stderr.write(f"{error.what}; what stands here is older, and it is asked again\n")
        self._told = error.what

    def _block(self, found: Any) -> None:
        heads = {Output.text: f"{_now()}\n", Output.yaml: "---\n", Output.json: ""}
        sys.stdout.write(heads[self._output])
        self._write(sys.stdout, found)
        sys.stdout.write("\n" if self._output is Output.text else "")
        sys.stdout.flush()

    def _draw(self, found: Any) -> None:
        frame = _Frame()
        self._write(frame, found)
        lines = frame.getvalue().splitlines()
        most = max(1, os.get_terminal_size(sys.stdout.fileno()).lines - 2)
        more = f", {len(lines) - most} more lines below" if len(lines) > most else ""
        lines = [*lines[:most], f"{_now()}, ctrl-C ends{more}"]
        text = "".join(f"{line}{REST_OF_LINE}\n" for line in lines)
        sys.stdout.write(f"{CUT}{HOME}{text}{REST}{WRAP}")
        sys.stdout.flush()


class _Frame(io.StringIO):
    """Lines as the terminal of standard output would have them."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stdout.fileno()


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
