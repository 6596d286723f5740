"""Selectors of an ApplicationSet's generators, wherever they stand: beside a generator, in one, or inside others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.words import Place
from pointsman.checks.view import entries, get, mapped

__all__ = ["not_text"]

_OWN = (("selector",), ("clusters", "selector"), ("clusterDecisionResource", "labelSelector"))
_HOLDING = ("matrix", "merge")
_DEEPEST = 4


def not_text(spec: Any) -> Iterator[tuple[Place, str, Any]]:
    """Place, label and value of each one that is no text."""
    yield from _generators(get(spec, "generators"), ("generators",), 0)


def _generators(listed: Any, place: Place, depth: int) -> Iterator[tuple[Place, str, Any]]:
    for number, one in enumerate(listed if isinstance(listed, list) and depth < _DEEPEST else ()):
        for part in _OWN:
            yield from _selector(mapped(one, *part), (*place, number, *part))
        for holding in _HOLDING:
            inside = get(one, holding, "generators")
            yield from _generators(inside, (*place, number, holding, "generators"), depth + 1)


def _selector(selector: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, str, Any]]:
    for key, value in mapped(selector, "matchLabels").items():
        if not isinstance(value, str):
            yield (*place, "matchLabels", key), str(key), value
    for number, one in enumerate(entries(selector, "matchExpressions")):
        for at, value in enumerate(entries(one, "values")):
            if not isinstance(value, str):
                yield (*place, "matchExpressions", number, "values", at), str(get(one, "key")), value
