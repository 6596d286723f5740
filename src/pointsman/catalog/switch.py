"""Turning a feature on or off in the configuration, which belongs to people: one line differs, or nothing.

A change counts only when it is proved. The new text is read again: as a stream of YAML's events it has to be the old
one but for the asked key, so every reader of it, whichever version of YAML it keeps to, finds everything else as it
was; and as data it has to say what was asked for and otherwise the same, which an anchor that others use would break.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import AliasEvent, Event, NodeEvent, ScalarEvent

from pointsman.catalog.gate import FEATURES
from pointsman.catalog.source import BOUNDS, Source
from pointsman.catalog.spot import LOADER, candidates
from pointsman.errors import RefusedError
from pointsman.intake.yaml import read_yaml

__all__ = ["Switched", "switched"]

_READERS = (LOADER, yaml.BaseLoader)
"""libyaml, and PyYAML's own parser, which takes some odd texts otherwise."""
_SLOW = 64 << 10
"""Characters that the latter reads in a second; a configuration has a hundredth of that."""
_SHAPES = {0: 1, 2: 0, 3: 1, 5: 0}
"""Events that a change may add, and how many it may replace: another value; a key with one; ``features`` with that in
the place of nothing; ``features`` as a whole."""


@dataclass(frozen=True, slots=True)
class Switched:
    """A configuration with one feature set."""

    text: str
    line: int
    """The line that differs."""


def switched(source: Source, name: str, on: bool) -> Switched:
    """The text with ``features.NAME`` set; raises RefusedError with the line when it cannot be set alone."""
    word = "true" if on else "false"
    readers = _READERS if len(source.text) <= _SLOW else _READERS[:1]
    before = {reader: _events(source.text, reader) for reader in readers}
    for edit in candidates(source.text, name, word):
        after = edit.applied(source.text)
        if _says(source.data, after, name, word) and all(_adds_only(*known, after) for known in before.items()):
            return Switched(after, after.count("\n", 0, edit.start) + 1 + edit.text.startswith(("\n", "\r")))
    raise RefusedError(
        f"features.{name} cannot be set here without changing more: {_why(source, name)}",
        where=source.at((FEATURES, name)),
        next_action=f"write {name}: {word} below features by hand",
        code="feature-shape",
    )


def _says(before: Any, text: str, name: str, word: str) -> bool:
    """Does the text set the feature, and is everything else what it was?"""
    reading = read_yaml(text, BOUNDS)
    features = reading.data.get(FEATURES) if isinstance(reading.data, dict) else None
    if not isinstance(features, dict) or (features.get(name) is not (word == "true") and features.get(name) != word):
        return False
    return _rest(reading.data, name) == _rest(before, name)


def _rest(data: Any, name: str) -> str:
    """All but the feature, to the last type."""
    have = data.get(FEATURES)
    features = {key: value for key, value in have.items() if key != name} if isinstance(have, dict) else {}
    return repr(sorted({**data, FEATURES: features}.items(), key=lambda item: str(item[0])))


def _adds_only(reader: Any, before: Sequence[tuple[Any, ...]], text: str) -> bool:
    """Are the text's events the old ones, but for one place?"""
    after = _events(text, reader)
    if not before or not after:
        return before == after
    replaced = _SHAPES.get(len(after) - len(before))
    if replaced is None:
        return False
    start = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    rest = list(before[start + replaced :])
    return after[len(after) - len(rest) :] == rest


def _events(text: str, reader: Any) -> list[tuple[Any, ...]]:
    """What the parser gives to every reader of YAML; nothing when it takes the text for none."""
    try:
        return [_of(event) for event in yaml.parse(text, Loader=reader)]
    except (yaml.YAMLError, ValueError):
        return []


def _of(event: Event) -> tuple[Any, ...]:
    kind = type(event).__name__
    if isinstance(event, ScalarEvent):
        return kind, event.anchor, event.tag, event.implicit, event.value, event.style
    if isinstance(event, AliasEvent):
        return kind, event.anchor
    return (kind, event.anchor, getattr(event, "tag", None)) if isinstance(event, NodeEvent) else (kind,)


def _why(source: Source, name: str) -> str:
    features = source.data.get(FEATURES)
    if not isinstance(features, dict | None):
        return "features is not a mapping"
    if isinstance((features or {}).get(name), dict | list):
        return "it has a value of several parts"
    if "&" in source.text:
        return "it shares its value with others by an anchor"
    return "it is written in a way that takes no other value"
