"""What sources of Applications read: which of them are this repository at this revision, and which files they take.

The repository is known by git's ``origin``; where that says nothing, by the address under which most folders are found
here. ssh and https are one address. ``HEAD`` and the default branch are one revision; of another one nothing is known
unless a folder is found here under it, or it is checked out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.adopt.clone import Clone, address_of, clone_of
from pointsman.adopt.closure import FILES, closure_of
from pointsman.adopt.tree import Tree, below
from pointsman.checks.view import get
from pointsman.errors import PointsmanError

__all__ = ["At", "address_here", "at", "files_of", "folder_of", "here", "there"]

At = tuple[str, str]
"""Address and revision of a source."""
_USUAL = ("main", "master")
_OF_CHART = re.compile(r"Chart\.yaml$|values\.yaml$|(?:templates|charts|crds)/")
_ENDINGS = (".yaml", ".yml", ".json")
Source = Mapping[str, Any]


def at(source: Source) -> At:
    """The address, however it is written, and the revision."""
    revision = str(source.get("targetRevision") or "HEAD").removeprefix("refs/heads/")
    return address_of(str(source.get("repoURL") or "")), revision


def folder_of(source: Source) -> str | None:
    """The folder it names; None where it names none, or a set fills it in."""
    said = source.get("path")
    return said if isinstance(said, str) and said and "{" not in said and not source.get("chart") else None


def there(tree: Tree, path: str | None) -> bool:
    """Is there such a folder? True where that is not known."""
    place = below("", path or "")
    try:
        return place is None or tree.kind(place) == "folder"
    except PointsmanError:
        return True


def address_here(tree: Tree, sources: Iterable[Source]) -> str:
    """The address of this repository; empty where that cannot be told."""
    listed = list(sources)
    origin = clone_of(tree.root).origin
    if origin and any(at(one)[0] == origin for one in listed):
        return origin
    found = Counter(at(one)[0] for one in listed if folder_of(one) is not None and there(tree, folder_of(one)))
    return found.most_common(1)[0][0] if found else ""


def here(tree: Tree, sources: Iterable[Source]) -> set[At]:
    """Addresses and revisions that are these files."""
    listed = [one for one in sources if folder_of(one) is not None]
    url, clone = address_here(tree, listed), clone_of(tree.root)
    if not url:
        return set()
    found = {at(one)[1] for one in listed if at(one)[0] == url and there(tree, folder_of(one))}
    found |= {clone.branch} if clone.branch and clone.origin == url else set()
    default = _default(clone, {at(one)[1] for one in listed if at(one)[0] == url}, found)
    if found & {default, "HEAD"}:
        found |= {default, "HEAD"}
    return {(url, one) for one in found}


def _default(clone: Clone, said: set[str], found: set[str]) -> str:
    """The branch that HEAD means; ``HEAD`` itself where two may be meant."""
    usual = [one for one in _USUAL if one in said | found]
    return clone.default or (usual[0] if len(usual) == 1 else "HEAD")


def files_of(tree: Tree, source: Source) -> frozenset[str]:
    """What Argo CD reads for a source's folder; nothing where that is not known."""
    said = folder_of(source)
    folder = below("", said) if said is not None else None
    if folder is None or source.get("plugin"):
        return frozenset()
    try:
        return _read(tree, folder, source) if tree.kind(folder) == "folder" else frozenset()
    except PointsmanError:
        return frozenset()


def _read(tree: Tree, folder: str, source: Source) -> frozenset[str]:
    names = tree.names(folder)
    if set(FILES) & set(names):
        return closure_of(tree, folder).files
    if "Chart.yaml" in names:
        return frozenset(one for one in tree.walk(folder, []) if _OF_CHART.match(one.removeprefix(f"{folder}/")))
    if get(source, "directory", "include") or get(source, "directory", "exclude"):
        return frozenset()
    if get(source, "directory", "recurse") is True:
        found = list(tree.walk(folder, []))
    else:
        found = [f"{folder}/{name}" if folder else name for name in names]
    return frozenset(one for one in found if one.endswith(_ENDINGS) and tree.kind(one) == "file")
