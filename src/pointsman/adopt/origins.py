"""Where each object that Kustomize made is written: the file it comes from, and the patches that were laid over it.

Kustomize tells it by itself where ``buildMetadata`` asks for it: the file, or the kustomization whose generator made
the object, and the kustomizations whose transformers it went through. From those follow its first name, its document,
and its patches. An object of which no document is known has the line of the kustomization that made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from pointsman.adopt.closure import FILES, kustomization_in
from pointsman.adopt.documents import Document
from pointsman.adopt.kustomization import Kustomizing, NeedsProgramError, as_patch, listed
from pointsman.adopt.objects import Deployed, expanded
from pointsman.adopt.tree import Tree, below

__all__ = ["Origins", "asking"]

_ASKED = ("originAnnotations", "transformerAnnotations")
_ORIGIN = "config.kubernetes.io/origin"
_THROUGH = "alpha.config.kubernetes.io/transformations"
_PATCHING = {
    "PatchTransformer": ("patches",),
    "PatchStrategicMergeTransformer": ("patchesStrategicMerge",),
    "PatchJson6902Transformer": ("patchesJson6902",),
}
_GENERATORS = {"ConfigMapGenerator": "configMapGenerator", "SecretGenerator": "secretGenerator"}
_VALUES = frozenset({"ImageTagTransformer", "ReplicaCountTransformer"})
_HASH = re.compile(r"-[0-9a-z]{10}$")


def asking(document: Document, text: str) -> str:
    """A kustomization's text that asks for what is told of its objects besides."""
    said = document.data.get("buildMetadata")
    wanted = [*(said if isinstance(said, list) else []), *(one for one in _ASKED if one not in (said or ()))]
    plain = document.start == 0 and not re.search(r"^(?:---|\.\.\.|[ {\t])", text[1:], re.MULTILINE)
    if said is None and plain and not text.startswith(("{", " ")):
        return f"{text}\nbuildMetadata: {json.dumps(wanted)}\n"
    return json.dumps({**document.data, "buildMetadata": wanted})


@dataclass(slots=True)
class Origins:
    """Finds them in one tree, for one folder that was built."""

    tree: Tree
    folder: str
    documents: Sequence[Document]
    """Those of manifests and patches that it was built from."""
    _kustomizations: dict[str, Document | None] = field(default_factory=dict)
    _patches: dict[tuple[str, str], list[tuple[Document, Any]]] = field(default_factory=dict)

    def of(self, built: Deployed) -> Deployed:
        """The object as it is deployed, with its documents; what was asked for besides is taken out of it."""
        data, said, through = self._taken_out(built.data)
        steps = [one for one in through if isinstance(one, dict)]
        names = list(dict.fromkeys(self._names(str(data["metadata"].get("name") or ""), steps)))
        first = self._first(data, said, names)
        names += [first.name] if first and first.name not in names else []
        own = (first.documents[0],) if first else ()
        laid = tuple(one for one in self._laid(steps, data, names) if one not in own)
        return Deployed(
            data,
            (*own, *laid) if own else (),
            first.inside if first else (),
            built_by=self._built_by(data, said, names),
        )

    def _taken_out(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], Any, list[Any]]:
        metadata = dict(data["metadata"])
        notes = dict(metadata.get("annotations") or {})
        own = self._kustomization(self.folder)
        asked = set(listed(own.data, "buildMetadata")) if own else set()
        said, through = _read(notes.get(_ORIGIN)), _read(notes.get(_THROUGH))
        for name, key in zip(_ASKED, (_ORIGIN, _THROUGH), strict=True):
            if name not in asked:
                notes.pop(key, None)
        if notes:
            metadata["annotations"] = notes
        else:
            metadata.pop("annotations", None)
        return {**data, "metadata": metadata}, said, through if isinstance(through, list) else []

    def _names(self, name: str, steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What it was called, the last name first: a transformer's words taken off it, and a generator's hash."""
        yield name
        name = _HASH.sub("", name) if not self._known(name) else name
        yield name
        for step in reversed(steps):
            document = self._kustomization(self._folder_of(step))
            kind = _kind(step)
            if document is None or kind not in ("PrefixTransformer", "SuffixTransformer"):
                continue
            said = document.data.get("namePrefix" if kind == "PrefixTransformer" else "nameSuffix")
            if isinstance(said, str):
                name = name.removeprefix(said) if kind == "PrefixTransformer" else name.removesuffix(said)
                yield name

    def _known(self, name: str) -> bool:
        return any(one.name == name for document in self.documents for one in expanded(document))

    def _first(self, data: Mapping[str, Any], said: Any, names: Sequence[str]) -> Deployed | None:
        """The object as it is written: by its file, and its kind and first name there."""
        path = said.get("path") if isinstance(said, dict) else None
        if isinstance(said, dict) and path is None:
            return None
        where = below(self.folder, path) if isinstance(path, str) else None
        known = [one for document in self.documents for one in expanded(document)]
        there = [one for one in known if one.kind == data.get("kind") and (where in (None, one.documents[0].path))]
        for name in reversed(names):
            found = [one for one in there if one.name == name]
            if found and (where is not None or len(found) == 1):
                return found[0]
        return there[0] if where is not None and len(there) == 1 else None

    def _laid(
        self, steps: Sequence[Mapping[str, Any]], data: Mapping[str, Any], names: Sequence[str]
    ) -> Iterator[Document]:
        seen: list[Document] = []
        for step in steps:
            folder, kind = self._folder_of(step), _kind(step)
            document = self._kustomization(folder)
            found = [one for one, target in self._of(folder, kind) if _concerns(one, target, data, names)]
            if kind in _VALUES and document is not None:
                found = [document]
            for one in found:
                if one not in seen:
                    seen.append(one)
                    yield one

    def _of(self, folder: str, kind: str) -> list[tuple[Document, Any]]:
        """The patches of a kustomization, each with its target."""
        if (folder, kind) not in self._patches:
            self._patches[folder, kind] = list(self._read_patches(folder, kind))
        return self._patches[folder, kind]

    def _read_patches(self, folder: str, kind: str) -> Iterator[tuple[Document, Any]]:
        document = self._kustomization(folder)
        for key in _PATCHING.get(kind, ()) if document is not None else ():
            assert document is not None
            for at, said in enumerate(listed(document.data, key)):
                entry = as_patch(said) if key == "patchesStrategicMerge" else said
                if not isinstance(entry, dict):
                    continue
                try:
                    found = Kustomizing(self.tree).patches(entry, folder, document, (key, at))
                except NeedsProgramError:
                    continue
                yield from ((one, entry.get("target")) for one in found)

    def _built_by(self, data: Mapping[str, Any], said: Any, names: Sequence[str]) -> str:
        """The line of its generator, else of the kustomization that was built."""
        folder = self._folder_of(said) if isinstance(said, dict) and "configuredIn" in said else self.folder
        document = self._kustomization(folder) or self._kustomization(self.folder)
        if document is None:
            return ""
        key = _GENERATORS.get(_kind(said), "")
        for at, one in enumerate(listed(document.data, key)):
            if isinstance(one, dict) and one.get("name") in names:
                return document.at(key, at)
        return document.at(key) if key in document.data else document.at()

    def _folder_of(self, step: Any) -> str:
        """The folder of the kustomization that it is configured in."""
        path = below(self.folder, str(step.get("configuredIn"))) if isinstance(step, dict) else None
        return path.rpartition("/")[0] if path and path.rpartition("/")[2] in FILES else self.folder

    def _kustomization(self, folder: str) -> Document | None:
        if folder not in self._kustomizations:
            try:
                self._kustomizations[folder] = kustomization_in(self.tree, folder, [])
            except OSError:
                self._kustomizations[folder] = None
        return self._kustomizations[folder]


def _kind(said: Any) -> str:
    by = said.get("configuredBy") if isinstance(said, dict) else None
    return str(by.get("kind")) if isinstance(by, dict) else ""


def _read(text: Any) -> Any:
    try:
        return yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        return None


def _concerns(patch: Document, target: Any, data: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Was it laid over this object? Where a target is chosen in another way than by kind and name: perhaps."""
    if isinstance(target, dict):
        return _fits(target.get("kind"), [str(data.get("kind"))]) and _fits(target.get("name"), names)
    said = patch.data if isinstance(patch.data, dict) else {}
    metadata = said.get("metadata")
    return isinstance(metadata, dict) and said.get("kind") == data.get("kind") and str(metadata.get("name")) in names


def _fits(pattern: Any, words: Sequence[str]) -> bool:
    try:
        return not pattern or any(re.fullmatch(str(pattern), word) for word in words)
    except re.error:
        return True
