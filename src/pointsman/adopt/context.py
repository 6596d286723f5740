"""What a folder, or a file, that somebody names is a part of: the repository it lies in, and what is told of it.

An overlay refers to its base, an Application to a folder from the root on: a part is read as a part of the whole. The
whole is the git repository, or the platform in it that a ``platform.yaml`` marks; where there is none, the folder and
what its kustomizations refer to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pointsman.adopt.clone import top_of
from pointsman.adopt.closure import FILES, closure_of
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.tree import OverError, Tree
from pointsman.catalog.repository import FILE
from pointsman.errors import PointsmanError

__all__ = ["Context", "context_of", "in_folder"]

_OURS = re.compile(r"^\s*[\"']?apiVersion[\"']?\s*:\s*[\"']?pointsman\.dev/", re.MULTILINE)
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Context:
    """A part, and its whole."""

    root: Path
    named: str = ""
    """The folder or file that is meant, from the root on; empty for all of it."""
    single: bool = False
    """Is that a file?"""
    beyond: bool = True
    """Is what lies outside of the named folder looked at, besides what is referred to?"""

    @property
    def folder(self) -> str:
        """The folder that is meant, or that of the file."""
        return self.named.rpartition("/")[0] if self.single else self.named

    def holds(self, path: str) -> bool:
        """Is a file, or a line of one, of the part that is meant?"""
        path = path.rpartition(":")[0] if path.rpartition(":")[2].isdigit() else path
        return path == self.named if self.single else in_folder(path, self.named)


def in_folder(path: str, folder: str) -> bool:
    """Does it lie there, or is it that?"""
    return not folder or path == folder or path.startswith(f"{folder}/")


def context_of(place: Path) -> Context:
    """The whole that a folder or a file is a part of."""
    folder = place if place.is_dir() else place.parent
    top = _marked(folder)
    root = top or _reached(folder)
    named = place.relative_to(root).as_posix()
    return Context(root, "" if named == "." else named, place != folder, top is not None or root == folder)


def _marked(folder: Path) -> Path | None:
    """The root of the repository, or of the platform in it: a repository may hold several, and examples of others'."""
    top = top_of(folder)
    if top is None:
        return None
    within = [one for one in (folder, *folder.parents) if one == top or top in one.parents]
    return next((one for one in within if _declares(one / FILE)), top)


def _declares(path: Path) -> bool:
    try:
        return path.is_file() and _OURS.search(path.read_text("utf-8")[:_HEAD]) is not None
    except (OSError, ValueError):
        return False


def _reached(folder: Path) -> Path:
    """The folder that holds everything which its kustomizations refer to; never the root of the file system."""
    tree, found = Tree(Path(folder.anchor)), [str(folder)]
    for path in _kustomizations(folder):
        try:
            closure = closure_of(tree, path.relative_to(folder.anchor).as_posix())
        except (OverError, PointsmanError, OSError):
            continue
        found += _absolute(closure.folders, folder.anchor)
    common = Path(os.path.commonpath(found))
    return folder if common == Path(folder.anchor) else common


def _absolute(folders: Collection[str], anchor: str) -> list[str]:
    return [str(Path(anchor, one)) for one in folders]


def _kustomizations(folder: Path) -> list[Path]:
    left_out: list[LeftOut] = []
    names = Tree(folder).walk("", left_out)
    return [(folder / name).parent for name in names if name.rpartition("/")[2] in FILES]
