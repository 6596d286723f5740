"""What a reader may not do while it reads: take long, take memory, write, start a program or speak to anybody."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["HANGS", "MEGABYTES", "SECONDS", "Watch", "peak"]

SECONDS = 1.0
"""Of processor time, for one input."""
HANGS = 30
"""Seconds of wall clock after which an input is said to hang."""
MEGABYTES = 200
"""More memory than before, for one input."""

_TEMPORARY = tempfile.gettempdir()
_CHANGES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.sendto"),
)


_BUILDERS = ("kubectl", "kustomize")
"""Programs that build a kustomization where ours cannot: they are given a copy, in a folder of their own."""


class HangError(Exception):
    """It did not come back."""


@dataclass
class Watch:
    """Watches everything that happens inside ``over``; findings of the last time are in ``found``."""

    found: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: int = 0
    """By how much the process had to grow; what was free before is not in it."""
    on: bool = False

    def __post_init__(self) -> None:
        sys.addaudithook(self._heard)

    @contextmanager
    def over(self) -> Iterator[None]:
        """While one input is read."""
        self.found = []
        before, began = peak(), time.process_time()
        handler = signal.signal(signal.SIGALRM, _hang)
        signal.alarm(HANGS)
        self.on = True
        try:
            yield
        finally:
            self.on = False
            signal.alarm(0)
            signal.signal(signal.SIGALRM, handler)
        self.seconds = time.process_time() - began
        if self.seconds > SECONDS:
            self.found.append(f"took {self.seconds:.2f} s")
        self.megabytes = peak() - before
        if self.megabytes > MEGABYTES:
            self.found.append(f"took {self.megabytes} MB")

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and _writes(args) and not _own(args[0]):
            self.found.append(f"opened {args[0]!r} to write")
        elif event in _CHANGES and not _own(_place(args)):
            self.found.append(f"{event} {args[0] if args else ''!r:.100}")


def _writes(args: tuple[Any, ...]) -> bool:
    _, mode, flags = args
    return bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _place(args: tuple[Any, ...]) -> object:
    """What an event is about; a name in a folder that is open is one below it (``shutil.rmtree`` removes so)."""
    name = args[0] if args else ""
    folder = args[-1] if len(args) > 1 else None
    if isinstance(name, str) and not os.path.isabs(name) and isinstance(folder, int) and folder >= 0:
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    return name


def _own(path: object) -> bool:
    """A temporary file that goes by itself, what builds a kustomization in such a folder, or no program.

    ``ssl`` reads a client's certificate from nothing but a file. A kubeconfig may name a program that gives
    credentials; those of the corpus do not exist.
    """
    text = os.fsdecode(path) if isinstance(path, str | bytes) else ""
    mine = ("/nonexistent/", *(os.path.join(_TEMPORARY, prefix) for prefix in ("tmp", "pointsman-")))
    return text in (os.devnull, _TEMPORARY) or text.startswith(mine) or os.path.basename(text) in _BUILDERS


def _hang(number: int, frame: FrameType | None) -> None:
    raise HangError(f"no answer within {HANGS} s")


def peak() -> int:
    """Most memory that this process ever held, in MB; ``ru_maxrss`` would be that of whoever started it, if larger."""
    told = Path("/proc/self/status").read_text("utf-8")
    return int(told.partition("VmHWM:")[2].split()[0]) // 1024
