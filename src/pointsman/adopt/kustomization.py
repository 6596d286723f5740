"""What a simple kustomization makes, without the program: only what is exactly what Kustomize 5 would make.

Understood are resources, components, namespace, labels and annotations, replicas, images and patches. Anything whose
outcome hangs on more (generated names, prefixes and the references that follow them, replacements) is not attempted:
NeedsProgramError says what, and where.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pointsman.adopt.closure import FILES, closure_of, kustomization_in
from pointsman.adopt.documents import Document, documents_in, documents_of
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.marking import annotated, labelled, repointed, scaled
from pointsman.adopt.objects import Deployed, expanded, key_of
from pointsman.adopt.patching import UnfitPatchError, merged, operated
from pointsman.adopt.tree import Tree, below

__all__ = ["FILES", "Kustomizing", "NeedsProgramError", "closure_of"]

_FIELDS = (
    "apiVersion kind metadata resources bases components patches patchesStrategicMerge patchesJson6902 namespace "
    "commonLabels labels commonAnnotations images replicas buildMetadata sortOptions"
)
_DONE = frozenset(_FIELDS.split())
_REFERRING = frozenset(
    {
        *("Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService", "RoleBinding"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    }
)
"""What a namespace changes in more places than its own."""
_UNPLACED = frozenset({"Node", "PersistentVolume", "StorageClass", "PriorityClass", "IngressClass", "RuntimeClass"})
"""Kinds without a namespace."""


_SWITCHES = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false"})
"""What YAML 1.1, which Kustomize reads, takes for true or false."""


class NeedsProgramError(Exception):
    """The kustomization needs Kustomize itself."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where


@dataclass(frozen=True, slots=True)
class Kustomizing:
    """Builds from one tree."""

    tree: Tree

    def built(self, folder: str) -> list[Deployed]:
        """What the kustomization of a folder makes; raises NeedsProgramError. Its closure was looked at before."""
        return self._built(folder, [])

    def _built(self, folder: str, given: Sequence[Deployed]) -> list[Deployed]:
        document = self._kustomization(folder)
        data = document.data
        for key in data.keys() - _DONE:
            raise NeedsProgramError(f"{key} is carried out by Kustomize alone", document.at(key))
        objects = [*given]
        for key in ("resources", "bases"):
            for at, said in enumerate(_list(data, key)):
                objects += self._resource(folder, said, document.at(key, at))
        _refuse_twins(objects, document.path)
        for said in _list(data, "components"):
            objects = self._built(below(folder, str(said)) or "", objects)
        return self._changed(objects, document, folder)

    def _kustomization(self, folder: str) -> Document:
        left_out: list[LeftOut] = []
        document = kustomization_in(self.tree, folder, left_out)
        if document is None:
            raise NeedsProgramError(left_out[0].why, left_out[0].where)
        return document

    def _resource(self, folder: str, said: Any, where: str) -> list[Deployed]:
        path = below(folder, str(said))
        if path is None:
            raise NeedsProgramError("it leads out of the repository", where)
        if self.tree.kind(path) == "folder":
            return self._built(path, [])
        left_out: list[LeftOut] = []
        documents = documents_in(self.tree, path, left_out)
        found = [expanded(one) for one in documents]
        if left_out or not all(found):
            first = left_out[0] if left_out else LeftOut(path, "a document is no manifest")
            raise NeedsProgramError(f"a resource cannot be read here: {first.why}", first.where)
        return [one for some in found for one in some]

    def _changed(self, objects: list[Deployed], document: Document, folder: str) -> list[Deployed]:
        """In the order of Kustomize's own transformers."""
        data = document.data
        for at, patch in enumerate(_list(data, "patchesStrategicMerge")):
            objects = self._patched(objects, _as_patch(patch), folder, document, ("patchesStrategicMerge", at))
        for at, patch in enumerate(_list(data, "patches")):
            objects = self._patched(objects, patch, folder, document, ("patches", at))
        if namespace := data.get("namespace"):
            if not isinstance(namespace, str) or namespace.lower() in _SWITCHES:
                raise NeedsProgramError("namespace is no text as Kustomize reads it", document.at("namespace"))
            objects = [_placed(one, namespace, document) for one in objects]
        for at, said in enumerate(_labels(data)):
            where = document.at("labels", at) if "labels" in data else document.at("commonLabels")
            objects = [self._labelled(one, said, where) for one in objects]
        if said := data.get("commonAnnotations"):
            objects = [_made(one, annotated(one.data, said)) for one in objects]
        for at, patch in enumerate(_list(data, "patchesJson6902")):
            objects = self._patched(objects, patch, folder, document, ("patchesJson6902", at))
        for at, said in enumerate(_list(data, "replicas")):
            objects = _counted(objects, said, document.at("replicas", at), document)
        for at, said in enumerate(_list(data, "images")):
            if not isinstance(said, dict) or not isinstance(said.get("name"), str) or said.keys() - _IMAGE:
                raise NeedsProgramError(
                    "an image is changed in a way that is not understood", document.at("images", at)
                )
            objects = [_made(one, repointed(one.data, said), document) for one in objects]
        return objects

    def _labelled(self, one: Deployed, said: Mapping[str, Any], where: str) -> Deployed:
        try:
            return _made(one, labelled(one.data, said))
        except UnfitPatchError as error:
            raise NeedsProgramError(str(error), where) from None

    def _patched(
        self, objects: list[Deployed], said: Any, folder: str, document: Document, place: tuple[str | int, ...]
    ) -> list[Deployed]:
        where = document.at(*place)
        if not isinstance(said, dict) or said.keys() - {"path", "patch", "target"}:
            raise NeedsProgramError("a patch has fields that are not understood here", where)
        for patch in self._patches(said, folder, document, place):
            try:
                objects = _with_patch(objects, patch, said.get("target"))
            except UnfitPatchError as error:
                raise NeedsProgramError(str(error), patch.at()) from None
        return objects

    def _patches(
        self, said: Mapping[str, Any], folder: str, document: Document, place: tuple[str | int, ...]
    ) -> list[Document]:
        where, left_out = document.at(*place), list[LeftOut]()
        if isinstance(said.get("path"), str):
            found = documents_in(self.tree, below(folder, said["path"]) or "", left_out)
        elif isinstance(said.get("patch"), str):
            found = _inline(document, place, said["patch"], left_out)
        else:
            raise NeedsProgramError("a patch says neither path nor patch", where)
        if left_out or not found:
            raise NeedsProgramError(left_out[0].why if left_out else "a patch is empty", where)
        return found


_IMAGE = {"name", "newName", "newTag", "digest"}


def _inline(document: Document, place: tuple[str | int, ...], text: str, left_out: list[LeftOut]) -> list[Document]:
    """A patch that stands in the kustomization itself; its lines count from there, as far as they can be counted."""
    line = int(document.at(*place, "patch").rpartition(":")[2])
    found = documents_of(document.path, text, left_out)
    return [replace(one, start=-1, above=one.above + line) for one in found]


def _as_patch(said: Any) -> Mapping[str, Any]:
    text = str(said)
    return {"patch": text} if "\n" in text or ":" in text else {"path": text}


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []


def _labels(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for said in _list(data, "labels"):
        yield said if isinstance(said, dict) else {}
    if isinstance(data.get("commonLabels"), dict):
        yield {"pairs": data["commonLabels"], "includeSelectors": True}


def _made(one: Deployed, data: Mapping[str, Any], by: Document | None = None) -> Deployed:
    more = (by,) if by is not None and data != one.data and by not in one.documents else ()
    return replace(one, data=data, documents=(*one.documents, *more))


def _placed(one: Deployed, namespace: str, document: Document) -> Deployed:
    if one.kind in _REFERRING:
        raise NeedsProgramError(
            f"namespace changes more than one place of {one.kind} {one.name}", document.at("namespace")
        )
    if one.kind in _UNPLACED:
        return one
    data = {**one.data, "metadata": {**one.data["metadata"], "namespace": namespace}}
    return _made(one, data)


def _counted(objects: list[Deployed], said: Any, where: str, document: Document) -> list[Deployed]:
    fit = isinstance(said, dict) and isinstance(said.get("name"), str) and isinstance(said.get("count"), int)
    made = [scaled(one.data, said["name"], said["count"]) for one in objects] if fit else []
    if not any(made):
        raise NeedsProgramError("replicas names nothing that has any", where)
    return [_made(one, new, document) if new else one for one, new in zip(objects, made, strict=True)]


def _refuse_twins(objects: Sequence[Deployed], where: str) -> None:
    seen = set()
    for one in objects:
        key = key_of(one.data)
        if key in seen:
            raise NeedsProgramError(f"{one.kind} {one.name} is there twice", one.where or where)
        seen.add(key)


def _with_patch(objects: list[Deployed], patch: Document, target: Any) -> list[Deployed]:
    data = patch.data
    chosen = [_is_meant(one, data, target) for one in objects]
    if not any(chosen):
        if target is None:
            raise UnfitPatchError("a patch is for nothing that is there")
        return objects
    made = []
    for one, meant in zip(objects, chosen, strict=True):
        if meant:
            before = copy.deepcopy(dict(one.data))
            new = operated(before, data) if isinstance(data, list) else merged(before, data, named=target is None)
            made.append(replace(one, data=new, documents=(*one.documents, patch)))
        else:
            made.append(one)
    return made


def _is_meant(one: Deployed, patch: Any, target: Any) -> bool:
    if target is None:
        if not isinstance(patch, dict) or not isinstance(patch.get("metadata"), dict):
            raise UnfitPatchError("a patch without a target names no object")
        group, kind, namespace, name = key_of(patch)
        own = key_of(one.data)
        return (group, kind, name) == (own[0], own[1], own[3]) and (not namespace or namespace == own[2])
    if not isinstance(target, dict) or target.keys() - {"group", "version", "kind", "name", "namespace"}:
        raise UnfitPatchError("a patch's target is chosen in a way that is not understood here")
    group, _, version = str(one.data.get("apiVersion") or "").rpartition("/")
    own_words = {"group": group, "version": version, "kind": one.kind, "name": one.name, "namespace": one.namespace}
    return all(_fits(str(said), own_words[key]) for key, said in target.items())


def _fits(pattern: str, word: str) -> bool:
    if pattern == word or not pattern:
        return True
    if not re.fullmatch(r"[-\w.*|()]+", pattern):
        raise UnfitPatchError("a patch's target is a pattern that is not understood here")
    return re.fullmatch(pattern, word) is not None
