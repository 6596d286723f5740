"""What a simple kustomization makes, without the program: only what is exactly what Kustomize 5 would make.

Understood are resources, components, namespace, labels and annotations, replicas, images and patches. Anything whose
outcome hangs on more (generated names, prefixes and the references that follow them, replacements) is not attempted:
NeedsProgramError says what, and where.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pointsman.adopt.closure import FILES, closure_of, kustomization_in
from pointsman.adopt.documents import Document, documents_in, documents_of
from pointsman.adopt.ids import CLUSTER_WIDE, Id, id_of, told
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.marking import annotated, labelled, repointed, scaled
from pointsman.adopt.objects import Deployed, expanded, key_of
from pointsman.adopt.patching import UnfitPatchError, merged, operated
from pointsman.adopt.tree import Tree, below

__all__ = ["FILES", "Kustomizing", "NeedsProgramError", "RefusedBuildError", "as_patch", "closure_of", "listed"]

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


_SWITCHES = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false"})
"""What YAML 1.1, which Kustomize reads, takes for true or false."""


class NeedsProgramError(Exception):
    """The kustomization needs Kustomize itself."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where


class RefusedBuildError(NeedsProgramError):
    """Kustomize refuses to build it, whichever version it is."""

    def __init__(self, what: str, where: str, next_action: str) -> None:
        super().__init__(what, where)
        self.next_action = next_action


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
            for at, said in enumerate(listed(data, key)):
                objects += self._resource(folder, said, document.at(key, at))
        _refuse_twins(objects, document.path)
        for said in listed(data, "components"):
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
        for at, patch in enumerate(listed(data, "patchesStrategicMerge")):
            objects = self._patched(objects, as_patch(patch), folder, document, ("patchesStrategicMerge", at))
        for at, patch in enumerate(listed(data, "patches")):
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
        for at, patch in enumerate(listed(data, "patchesJson6902")):
            objects = self._patched(objects, patch, folder, document, ("patchesJson6902", at))
        for at, said in enumerate(listed(data, "replicas")):
            objects = _counted(objects, said, document.at("replicas", at), document)
        for at, said in enumerate(listed(data, "images")):
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
        found, target = self.patches(said, folder, document, place), said.get("target")
        if target is not None and len(found) > 1:
            raise NeedsProgramError("several patches have one target", where)
        for patch in found:
            if target is None:
                objects = _with_named(objects, patch)
                continue
            try:
                objects = _with_chosen(objects, patch, target)
            except UnfitPatchError as error:
                raise NeedsProgramError(str(error), patch.at()) from None
        return objects

    def patches(
        self, said: Mapping[str, Any], folder: str, document: Document, place: tuple[str | int, ...]
    ) -> list[Document]:
        """The documents of an entry of ``patches``; raises NeedsProgramError."""
        where, left_out = document.at(*place), list[LeftOut]()
        if isinstance(said.get("path"), str):
            found = documents_in(self.tree, below(folder, said["path"]) or "", left_out)
        elif isinstance(said.get("patch"), str):
            found = _inline(document, place, said["patch"], left_out)
        else:
            raise NeedsProgramError("a patch says neither path nor patch", where)
        if left_out or not found:
            raise NeedsProgramError(left_out[0].why if left_out else "a patch is empty", where)
        if any(not _is_json(one.text) for one in found):
            raise NeedsProgramError("operations between brackets have to be JSON", where)
        return found


def _is_json(text: str) -> bool:
    """What begins with a bracket Kustomize takes for JSON, and for nothing else."""
    if not text.lstrip().startswith("["):
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


_IMAGE = {"name", "newName", "newTag", "digest"}


def _inline(document: Document, place: tuple[str | int, ...], text: str, left_out: list[LeftOut]) -> list[Document]:
    """A patch that stands in the kustomization itself; its lines count from there, as far as they can be counted."""
    line = int(document.at(*place, "patch").rpartition(":")[2])
    found = documents_of(document.path, text, left_out)
    return [replace(one, start=-1, above=one.above + line) for one in found]


def as_patch(said: Any) -> Mapping[str, Any]:
    """An item of ``patchesStrategicMerge`` as one of ``patches``."""
    text = str(said)
    return {"patch": text} if "\n" in text or ":" in text else {"path": text}


def listed(data: Mapping[str, Any], key: str) -> list[Any]:
    """What a field lists; nothing when it is no list."""
    found = data.get(key)
    return found if isinstance(found, list) else []


def _labels(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for said in listed(data, "labels"):
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
    if one.kind in CLUSTER_WIDE:
        return one
    data = {**one.data, "metadata": {**one.data["metadata"], "namespace": namespace}}
    return replace(_made(one, data), before=_before(one, data))


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


def _with_named(objects: list[Deployed], patch: Document) -> list[Deployed]:
    """For the one object that it names, by what that is called now, or was before."""
    wanted = _wanted(patch)
    found = [one for one in objects if wanted in (id_of(one.data), *one.before)]
    if len(found) != 1:
        raise _unmatched(objects, wanted, patch, several=len(found) > 1)
    try:
        return [_overlaid(one, patch, named=True) if one is found[0] else one for one in objects]
    except UnfitPatchError as error:
        raise NeedsProgramError(str(error), patch.at()) from None


def _wanted(patch: Document) -> Id:
    if not isinstance(patch.data, dict) or not isinstance(patch.data.get("metadata"), dict):
        raise NeedsProgramError("a patch without a target names no object", patch.at())
    return id_of(patch.data)


def _unmatched(objects: Sequence[Deployed], wanted: Id, patch: Document, *, several: bool) -> RefusedBuildError:
    if several:
        return RefusedBuildError(
            f"Kustomize refuses to build it: its patch is for {told(wanted)}, and several objects are that",
            patch.at(),
            "give the patch a target",
        )
    near = next((one for one in objects if one.kind == wanted[2] and wanted[4] in (one.name, *_names(one))), None)
    action = "name an object that is there, or give the patch a target"
    if near is not None:
        action = f"there is {told(id_of(near.data))}: write its apiVersion and namespace, or give the patch a target"
    what = f"Kustomize refuses to build it: its patch is for {told(wanted)}, and there is no such object"
    return RefusedBuildError(what, patch.at(), action)


def _names(one: Deployed) -> Iterator[str]:
    return (each[4] for each in one.before)


def _with_chosen(objects: list[Deployed], patch: Document, target: Any) -> list[Deployed]:
    return [_overlaid(one, patch, named=False) if _is_meant(one, target) else one for one in objects]


def _overlaid(one: Deployed, patch: Document, *, named: bool) -> Deployed:
    """What it is called stays, but for operations: those may change it."""
    before, data = copy.deepcopy(dict(one.data)), patch.data
    documents = (*one.documents, patch)
    if isinstance(data, list):
        new = operated(before, data)
        return replace(one, data=new, documents=documents, before=_before(one, new))
    new = merged(before, data, named=named)
    if one.data["metadata"].get("namespace") != new["metadata"].get("namespace"):
        kept = {key: value for key, value in new["metadata"].items() if key != "namespace"}
        new["metadata"] = kept | ({"namespace": one.namespace} if one.namespace else {})
    return replace(one, data=new, documents=documents)


def _before(one: Deployed, new: Mapping[str, Any]) -> tuple[Id, ...]:
    old = id_of(one.data)
    return one.before if id_of(new) == old else (*one.before, old)


def _is_meant(one: Deployed, target: Any) -> bool:
    if not isinstance(target, dict) or target.keys() - {"group", "version", "kind", "name", "namespace"}:
        raise UnfitPatchError("a patch's target is chosen in a way that is not understood here")
    group, version, kind, namespace, name = id_of(one.data)
    first = one.before[0] if one.before else id_of(one.data)
    words = {
        "group": (group,),
        "version": (version,),
        "kind": (kind,),
        "name": (first[4], name),
        "namespace": (first[3], namespace),
    }
    return all(any(_fits(str(said), word) for word in words[key]) for key, said in target.items())


def _fits(pattern: str, word: str) -> bool:
    if pattern == word or not pattern:
        return True
    if not re.fullmatch(r"[-\w.*|()]+", pattern):
        raise UnfitPatchError("a patch's target is a pattern that is not understood here")
    return re.fullmatch(pattern, word) is not None
