"""One YAML document with the line of everything in it.

A document is read once into plain data plus a map from path to line, so that a judgement about data can name the line
a person has to edit, and an edit can replace one value and leave every other byte, comments included, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pointsman.intake.yaml import Place, read_yaml
from pointsman.spec.problems import Problem

__all__ = ["LARGEST", "Document", "Place", "read_document"]

LARGEST = 256 << 10
"""Bytes of a spec; a usual one has two thousand."""

_MODEL = "start from examples/platform/models/qwen.yaml"
_CODES = {"yaml": "spec-yaml", "duplicate": "spec-duplicate-key", "deep": "spec-too-deep"}


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data, and where each part of it stands."""

    data: Any
    lines: dict[Place, int] = field(repr=False)
    """1-based line of each key (or list item)."""
    spans: dict[Place, tuple[int, int]] = field(repr=False)
    """Start and end offset of each scalar value in the text."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the document before anybody asks what it means."""

    def line(self, place: Place) -> int:
        """Line of ``place``, or of the nearest enclosing thing that exists."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(text: str, *, start: str = _MODEL) -> Document:
    """Read ``text``; whatever is wrong with it as YAML is in ``problems``, each with its line.

    ``start``: how to begin a file of that kind, said where there is nothing in this one.
    """
    reading = read_yaml(text)
    found = [Problem(fault.line, fault.what, fault.next_action, _CODES[fault.kind]) for fault in reading.faults]
    if reading.empty:
        found = [Problem(1, "the file is empty", start, "spec-yaml")]
    return Document(reading.data, reading.lines, reading.spans, tuple(found))
