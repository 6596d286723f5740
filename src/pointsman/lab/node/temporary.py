"""Temporary directories whose names are short enough for Unix sockets.

A socket's path may have 107 characters (Linux, ``sun_path``), and programs make sockets below ``TMPDIR``: vLLM names
them by a UUID, Python's multiprocessing by two random words. A pod's own directories lie deep below a lab's home, so a
link stands for them where they are long.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

__all__ = ["LONGEST", "short", "sweep"]

LONGEST = 60
"""Characters of a ``TMPDIR``, which leave room for 46 more."""
_TRIES = 5
"""Times that a place is made which somebody else's sweep removed as empty in between."""


def short(directory: Path) -> Path:
    """The directory, or a link that stands for it; raises OSError when there can be none that is ours alone."""
    if len(str(directory)) <= LONGEST:
        return directory
    place = _place()
    for _ in range(_TRIES):
        place.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(place):
            raise PermissionError(f"{place} is not ours alone: remove it, or set TMPDIR to a directory of your own")
        try:
            return _linked(place / sha256(str(directory).encode()).hexdigest()[:12], directory)
        except FileNotFoundError:
            continue
    raise FileNotFoundError(f"{place} is removed again and again")


def sweep() -> None:
    """Remove the links to directories that are gone, and their place when it is empty."""
    place = _place()
    if not place.is_dir() or not _is_ours(place):
        return
    for link in place.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    try:
        place.rmdir()
    except OSError:
        return


def _linked(link: Path, directory: Path) -> Path:
    if not link.is_symlink() or link.readlink() != directory:
        draft = link.with_suffix(f".{secrets.token_hex(4)}")
        draft.symlink_to(directory, target_is_directory=True)
        draft.replace(link)
    return link


def _place() -> Path:
    return Path(tempfile.gettempdir()) / f"pointsman-{os.getuid()}"


def _is_ours(place: Path) -> bool:
    found = place.lstat()
    return not place.is_symlink() and found.st_uid == os.getuid() and not found.st_mode & 0o077
