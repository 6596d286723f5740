"""Where in the text a value of one entry has to change: pure places, no meaning.

A span is what to put in the place of ``text[start:end]``. What cannot be said as spans raises UnfitError with the
reason; the caller then says what to write by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pointsman.edge.config_render import flow, scalar
from pointsman.edge.config_strict import parts
from pointsman.edge.config_text import child
from pointsman.edge.config_yaml import Node

__all__ = ["Field", "Span", "UnfitError", "Value", "apply", "end_of", "fields", "line_end", "newline"]

Value = str | int | float
Field = tuple[str, str]
"""Section and key: ``("litellm_params", "weight")``."""

_AFTER = ("api_base", "base_url", "model", "model_name")
"""Keys that a new one is put behind."""
_REFERENCE = re.compile(r"\s*:\s+(\*[^\s,\]}]+)")


class UnfitError(Exception):
    """The text is written in a way that cannot be changed by spans; says which."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A replacement."""

    start: int
    end: int
    text: str


def apply(text: str, spans: Iterable[Span]) -> str:
    """All replacements at once; UnfitError when two of them meet."""
    made: list[str] = []
    position = 0
    for span in sorted(spans):
        if span.start < position:
            raise UnfitError("two changes meet in one place")
        made += [text[position : span.start], span.text]
        position = span.end
    return "".join([*made, text[position:]])


def line_end(text: str, offset: int) -> int:
    """Offset after the end of the line that ``offset`` stands in, or stands behind."""
    if offset and text[offset - 1] == "\n":
        return offset
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def end_of(node: Node) -> int:
    """Offset behind the last character of a node; a block collection's own mark lies at the next token."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        inside = (end_of(part) for part in parts(node) if part.start_mark.index >= node.start_mark.index)
        return max(inside, default=int(node.end_mark.index))
    return int(node.end_mark.index)


def fields(text: str, item: Node, data: Mapping[str, Any], values: Mapping[Field, Value]) -> list[Span]:
    """What sets ``values`` in one entry; sections and keys that are missing are added."""
    if not isinstance(item, yaml.MappingNode):
        raise UnfitError("the entry is not a mapping")
    sections: dict[str, dict[str, Value]] = {}
    for (section, key), value in values.items():
        sections.setdefault(section, {})[key] = value
    found: list[Span] = []
    for section, wanted in sections.items():
        found += _section(text, item, section, data.get(section), wanted)
    return found


def _section(
    text: str, item: yaml.MappingNode, section: str, have: object, wanted: Mapping[str, Value]
) -> Iterable[Span]:
    node = child(item, section)
    if node is None:
        return [_added(text, item, section, flow(wanted, quoted=_quotes(item)))]
    if node.start_mark.index < item.start_mark.index:
        whole = {**(have if isinstance(have, dict) else {}), **wanted}
        return [_referred(text, item, section, flow(whole, quoted=_quotes(item)))]
    if isinstance(node, yaml.ScalarNode) and have is None:
        return [_replaced(text, node, flow(wanted, quoted=_quotes(item)))]
    if not isinstance(node, yaml.MappingNode):
        raise UnfitError(f"{section} is not a mapping")
    if not node.value:
        return [_replaced(text, node, flow(wanted, quoted=_quotes(item)))]
    return _keys(text, node, wanted)


def _keys(text: str, block: yaml.MappingNode, wanted: Mapping[str, Value]) -> list[Span]:
    quoted = _quotes(block)
    spans, new = [], []
    for key, value in wanted.items():
        found = child(block, key)
        if found is None:
            new.append(_added(text, block, key, scalar(value, quoted=quoted)))
        elif found.start_mark.index < block.start_mark.index:
            spans.append(_referred(text, block, key, scalar(value, quoted=quoted)))
        elif isinstance(found, yaml.ScalarNode):
            spans.append(_replaced(text, found, _as_written(found, value, quoted=quoted)))
        else:
            raise UnfitError(f"{key} is not a single value")
    if new:
        first = new[0]
        spans.append(Span(first.start, first.end, "".join(span.text for span in new)))
    return spans


def _as_written(node: yaml.ScalarNode, value: Value, *, quoted: bool) -> str:
    """A text in the quotes of the one before it."""
    if isinstance(value, str) and node.style == "'" and value.isascii() and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return scalar(value, quoted=quoted or node.style == '"')


def _replaced(text: str, node: Node, value: str) -> Span:
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        inside = text[start:end]
        return Span(start, end, value + inside[len(inside.rstrip()) :])
    return Span(start, end, f" {value}" if start == end else value)


def _referred(text: str, block: yaml.MappingNode, key: str, value: str) -> Span:
    """In the place of ``*name``: the value written out."""
    name = next(name for name, _ in reversed(block.value) if name.value == key)
    found = _REFERENCE.match(text, name.end_mark.index)
    if found is None:
        raise UnfitError(f"{key} is a reference to an anchor")
    return Span(found.start(1), found.end(1), value)


def _added(text: str, block: yaml.MappingNode, key: str, value: str) -> Span:
    """A new key: behind one that it belongs to, else before the first."""
    said = f"{scalar(key, quoted=_quotes(block))}: {value}"
    pad = " " * _column(text, block.value[0][0])
    anchor = _anchor(block)
    if block.flow_style:
        if anchor is not None:
            return Span(anchor.end_mark.index, anchor.end_mark.index, f", {said}")
        start = int(block.value[0][0].start_mark.index)
        return Span(start, start, f"{said}, ")
    if anchor is not None:
        end = line_end(text, anchor.end_mark.index)
        glue = "" if text[:end].endswith("\n") else newline(text)
        return Span(end, end, f"{glue}{pad}{said}{newline(text)}")
    start = int(block.value[0][0].start_mark.index)
    return Span(start, start, f"{said}{newline(text)}{pad}")


def _anchor(block: yaml.MappingNode) -> Node | None:
    for key in _AFTER:
        found = child(block, key)
        simple = isinstance(found, yaml.ScalarNode) and found.style not in ("|", ">")
        if found is not None and simple and block.start_mark.index < found.start_mark.index < found.end_mark.index:
            return found
    return None


def _column(text: str, node: Node) -> int:
    start = int(node.start_mark.index)
    return start - (text.rfind("\n", 0, start) + 1)


def _quotes(block: yaml.MappingNode) -> bool:
    """Are its keys in double quotes, as in JSON?"""
    return bool(block.value) and getattr(block.value[0][0], "style", None) == '"'


def newline(text: str) -> str:
    """The line end that the text uses."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
