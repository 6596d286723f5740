"""Reading a file that somebody named: a regular one, up to a bound, and never for long.

A named pipe waits for a writer, ``/dev/zero`` never ends, some files of ``/proc`` do either. None of them is what a
person keeps a spec, a plan or a kubeconfig in.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["expanded", "read_file", "refuse_special"]

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_PIECE = 1 << 16


def expanded(path: Path) -> Path:
    """With ``~`` as the shell means it; left alone where there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def read_file(path: Path, largest: int) -> bytes:
    """All bytes of a regular file that has at most ``largest`` of them.

    Raises OSError with a reason in plain words as ``strerror``; FileNotFoundError when nothing is there.
    """
    try:
        refuse_special(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:  # a name with a NUL in it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    try:
        _refuse(os.fstat(descriptor), path)
        return _read(descriptor, path, largest)
    finally:
        os.close(descriptor)


def refuse_special(path: Path) -> None:
    """Raise OSError when something is there that is no regular file, or nobody can tell."""
    _refuse(os.stat(path), path)


def _refuse(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


def _read(descriptor: int, path: Path, largest: int) -> bytes:
    pieces, size = [], 0
    while piece := os.read(descriptor, _PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > largest:
            raise OSError(errno.EFBIG, f"it is larger than {_size(largest)}", str(path))
    return b"".join(pieces)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >> 20 else f"{count >> 10} KiB"
