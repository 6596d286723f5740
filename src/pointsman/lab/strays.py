"""Processes of a lab that nobody minds any more, found by the mark every one of them carries."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from pointsman.lab.processes import MARKER

__all__ = ["end_strays", "marked_processes"]

_SECONDS = 5.0
_POLL = 0.02


def marked_processes(home: Path) -> Iterator[int]:
    """The processes of the lab at ``home``, without this one and its ancestors."""
    mark = f"{MARKER}={home}".encode()
    spared = set(_lineage())
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0") and not _is_dead(entry):
                yield int(entry.name)


def end_strays(home: Path) -> int:
    """Kill them all, again and again until none is left; how many there were."""
    ended: set[int] = set()
    deadline = time.monotonic() + _SECONDS
    while (found := list(marked_processes(home))) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended.update(found)
        time.sleep(_POLL)
    return len(ended)


def _lineage() -> Iterator[int]:
    pid = os.getpid()
    while pid > 1:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return


def _is_dead(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
