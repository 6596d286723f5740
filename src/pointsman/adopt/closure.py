"""What a kustomization reads, found before anything is run: every file by name, and what is not read at all.

Remote bases, plugins and Helm charts fetch or run what others wrote; they are listed, and so is what leads out of the
repository, or cannot be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.documents import Document, documents_in
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.tree import Tree, below
from pointsman.errors import PointsmanError

__all__ = ["FILES", "Closure", "closure_of", "is_kustomization", "kustomization_in"]

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DEEPEST = 16
_MOST = 500
"""Files that one kustomization may read."""

_FIELDS = (
    "apiVersion kind metadata resources bases components patches patchesStrategicMerge patchesJson6902 namespace "
    "namePrefix nameSuffix commonLabels labels commonAnnotations images replicas configMapGenerator secretGenerator "
    "generatorOptions configurations crds openapi replacements vars buildMetadata sortOptions"
)
_KNOWN = frozenset(_FIELDS.split())
_RUNS = {
    "helmCharts": "it has Kustomize run Helm",
    "helmChartInflationGenerator": "it has Kustomize run Helm",
    "helmGlobals": "it has Kustomize run Helm",
    "generators": "generators may be plugins, which are programs",
    "transformers": "transformers may be plugins, which are programs",
    "validators": "validators may be plugins, which are programs",
}
_FLUX = "kustomize.toolkit.fluxcd.io/"
_OF_FLUX = "it is an object of Flux, which Kustomize refuses to take for a kustomization"
_IS_FLUX = re.compile(rf"""^["']?apiVersion["']?\s*:\s*["']?{re.escape(_FLUX)}""", re.MULTILINE)
_REMOTE = re.compile(r"://|^git@|^[^/]*\.[a-z]+/|\?ref=|^(?:git::|hg::|file:)", re.IGNORECASE)
"""What Kustomize takes for a repository or an address (v5): a scheme, scp's form, a host with a dot first."""


@dataclass(slots=True)
class Closure:
    """Files that a kustomization reads, and why it is not read."""

    _files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    """Folders with a kustomization, itself included."""
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def files(self) -> frozenset[str]:
        """Every file, kustomizations included."""
        return frozenset(self._files)

    def add(self, path: str) -> None:
        """A file more."""
        self._files.add(path)


def is_kustomization(path: str, text: str) -> bool:
    """Is it a file that Kustomize reads? Flux has objects of the same name, which people give files of this name."""
    return path.rpartition("/")[2] in FILES and _IS_FLUX.search(text) is None


def kustomization_in(tree: Tree, folder: str, left_out: list[LeftOut]) -> Document | None:
    """The one document of a folder's kustomization; None, and a reason, when there is none that can be read."""
    names = [name for name in tree.names(folder) if name in FILES]
    paths = [f"{folder}/{name}" if folder else name for name in names]
    if len(paths) != 1:
        where = f"{paths[-1]}:1" if paths else folder
        why = "it has several kustomizations" if paths else "it has no kustomization"
        left_out.append(LeftOut(where, why, "keep one" if paths else "", fails=True))
        return None
    documents = documents_in(tree, paths[0], left_out)
    if len(documents) == 1 and isinstance(documents[0].data, dict):
        return documents[0]
    if not left_out:
        left_out.append(LeftOut(paths[0], "it is not one mapping"))
    return None


def closure_of(tree: Tree, folder: str) -> Closure:
    """Everything that the kustomization of a folder reads."""
    found = Closure()
    _kustomization(tree, folder, found, ())
    return found


def _kustomization(tree: Tree, folder: str, found: Closure, above: tuple[str, ...], where: str = "") -> None:
    if folder in above or len(above) > _DEEPEST:
        what = "leads back to itself" if folder in above else f"goes through more than {_DEEPEST} others"
        found.left_out.append(LeftOut(where or folder, f"the kustomization {what}", fails=folder in above))
        return
    document = kustomization_in(tree, folder, found.left_out)
    if document is None:
        return
    found.add(document.path)
    found.folders.add(folder)
    if str(document.data.get("apiVersion")).startswith(_FLUX):
        found.left_out.append(LeftOut(document.at("apiVersion"), _OF_FLUX, "give the file another name", fails=True))
        return
    for key in document.data:
        if key in _RUNS or key not in _KNOWN:
            why = _RUNS.get(key, f"the field {key} is not known here")
            found.left_out.append(LeftOut(document.at(key), why, "build it yourself, and adopt what comes out"))
    for place, said, may_be_folder in _references(document.data):
        if len(found.files) > _MOST:
            found.left_out.append(LeftOut(document.path, f"it reads more than {_MOST} files"))
            return
        _reference(tree, folder, document, (place, said, may_be_folder), found, above)


def _reference(
    tree: Tree,
    folder: str,
    document: Document,
    reference: tuple[tuple[str | int, ...], str, bool],
    found: Closure,
    above: tuple[str, ...],
) -> None:
    place, said, may_be_folder = reference
    where = document.at(*place)
    path = below(folder, said)
    if _REMOTE.search(said) and (path is None or not _there(tree, path)):
        found.left_out.append(
            LeftOut(where, f"{said[:80]!r} is fetched from elsewhere, and nothing is fetched", "put a copy here")
        )
        return
    if path is None:
        found.left_out.append(LeftOut(where, f"{said[:80]!r} leads out of the repository"))
        return
    try:
        kind = tree.kind(path)
    except PointsmanError as error:
        found.left_out.append(LeftOut(where, error.what, error.next_action))
        return
    if kind == "file" and not (may_be_folder and said in ("", ".")):
        if not path.startswith(f"{folder}/" if folder else ""):
            found.left_out.append(
                LeftOut(
                    where,
                    f"{said[:80]!r} lies outside its own folder, which Argo CD's Kustomize refuses",
                    "put it there, or name a folder with a kustomization",
                    fails=True,
                )
            )
            return
        found.add(path)
    elif kind == "folder" and may_be_folder:
        _kustomization(tree, path, found, (*above, folder), where)
    else:
        made = place[0] in ("configMapGenerator", "secretGenerator")  # what holds secrets is often not in git
        why = f"there is no {said[:80]!r}"
        found.left_out.append(LeftOut(where, why, "correct the name", fails=not made))


def _there(tree: Tree, path: str) -> bool:
    try:
        return bool(tree.kind(path))
    except PointsmanError:
        return True


Reference = tuple[tuple[str | int, ...], str, bool]
"""Place, what is said there, and whether it may be a folder with a kustomization."""


def _references(data: Mapping[str, Any]) -> Iterator[Reference]:
    for key in ("resources", "bases", "components", "configurations", "crds"):
        for at, said in _texts(data.get(key)):
            yield (key, at), said, key not in ("configurations", "crds")
    for at, said in _texts(data.get("patchesStrategicMerge")):
        if "\n" not in said and ":" not in said:
            yield ("patchesStrategicMerge", at), said, False
    for key in ("patches", "patchesJson6902", "replacements"):
        for at, one in _maps(data.get(key)):
            yield from _path((key, at), one)
    openapi = data.get("openapi")
    yield from _path(("openapi",), openapi if isinstance(openapi, dict) else {})
    for key in ("configMapGenerator", "secretGenerator"):
        for at, one in _maps(data.get(key)):
            yield from _generated((key, at), one)


def _path(place: tuple[str | int, ...], data: Mapping[str, Any]) -> Iterator[Reference]:
    if isinstance(data.get("path"), str):
        yield (*place, "path"), data["path"], False


def _generated(place: tuple[str | int, ...], data: Mapping[str, Any]) -> Iterator[Reference]:
    for part in ("files", "envs"):
        for at, said in _texts(data.get(part)):
            yield (*place, part, at), said.rpartition("=")[2], False
    if isinstance(data.get("env"), str):
        yield (*place, "env"), data["env"], False


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    for at, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, str):
            yield at, one


def _maps(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for at, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, dict):
            yield at, one
