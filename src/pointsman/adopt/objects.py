"""One object as it is deployed, and the documents that say what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.documents import Document
from pointsman.adopt.ids import Id

__all__ = ["Deployed", "Key", "expanded", "key_of"]

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
            elif place in patch.reading.lines and _get(patch.data, place) == _get(self.data, place):
                return patch.at(*place)
        whole = (*self.inside, *place)
        return self.documents[0].at(*whole) if self.documents and whole in self.documents[0].reading.lines else ""

    @property
    def _metadata(self) -> Mapping[str, Any]:
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}


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
