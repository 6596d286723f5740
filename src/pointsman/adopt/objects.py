"""One object as it is deployed, and the documents that say what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.documents import Document
from pointsman.adopt.ids import Id

__all__ = ["Deployed", "Key", "expanded", "key_of"]

_TOLD_BY = ("name", "mountPath")
"""What Kubernetes tells the items of a pod's lists apart by."""
Key = tuple[str, str, str, str]
"""Group, kind, namespace, name."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """An object, and where it is written."""

    data: Mapping[str, Any]
    documents: tuple[Document, ...] = ()
    """The document it comes from, then those that patch it; none when nobody knows."""
    inside: tuple[str | int, ...] = ()
    """Where in the first document it stands: an item of a List."""
    before: tuple[Id, ...] = ()
    """What it was called before transformers changed its name or namespace, the first one first."""
    built_by: str = ""
    """The line of the kustomization that it comes from, where no document of its own is known."""

    @property
    def kind(self) -> str:
        """``kind``."""
        return str(self.data.get("kind"))

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return str(self._metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        """``metadata.namespace``; empty when it is not written."""
        return str(self._metadata.get("namespace") or "")

    @property
    def group(self) -> str:
        """The API group; empty for the core's."""
        return str(self.data.get("apiVersion") or "").rpartition("/")[0]

    @property
    def labels(self) -> Mapping[str, Any]:
        """``metadata.labels``."""
        found = self._metadata.get("labels")
        return found if isinstance(found, dict) else {}

    @property
    def where(self) -> str:
        """The line that it begins in."""
        return self.at()

    def at(self, *place: str | int) -> str:
        """The line of a part: in the last document that says what it is; where it was built; empty in a cluster."""
        for length in range(len(place), 0, -1):
            found = self._line(place[:length])
            if found:
                return found
        return self.documents[0].at(*self.inside) if self.documents else self.built_by

    def _line(self, place: tuple[str | int, ...]) -> str:
        """A patch counts only where it says what stands there; the document itself where none does."""
        for patch in reversed(self.documents[1:]):
            if isinstance(patch.data, list):
                for at, one in enumerate(patch.data):
                    if _pointer(one) == place and one["value"] == _get(self.data, place):
                        return patch.at(at, "value")
            else:
                there = self.place_in(patch, place)
                if there in patch.reading.lines and _get(patch.data, there or ()) == _get(self.data, place):
                    return patch.at(*there or ())
        own = self.place_in(self.documents[0], place) if self.documents else None
        return self.documents[0].at(*own) if own is not None and own in self.documents[0].reading.lines else ""

    def place_in(self, document: Document, place: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
        """Where a document says what stands at a place: items are told by their names, as patches move them about.

        None where it has no such item.
        """
        inside = self.inside if self.documents and document is self.documents[0] else ()
        built, written, made = self.data, _get(document.data, inside), list(inside)
        for part in place:
            at = _index_of(_get(built, (part,)), written, part) if isinstance(part, int) else part
            if at is None:
                return None
            built, written = _get(built, (part,)), _get(written, (at,))
            made.append(at)
        return tuple(made)

    @property
    def _metadata(self) -> Mapping[str, Any]:
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}


def _index_of(item: Any, listed: Any, at: int) -> int | None:
    """The number of the same item in another list; its own where items have no names."""
    key = next((key for key in _TOLD_BY if isinstance(item, dict) and key in item), None)
    if key is None or not isinstance(listed, list):
        return at
    found = [number for number, one in enumerate(listed) if isinstance(one, dict) and one.get(key) == item[key]]
    if at in found:
        return at
    return found[0] if len(found) == 1 else None


def _pointer(operation: Any) -> tuple[str | int, ...]:
    """The place that an operation of a patch changes."""
    path = operation.get("path") if isinstance(operation, dict) else None
    parts = path[1:].split("/") if isinstance(path, str) and "value" in operation else []
    return tuple(int(part) if part.isdigit() else part.replace("~1", "/").replace("~0", "~") for part in parts)


def _get(data: Any, place: tuple[str | int, ...]) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def key_of(data: Mapping[str, Any]) -> Key:
    """What tells objects of one cluster apart."""
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    group = str(data.get("apiVersion") or "").rpartition("/")[0]
    return group, str(data.get("kind")), str(named.get("namespace") or ""), str(named.get("name") or "")


def expanded(document: Document) -> list[Deployed]:
    """The objects of a document: one, or the items of a List; none when it is no manifest."""
    data = document.data
    if isinstance(data, dict) and str(data.get("kind")).endswith("List") and isinstance(data.get("items"), list):
        items = [(at, one) for at, one in enumerate(data["items"]) if _whole(one)]
        return [Deployed(one, (document,), ("items", at)) for at, one in items]
    found = document.object
    return [Deployed(found, (document,))] if found is not None else []


def _whole(data: Any) -> bool:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str) and isinstance(data.get("kind"), str)
