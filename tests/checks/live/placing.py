"""Examples of the grid as they are put into a real cluster beside each other: each in namespaces of its own.

Nothing that a check reads is changed but names: of namespaces, of models, and of what has to stand in ``argocd``. All
keep their length, since some checks count it. A file that is LiteLLM's configuration becomes the ConfigMap that
Kustomize's generator would make of it, and an Application finds its folder in a git repository of the lab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.checks.grid import Example, promised

__all__ = ["ARGO", "BEFORE", "OWN", "Place", "Placed", "called", "placed"]

Object = dict[str, Any]
ARGO = "argocd"
OWN = "checks.pointsman.dev/example"
"""A label of every namespace that is made here."""
BEFORE = "checks.pointsman.dev/before"
"""A label of namespaces that KServe's webhooks do not look at: objects are there as before there were any."""
EDGE = "litellm"
"""Where an edge's configuration stands that says no namespace."""
_REPOSITORY = "https://git.example.invalid/platform.git"
_OF_MISSING = "PM407"
"""What is missing there is the namespace itself."""
_NAMED = ("Application", "ApplicationSet", "AppProject")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an example is put."""

    number: int
    """Of 0 to 999; no two examples in one cluster have the same."""
    repository: str = ""
    """What Applications name instead of the grid's; empty: what is written."""
    branch: str = "main"
    before: bool = False
    """Is it put past KServe's webhooks?"""

    def model(self) -> str:
        """What stands for ``qwen``."""
        return f"q{self.number:03d}"

    def space(self, name: str) -> str:
        """What stands for a namespace."""
        return name if name == ARGO else f"{name[:-4]}x{self.number:03d}"

    def name(self, name: str) -> str:
        """What stands for a name in ``argocd``."""
        return f"{name}-x{self.number:03d}"


@dataclass(slots=True)
class Placed:
    """An example, ready to be applied."""

    example: Example
    place: Place
    objects: list[Object] = field(default_factory=list)
    """Namespaces first."""
    files: dict[str, str] = field(default_factory=dict)
    """For the git repository, where an Application reads them."""
    expected: set[tuple[str, str]] = field(default_factory=set)
    """``(id, object)`` of everything that the comments promise."""

    @property
    def spaces(self) -> list[str]:
        """Namespaces of its own."""
        return [one["metadata"]["name"] for one in self.objects if one["kind"] == "Namespace"]

    @property
    def names(self) -> set[str]:
        """All of its objects as a finding names them."""
        return {called(one) for one in self.objects}


def placed(example: Example, place: Place) -> Placed:
    """The example in its place."""
    made = Placed(example, place)
    texts = {
        one.relative_to(example.path).as_posix(): _renamed(one.read_text("utf-8"), place) for one in example.files()
    }
    documents = [_Document(name, *one) for name, text in texts.items() for one in _documents(text)]
    spaces = _spaces(documents)
    for one in documents:
        moved = _moved(one.data, spaces, place)
        made.expected |= {(found, called(moved)) for found in promised(one.text)}
        made.objects.append(moved)
    made.objects = [*_missing(made), *sorted(made.objects, key=lambda one: one["kind"] != "Namespace")]
    if any(one["kind"] in _NAMED for one in made.objects):
        written = {name: [one.data for one in documents if one.file == name] for name in texts}
        made.files = {f"{place.model()}/{name}": _in_git(objects, spaces, place) for name, objects in written.items()}
    if example.id == _OF_MISSING:
        there = {"", ARGO, *made.spaces}
        made.objects = [one for one in made.objects if one["metadata"].get("namespace", "") in there]
    return made


@dataclass(frozen=True, slots=True)
class _Document:
    file: str
    text: str
    data: Object


def called(data: Mapping[str, Any]) -> str:
    """As findings call it."""
    metadata = data["metadata"]
    space = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{data['kind']} {space}{metadata['name']}"


def _renamed(text: str, place: Place) -> str:
    return re.sub(r"\bQwen/", f"{place.model().upper()}/", re.sub(r"\bqwen", place.model(), text))


def _documents(text: str) -> Iterator[tuple[str, Object]]:
    """Each object with its text; a configuration of LiteLLM as the ConfigMap that carries it."""
    for one in re.split(r"^---$", text, flags=re.MULTILINE):
        data = yaml.safe_load(one)
        if not data:
            continue
        if "kind" not in data:
            metadata = {"name": "litellm-config", "namespace": EDGE}
            data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": one}}
        yield one, data


def _spaces(documents: list[_Document]) -> set[str]:
    """Namespaces that get another name; what names none is where its Application puts it."""
    objects = [one.data for one in documents]
    into = next((one["spec"]["destination"]["namespace"] for one in objects if one["kind"] == "Application"), "default")
    kept = {str(value) for one in objects for element in _elements(one) for value in element.values()}
    for one in documents:
        if one.data["kind"] != "Namespace":
            copied = kept & set(one.file.split("/"))
            one.data["metadata"].setdefault("namespace", next(iter(copied), into))
    named = {str(one["metadata"]["name" if one["kind"] == "Namespace" else "namespace"]) for one in objects}
    return (named | {into}) - {ARGO, "default"} - kept


def _elements(one: Object) -> list[dict[str, Any]]:
    """What an ApplicationSet puts into its template."""
    generators = one["spec"].get("generators", []) if one["kind"] == "ApplicationSet" else []
    return [element for each in generators for element in each.get("list", {}).get("elements", [])]


def _missing(made: Placed) -> Iterator[Object]:
    """Namespaces that the example does not write, and has objects in; each has our label."""
    own = {one["metadata"]["name"]: one for one in made.objects if one["kind"] == "Namespace"}
    labels = {OWN: made.place.model()} | ({BEFORE: "yes"} if made.place.before else {})
    for one in own.values():
        one["metadata"].setdefault("labels", {}).update(labels)
    used = {str(one["metadata"]["namespace"]) for one in made.objects if one["kind"] != "Namespace"} - {ARGO}
    for name in sorted(used - own.keys()) if made.example.id != _OF_MISSING else ():
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _moved(data: Any, spaces: set[str], place: Place) -> Any:
    """The same with namespaces, addresses and names as they are in the place."""
    moved = _walked(data, spaces, place)
    if moved.get("kind") == "Namespace":
        moved["metadata"]["name"] = place.space(moved["metadata"]["name"])
    if moved.get("kind") in _NAMED:
        moved["metadata"]["name"] = place.name(moved["metadata"]["name"])
    return moved


def _walked(data: Any, spaces: set[str], place: Place) -> Any:
    if isinstance(data, list):
        return [_walked(one, spaces, place) for one in data]
    if isinstance(data, str):
        return _said(data, spaces, place)
    if not isinstance(data, dict):
        return data
    made = {key: _walked(value, spaces, place) for key, value in data.items()}
    if made.get("namespace") in spaces:
        made["namespace"] = place.space(made["namespace"])
    if made.get("project") not in (None, "default"):
        made["project"] = place.name(made["project"])
    if place.repository and made.get("repoURL") == place.repository:
        made |= {"path": f"{place.model()}/{made['path']}"} if "path" in made else {}
        made |= {key: place.branch for key in ("targetRevision", "revision") if key in made}
        made |= (
            {"files": [{"path": f"{place.model()}/{one['path']}"} for one in made["files"]]} if "files" in made else {}
        )
    return made


def _said(text: str, spaces: set[str], place: Place) -> str:
    for name in spaces:
        text = re.sub(rf"(?<=[a-z0-9]\.){re.escape(name)}(?=\.svc\b|[:/]|$)", place.space(name), text)
    if place.repository:
        text = text.replace(_REPOSITORY, place.repository)
        text = text.replace("https://git.example.invalid/*", place.repository.rpartition("/")[0] + "/*")
    return text


def _in_git(objects: list[Object], spaces: set[str], place: Place) -> str:
    """A file of the repository, as what is applied says it."""
    return yaml.safe_dump_all([_moved(one, spaces, place) for one in objects])
