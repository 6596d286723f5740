"""Putting another text into a file that people keep: all of it or none, and nothing about the file but its text.

The new text is written beside the file and takes its name in one step, so that neither a full disk nor a power cut
leaves half of it. A link stays a link: what it leads to is replaced.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``; the mode of a file that is there stays, a new one has that of any new file.

    Raises OSError with a reason in plain words as ``strerror``, also for a file that is marked as read-only: its folder
    would let it be replaced, but whoever marked it did not mean that.
    """
    target = path.resolve()
    mode = _mode(target)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    try:
        found = target.stat().st_mode
    except FileNotFoundError:
        return 0o666 & ~_umask()
    if not found & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, "it is read-only", str(target))
    return stat.S_IMODE(found)


def _umask() -> int:
    """Can only be read by setting it."""
    found = os.umask(0o077)
    os.umask(found)
    return found
