"""Has a manifest the shape that Kubernetes wants of it? Else it is told, with its line, and not read as an engine.

Only what engines are read from is looked at: the pod's lists, and of each container its words, variables, ports, mounts
and resources. ``null`` is taken for "not there", as the API server does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.words import Place
from pointsman.kube.quantity import quantity

__all__ = ["misshapen"]

_PODS: Mapping[str, tuple[Place, ...]] = {
    "Deployment": (("spec", "template", "spec"),),
    "StatefulSet": (("spec", "template", "spec"),),
    "InferenceService": (("spec", "predictor"),),
    "LLMInferenceService": (
        ("spec", "template"),
        ("spec", "worker"),
        ("spec", "prefill", "template"),
        ("spec", "prefill", "worker"),
    ),
    "ServingRuntime": (("spec",),),
    "ClusterServingRuntime": (("spec",),),
}
_MAPS = "a mapping"
_OF_MAPS = "a list of mappings"
_OF_WORDS = "a list of words"


def misshapen(kind: str, data: Mapping[str, Any]) -> tuple[Place, str] | None:
    """The first place of the wrong shape, and what is wanted there."""
    for place in _PODS.get(kind, ()):
        wrong = next(_to(data, place), None) or next(_pod(_get(data, place), place), None)
        if wrong is not None:
            return wrong
    return None


def _to(data: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Mappings all the way to a pod, its labels beside it."""
    for length in range(1, len(place) + 1):
        found = _get(data, place[:length])
        if found is not None and not isinstance(found, Mapping):
            yield place[:length], _MAPS
    beside = (*place[:-1], "metadata")
    yield from _mapping(_get(data, beside), beside)
    labels = (*beside, "labels")
    yield from _mapping(_get(data, labels), labels)


def _pod(pod: Any, at: Place) -> Iterator[tuple[Place, str]]:
    if not isinstance(pod, Mapping):
        return
    yield from _mapping(pod.get("model"), (*at, "model"))
    yield from _maps(pod, "volumes", at)
    yield from _named(pod, "volumes", at)
    for key in ("containers", "initContainers"):
        yield from _maps(pod, key, at)
        for number, one in enumerate(pod.get(key) or []):
            yield from _container(one, (*at, key, number))
    if isinstance(pod.get("model"), Mapping):
        yield from _container(pod["model"], (*at, "model"))


def _container(one: Mapping[str, Any], at: Place) -> Iterator[tuple[Place, str]]:
    for key in ("env", "envFrom", "ports", "volumeMounts"):
        yield from _maps(one, key, at)
    yield from _named(one, "env", at)
    yield from _named(one, "volumeMounts", at)
    for number, each in enumerate(one.get("env") or []):
        yield from _mapping(each.get("valueFrom"), (*at, "env", number, "valueFrom"))
        yield from _references(each.get("valueFrom") or {}, (*at, "env", number, "valueFrom"))
    for number, each in enumerate(one.get("ports") or []):
        if not _is_number(each.get("containerPort", 1)):
            yield (*at, "ports", number, "containerPort"), "a number"
    for key in ("command", "args"):
        words = one.get(key)
        if words is not None and not (
            isinstance(words, list) and all(isinstance(word, str | int | float) for word in words)
        ):
            yield (*at, key), _OF_WORDS
    yield from _resources(one.get("resources"), (*at, "resources"))


def _named(data: Mapping[str, Any], key: str, at: Place) -> Iterator[tuple[Place, str]]:
    for number, each in enumerate(data.get(key) or []):
        if not isinstance(each.get("name"), str):
            yield (*at, key, number, "name"), "a word"


def _references(source: Mapping[str, Any], at: Place) -> Iterator[tuple[Place, str]]:
    for key in source:
        yield from _mapping(source[key], (*at, key))


def _resources(found: Any, at: Place) -> Iterator[tuple[Place, str]]:
    yield from _mapping(found, at)
    for key in ("limits", "requests"):
        amounts = (found or {}).get(key)
        yield from _mapping(amounts, (*at, key))
        for name, amount in (amounts or {}).items():
            if not _is_amount(amount):
                yield (*at, key, name), "a quantity"


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        quantity(value)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _mapping(found: Any, at: Place) -> Iterator[tuple[Place, str]]:
    if found is not None and not isinstance(found, Mapping):
        yield at, _MAPS


def _maps(data: Mapping[str, Any], key: str, at: Place) -> Iterator[tuple[Place, str]]:
    found = data.get(key)
    if found is not None and not (isinstance(found, list) and all(isinstance(one, Mapping) for one in found)):
        yield (*at, key), _OF_MAPS


def _get(data: Any, place: Place) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data
