"""What a check may look at: objects, engines, edges, models; and what it looked at is noted.

The same view is made of a repository's files and of a cluster, so a check is written once. That it reads what it
declares, and nothing else, is held by a test: what is declared decides whether it can run where something is forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pointsman.adopt.adopted import Adopted
from pointsman.adopt.edges import Edge
from pointsman.adopt.findings import Finding
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.models import Found
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing
from pointsman.adopt.tree import Tree
from pointsman.adopt.words import Place
from pointsman.checks.check import Source
from pointsman.checks.declared import Declared, declared_in

__all__ = ["Pod", "View", "entries", "get", "listed", "mapped"]


@dataclass(frozen=True, slots=True)
class Pod:
    """What an object says of its pods."""

    standing: Standing
    place: Place
    """Where it stands in the object."""
    spec: Mapping[str, Any]
    role: str = ""
    """``prefill`` or ``worker`` of an LLMInferenceService; empty for those that answer."""

    def containers(self, key: str = "containers") -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Each container with its place; ``initContainers`` by that key."""
        for number, one in enumerate(listed(self.spec, key)):
            yield (*self.place, key, number), one


@dataclass(slots=True)
class View:
    """What there is."""

    adopted: Adopted
    source: Source = Source.files
    read: set[str] = field(default_factory=set)
    """What was looked at so far."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What one check put together of it, for the next one; it is the same for all."""
    asked: frozenset[str] = frozenset()
    """Layers that somebody means to use; none: those count that are used."""
    planned: Sequence[Standing] = ()
    """What a model is to be made of, and is not there yet."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When a cluster was read."""
    patience: float | None = None
    """Seconds after which what has just begun is told in any case; None: each check knows how long it may take."""

    PARTS = frozenset({"engines", "edges", "models", "declared", "files"})
    """What a view has besides kinds."""

    def noting(self) -> View:
        """The same, with nothing noted yet."""
        return replace(self, read=set())

    def of(self, *kinds: str) -> list[Standing]:
        """Every object of these kinds."""
        self.read |= set(kinds)
        return list(self.adopted.world.of(*kinds))

    def find(self, kind: str, namespace: str, name: str) -> Standing | None:
        """One object."""
        self.read.add(kind)
        return self.adopted.world.find(kind, namespace, name)

    def made(self, *kinds: str) -> list[Standing]:
        """Objects of these kinds that controllers made of other objects, in a cluster."""
        self.read |= set(kinds)
        return [one for one in self.adopted.world.made if one.kind in kinds]

    def meant(self, *kinds: str) -> list[Standing]:
        """Objects of these kinds that somebody means to make; that of one that is there already is not among them."""
        self.read |= set(kinds)
        world = self.adopted.world
        return [one for one in self.planned if one.kind in kinds and not world.find(one.kind, one.namespace, one.name)]

    @property
    def engines(self) -> Sequence[Engine]:
        """Containers that are a vLLM, with what they promise."""
        self.read.add("engines")
        return self.adopted.engines

    @property
    def edges(self) -> Sequence[Edge]:
        """Configurations of LiteLLM."""
        self.read.add("edges")
        return self.adopted.edges

    @property
    def models(self) -> Sequence[Found]:
        """Engines on several layers that are one model, and the aliases that reach it."""
        self.read.add("models")
        return self.adopted.models

    @property
    def declared(self) -> Sequence[Declared]:
        """Files that say that they are Models of this program; none in a cluster."""
        self.read.add("declared")
        found: Sequence[Declared] | None = self.kept.get("declared")
        if found is None:
            found = self.kept["declared"] = declared_in(self.adopted.survey)
        return found

    @property
    def tree(self) -> Tree | None:
        """The repository's files; None where it is a cluster."""
        self.read.add("files")
        return self.adopted.tree

    @property
    def unbuilt(self) -> list[LeftOut]:
        """Why Kustomize refuses to build folders of the repository, where that is sure."""
        self.read.add("files")
        return [one for one in self.adopted.left_out if one.fails]

    def disagreements(self, *codes: str) -> list[Finding]:
        """What layers and members of one model do not agree in (``adopt.comparing``), by its codes."""
        self.read |= {"models", "engines", "edges"}
        return [one for one in self.adopted.findings if one.code in codes]

    def pods(self, *kinds: str) -> Iterator[Pod]:
        """What objects of these kinds say of their pods."""
        for one in self.of(*kinds):
            for role, place in _PODS.get(one.kind, ()):
                spec = get(one.data, *place)
                if isinstance(spec, Mapping):
                    yield Pod(one, place, spec, role)


_TEMPLATE = (("", ("spec", "template", "spec")),)
_PODS: Mapping[str, tuple[tuple[str, Place], ...]] = {
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "InferenceService": (("", ("spec", "predictor")),),
    "LLMInferenceService": (
        ("", ("spec", "template")),
        ("worker", ("spec", "worker")),
        ("prefill", ("spec", "prefill", "template")),
        ("prefill", ("spec", "prefill", "worker")),
    ),
}


def get(data: Any, *place: str | int) -> Any:
    """What stands there; None when nothing does, or something else than is expected stands on the way."""
    for part in place:
        if data is None:
            return None
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, _MAPPINGS) else None
    return data


_MAPPINGS = (dict, Mapping)
"""Most are plain; what only an abstract class tells takes ten times as long to tell."""


def listed(data: Any, *place: str | int) -> list[Mapping[str, Any]]:
    """The mappings of a list; none when it is no list."""
    found = get(data, *place)
    return [one for one in found if isinstance(one, _MAPPINGS)] if isinstance(found, list) else []


def entries(data: Any, *place: str | int) -> list[Any]:
    """Everything in a list, so that its numbers are those of the manifest; nothing when it is no list."""
    found = get(data, *place)
    return found if isinstance(found, list) else []


def mapped(data: Any, *place: str | int) -> Mapping[str, Any]:
    """The mapping that stands there; an empty one when there is none."""
    found = get(data, *place)
    return found if isinstance(found, _MAPPINGS) else {}
