"""The objects of a folder as Argo CD would deploy them: plain manifests, or what a kustomization makes of them.

Argo CD takes a folder with a kustomization for Kustomize's, one with a ``Chart.yaml`` for Helm's, and any other for
manifests, of which it reads ``*.yaml``, ``*.yml`` and ``*.json``, in folders below only where it is told to (3.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.adopt.documents import Document, documents_in
from pointsman.adopt.kustomization import FILES, Kustomizing, NeedsProgramError, RefusedBuildError, closure_of
from pointsman.adopt.kustomize_program import built_by_program
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.objects import Deployed, expanded
from pointsman.adopt.tree import OverError, Tree
from pointsman.errors import PointsmanError

__all__ = ["Deployed", "Folder", "LeftOut", "objects_in"]

_ENDINGS = (".yaml", ".yml", ".json")
_SKIP = "+argocd:skip-file-rendering"


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder deploys."""

    path: str
    kind: str
    """``manifests``, ``kustomize``, ``helm``, or ``""`` when nothing is there."""
    objects: tuple[Deployed, ...]
    left_out: tuple[LeftOut, ...]
    files: frozenset[str] = frozenset()
    """Every file that its objects come from."""

    @property
    def data(self) -> list[Mapping[str, Any]]:
        """The objects alone."""
        return [one.data for one in self.objects]


def objects_in(root: Path | Tree, path: str, *, recurse: bool = False) -> Folder:
    """The objects that Argo CD would deploy from a folder, or a file; never raises for what a repository holds.

    What cannot be read, or not exactly, is in ``left_out`` with its line; then there are no objects of that part.
    ``recurse``: manifests in folders below, too (``directory: {recurse: true}``).
    """
    tree = root if isinstance(root, Tree) else Tree(root)
    try:
        return _read(tree, path, recurse=recurse)
    except OverError as error:
        return Folder(path, "", (), (LeftOut(path or ".", error.what),))


def _read(tree: Tree, path: str, *, recurse: bool) -> Folder:
    left_out: list[LeftOut] = []
    try:
        kind = _kind(tree, path)
    except PointsmanError as error:
        return Folder(path, "", (), (LeftOut(path, error.what, error.next_action),))
    if kind == "kustomize":
        return _kustomized(tree, path)
    if kind == "helm":
        why = LeftOut(path, "it is a chart, which only Helm can fill in", "needs helm")
        return Folder(path, kind, (), (why,))
    files = _files(tree, path, kind, recurse, left_out)
    found: list[Deployed] = []
    try:
        for name in files:
            found += _manifests(tree, name, left_out)
    except OverError as error:
        left_out.append(LeftOut(error.where, error.what))
    return Folder(path, "manifests" if kind else "", tuple(found), tuple(left_out), frozenset(files))


def _kind(tree: Tree, path: str) -> str:
    kind = tree.kind(path)
    if kind != "folder":
        return kind
    names = tree.names(path)
    if any(name in FILES for name in names):
        return "kustomize"
    return "helm" if "Chart.yaml" in names else "folder"


def _files(tree: Tree, path: str, kind: str, recurse: bool, left_out: list[LeftOut]) -> Sequence[str]:
    if kind == "file":
        return [path]
    if not kind:
        left_out.append(LeftOut(path, "there is no such folder", "correct the path"))
        return []
    if recurse:
        names = list(tree.walk(path, left_out))
    else:
        whole = [f"{path}/{name}" if path else name for name in tree.names(path)]
        names = [name for name in whole if (tree.root / name).is_file() or (tree.root / name).is_symlink()]
    left_out += [LeftOut(one, "jsonnet is not read") for one in names if one.endswith(".jsonnet")]
    return sorted(name for name in names if name.endswith(_ENDINGS))


def _manifests(tree: Tree, path: str, left_out: list[LeftOut]) -> list[Deployed]:
    found: list[Deployed] = []
    for document in documents_in(tree, path, left_out):
        if _SKIP in document.text:
            continue
        objects = expanded(document)
        if not objects:
            left_out.append(LeftOut(document.at(), "this is no manifest: it has no kind, or no metadata.name"))
        found += objects
    return found


def _kustomized(tree: Tree, path: str) -> Folder:
    """By our own reading where that is exact, else by the program."""
    closure = closure_of(tree, path)
    if closure.left_out:
        return Folder(path, "kustomize", (), tuple(sorted(set(closure.left_out))), frozenset(closure.files))
    left_out: list[LeftOut] = []
    documents = _documents(tree, closure.files, left_out)
    try:
        objects = Kustomizing(tree).built(path)
    except RefusedBuildError as error:
        objects, left_out = [], [*left_out, LeftOut(error.where, error.what, error.next_action, fails=True)]
    except NeedsProgramError as error:
        objects, why = built_by_program(tree, path, sorted(closure.files), documents, error)
        left_out += why
    return Folder(path, "kustomize", tuple(objects), tuple(left_out), frozenset(closure.files))


def _documents(tree: Tree, files: frozenset[str], left_out: list[LeftOut]) -> list[Document]:
    return [
        one
        for name in sorted(files)
        if name.endswith(_ENDINGS) and name.rpartition("/")[2] not in FILES
        for one in documents_in(tree, name, left_out)
    ]
