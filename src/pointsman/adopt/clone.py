"""The git repository that a folder lies in: its root, where it was cloned from, and its branches.

Read from git's own files, and no program is run: what lies there may be anybody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Clone", "address_of", "clone_of", "top_of"]

_LARGEST = 1 << 20
_ORIGIN = re.compile(r"^\s*\[\s*remote\s+\"origin\"\s*\]\s*$(?P<body>(?:\n(?!\s*\[).*)*)", re.MULTILINE)
_URL = re.compile(r"^\s*url\s*=\s*\"?([^\s\"]+)", re.MULTILINE)
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?!//)/*(?P<path>.+)")
_WITH_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::[0-9]+)?/+(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Clone:
    """What git knows of itself; each part empty where it does not say."""

    origin: str = ""
    """The address of ``origin``, as ``address_of`` tells it."""
    branch: str = ""
    """The one that is checked out."""
    default: str = ""
    """The one that ``HEAD`` means at ``origin``."""


def top_of(folder: Path) -> Path | None:
    """The root of the repository that a folder lies in; None where it lies in none."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)


def clone_of(root: Path) -> Clone:
    """What its files say; an empty one for a folder that is no clone."""
    place = _git_folder(root)
    if place is None:
        return Clone()
    common = _text(place / "commondir").strip()
    shared = place / common if common else place
    section = _ORIGIN.search(_text(shared / "config"))
    url = _URL.search(section["body"]) if section else None
    return Clone(
        address_of(url[1]) if url else "",
        _referred(place / "HEAD", "refs/heads/"),
        _referred(shared / "refs" / "remotes" / "origin" / "HEAD", "refs/remotes/origin/"),
    )


def address_of(url: str) -> str:
    """``git.example.com/ml/infra``: the same for https and ssh, with a user, a port or ``.git`` and without."""
    text = url.strip().lower()
    found = _WITH_SCHEME.fullmatch(text) or _SCP.fullmatch(text)
    text = f"{found['host']}/{found['path']}" if found else text
    return text.rstrip("/").removesuffix(".git")


def _git_folder(root: Path) -> Path | None:
    place = root / ".git"
    if place.is_dir():
        return place
    said = _text(place).strip()
    return root / said.removeprefix("gitdir:").strip() if said.startswith("gitdir:") else None


def _referred(path: Path, prefix: str) -> str:
    said = _text(path).strip()
    return said.removeprefix(f"ref: {prefix}") if said.startswith(f"ref: {prefix}") else ""


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
