"""Directories that are made once and then only read: whether one is still what it was when it was finished.

A finished directory carries a list of its files with size, time and digest. Checking costs one ``stat`` per file;
content is read only where a time differs from the noted one, so a copied cache is good too.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["is_whole", "seal"]

_MANIFEST = "manifest.json"


def seal(directory: Path) -> None:
    """Note what the directory holds. Done last: a directory without the note is unfinished."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    listed = {str(path.relative_to(directory)): _describe(path) for path in files}
    (directory / _MANIFEST).write_text(json.dumps(listed, indent=1))


def is_whole(directory: Path) -> bool:
    """Whether every noted file is there as it was."""
    try:
        listed: dict[str, list[int | str]] = json.loads((directory / _MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return bool(listed) and all(_matches(directory / name, noted) for name, noted in listed.items())


def _matches(path: Path, noted: list[int | str]) -> bool:
    try:
        found = path.stat()
        return found.st_size == noted[0] and (found.st_mtime_ns == noted[1] or _digest(path) == noted[2])
    except OSError:
        return False


def _describe(path: Path) -> list[int | str]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, _digest(path)]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
