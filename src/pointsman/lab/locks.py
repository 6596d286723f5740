"""File locks that say who holds them.

The kernel drops the lock when its holder dies, whatever the reason, so a lock is never left behind. The holder
writes its process id into the file for the message of those who wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["hold", "holder", "share", "try_lock"]

_POLL = 0.1


def try_lock(path: Path) -> int | None:
    """Take the lock at ``path`` and return its descriptor; None when another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def share(path: Path) -> int:
    """Take the lock at ``path`` together with any others who share it, and return its descriptor.

    Waits while one process has it alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def holder(path: Path) -> int | None:
    """The process that holds the lock at ``path``, or None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(descriptor, 32, 0).strip()
        return int(written) if written.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def hold(path: Path, waiting: Callable[[int], None]) -> Iterator[None]:
    """Hold the lock at ``path``. ``waiting`` is told once, with the holder's pid, when it is not free."""
    descriptor = try_lock(path)
    told = False
    while descriptor is None:
        if not told and (pid := holder(path)) is not None:
            waiting(pid)
            told = True
        time.sleep(_POLL)
        descriptor = try_lock(path)
    try:
        yield
    finally:
        os.close(descriptor)
