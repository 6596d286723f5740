"""Finding what matters among the objects of a folder: the main object, its engine, the Service in front.

Raises SpecError where the folder has none of it, or several and nobody said which.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pointsman.errors import SpecError
from pointsman.kube.resources import Kind
from pointsman.layers.command import is_engine, starts_engine
from pointsman.layers.contract import Manifest

__all__ = ["container_port", "engine_in", "main_in", "named", "of_kind", "placed", "selects"]


def placed(manifest: Manifest, namespace: str) -> Manifest:
    """The manifest in a namespace of its own or, when it says none, in this one."""
    metadata = manifest["metadata"]
    if metadata.get("namespace"):
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": namespace}}


def of_kind(objects: Iterable[Manifest], kind: Kind | str) -> list[Manifest]:
    """Those of a kind; of its group, whatever the version, when a Kind is given."""
    if isinstance(kind, str):
        return [one for one in objects if one.get("kind") == kind]
    return [
        one
        for one in objects
        if one.get("kind") == kind.name and str(one.get("apiVersion", "")).rpartition("/")[0] == kind.group
    ]


def main_in(found: Sequence[Manifest], name: str | None, what: str, place: str) -> Manifest:
    """The one that is meant: by its name, else the only one."""
    fitting = [one for one in found if name is None or one["metadata"]["name"] == name]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(str(one["metadata"]["name"]) for one in found)
    if not found:
        said, action = f"there is no {what} in it", "name the folder of the manifests that serve the model"
    elif not fitting:
        said, action = f"no {what} in it is called {name}: there is {names}", "name one of them in the layer's name"
    else:
        said, action = f"there are several in it: {names}", "say which one in the layer's name"
    raise SpecError(said, where=place, next_action=action, code="from-main")


def engine_in(pod: Mapping[str, Any], name: str | None, usual: str, place: str) -> Mapping[str, Any]:
    """The container that runs vLLM: the one that was named, else the one that starts it or bears its usual name."""
    containers: list[Mapping[str, Any]] = [one for one in pod.get("containers") or [] if isinstance(one, Mapping)]
    if name is not None:
        return _one([one for one in containers if one.get("name") == name], containers, place)
    for fitting in (
        [one for one in containers if starts_engine(one)],
        [one for one in containers if one.get("name") == usual],
        [one for one in containers if is_engine(one)],
        containers,
    ):
        if len(fitting) == 1:
            return fitting[0]
    return _one([], containers, place)


def _one(fitting: Sequence[Mapping[str, Any]], all_: Sequence[Mapping[str, Any]], place: str) -> Mapping[str, Any]:
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(str(one.get("name")) for one in all_) or "none"
    raise SpecError(
        f"which container runs vLLM cannot be told (containers: {names})",
        where=place,
        next_action="name it: from: {…, container: NAME}",
        code="from-container",
    )


def container_port(container: Mapping[str, Any], usual: int) -> int:
    """The port that a container declares first, or the one called http; ``usual`` when it declares none."""
    ports = [one for one in container.get("ports") or [] if isinstance(one, Mapping) and "containerPort" in one]
    best = next((one for one in ports if one.get("name") in ("http", "http1", "h2c", "api")), ports[0] if ports else {})
    return int(best.get("containerPort", usual))


def named(container: Mapping[str, Any], port: str) -> int | None:
    """The number of a container's port by its name."""
    found = (one for one in container.get("ports") or [] if one.get("name") == port)
    return next((int(one["containerPort"]) for one in found), None)


def selects(service: Manifest, labels: Mapping[str, str]) -> bool:
    """Does the Service lead to pods with these labels?"""
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def without(manifest: Manifest, *path: str) -> Manifest:
    """A copy without one field."""
    made = copy.deepcopy(manifest)
    inner: Any = made
    for key in path[:-1]:
        inner = inner.get(key)
        if not isinstance(inner, dict):
            return made
    inner.pop(path[-1], None)
    return made
