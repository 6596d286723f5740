"""How long the cache keeps what it has: builds of older versions go when nobody used them for two weeks."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from pointsman.lab.locks import try_lock

__all__ = ["forget_old", "used"]

UNUSED_SECONDS = 14 * 24 * 3600.0
"""Longer than any lab runs; a running lab's programs must stay where they are."""


def used(directory: Path) -> None:
    """Note that an entry of the cache is in use now; a cache that cannot be written to is none to tidy."""
    with contextlib.suppress(OSError):
        os.utime(directory)


def forget_old(folder: Path, current: Path) -> list[Path]:
    """Remove the entries beside ``current`` that were not used for two weeks and are not being made; returns them."""
    gone = []
    for entry in sorted(folder.iterdir()):
        if entry == current or not entry.is_dir() or time.time() - entry.stat().st_mtime < UNUSED_SECONDS:
            continue
        lock = folder / f"{entry.stem}.lock"
        descriptor = try_lock(lock)
        if descriptor is None:
            continue
        try:
            shutil.rmtree(entry, ignore_errors=True)
            lock.unlink(missing_ok=True)
            gone.append(entry)
        finally:
            os.close(descriptor)
    return gone
