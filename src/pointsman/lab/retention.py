"""What the cache keeps: of each kind the two builds used last, and whatever a process still uses.

A process that uses an entry says so with a shared lock that the kernel drops at its end; a lab's supervisor thereby
keeps its programs for as long as the lab runs. Whoever removes an entry first takes that lock alone, and the lock of
those who make it, so nothing is removed that is used or being made, and two processes never remove the same.
The lock files themselves stay: removing one that somebody waits for would make two locks of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pointsman.lab import locks

__all__ = ["KEPT", "forget_old", "use"]

KEPT = 2

_ENTRY = re.compile(r"[0-9a-f]{16}")
_DRAFT = re.compile(r"[0-9a-f]{16}\.part")
_used: dict[Path, int] = {}
"""The locks that this process holds until its end."""


def use(directory: Path) -> None:
    """Use an entry, which need not be there yet, until this process ends; waits for one that removes it.

    A cache that cannot be written to is not tidied either, and needs no lock.
    """
    with contextlib.suppress(OSError):
        if directory not in _used:
            _used[directory] = locks.share(_users(directory))
        os.utime(directory)


def forget_old(folder: Path, current: Path) -> list[Path]:
    """Remove what was used before the last two, ``current`` being one of them, and drafts nobody works on.

    Tidying fails nobody: what cannot be removed stays. Returns what is gone.
    """
    names = sorted(path.name for path in folder.iterdir())
    entries = [folder / name for name in names if _ENTRY.fullmatch(name) and name != current.name]
    drafts = [folder / name for name in names if _DRAFT.fullmatch(name)]
    entries.sort(key=_last_use, reverse=True)
    return [entry for entry in (*entries[KEPT - 1 :], *drafts) if _remove(entry)]


def _last_use(entry: Path) -> float:
    with contextlib.suppress(OSError):
        return entry.stat().st_mtime
    return 0.0


def _remove(entry: Path) -> bool:
    """Remove an entry or a draft, unless somebody uses it or makes it."""
    with contextlib.suppress(OSError), _alone(entry) as free:
        if free:
            draft = entry.with_suffix(".part")
            if entry != draft:
                # Never half an entry under its name, whenever this process dies.
                shutil.rmtree(draft, ignore_errors=True)
                entry.rename(draft)
            shutil.rmtree(draft)
            return True
    return False


@contextlib.contextmanager
def _alone(entry: Path) -> Iterator[bool]:
    with contextlib.ExitStack() as stack:
        for path in (_users(entry), entry.with_suffix(".lock")):
            descriptor = locks.try_lock(path)
            if descriptor is None:
                yield False
                return
            stack.callback(os.close, descriptor)
        yield True


def _users(entry: Path) -> Path:
    return entry.with_suffix(".users")
