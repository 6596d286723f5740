"""Places in a text where a key of a mapping may be written, or taken out; none is trusted before it is proved.

A key is written on a line of its own behind the mapping's other keys, in a flow mapping before the first one. One that
goes takes its lines with it, and nobody else's comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

from pointsman.adopt.documents import Document
from pointsman.adopt.spots import end_of, line_end, newline_of, node_at, said_as
from pointsman.catalog.spot import LOADER, Edit

__all__ = ["removals", "settings"]

Place = tuple[str | int, ...]


def settings(document: Document, container: Place, key: str, value: Any) -> Iterator[Edit]:
    """Ways to give the mapping at ``container`` a key; offsets count from the document's start."""
    text = document.text
    node = _mapping(text, container)
    if node is None:
        return
    if node.flow_style:
        quoted = bool(node.value) and node.value[0][0].style == '"'
        start = text.find("{", node.start_mark.index) + 1
        said = f"{_name(key, quoted=quoted)}: {said_as(value, quoted=quoted)}"
        yield Edit(start, start, f"{said}, " if node.value else said)
        return
    line = newline_of(text)
    for name, given in reversed(node.value):
        pad = " " * name.start_mark.column
        said = f"{pad}{_name(key)}: {said_as(value)}{line}"
        end = line_end(text, end_of(given))
        if text[:end].endswith("\n"):
            yield Edit(end, end, said)
        elif end == len(text):
            yield Edit(end, end, f"{line}{said.removesuffix(line)}")
        if name.start_mark.line != node.value[0][0].start_mark.line:
            start = text.rfind("\n", 0, name.start_mark.index) + 1
            yield Edit(start, start, said)


def removals(document: Document, container: Place, key: str) -> Iterator[Edit]:
    """Ways to take a key out of the mapping at ``container``; offsets count from the document's start."""
    text = document.text
    node = _mapping(text, container)
    at = next((at for at, (name, _) in enumerate(node.value) if name.value == key), None) if node else None
    if node is None or at is None:
        return
    name, given = node.value[at]
    if node.flow_style:
        yield from _out_of_flow(text, node, at)
        return
    start = text.rfind("\n", 0, name.start_mark.index) + 1
    end = max(line_end(text, end_of(given)), line_end(text, name.end_mark.index))
    if not text[start : name.start_mark.index].strip():
        yield Edit(start, end, "")


def _out_of_flow(text: str, node: MappingNode, at: int) -> Iterator[Edit]:
    """With the comma behind it, or before it where it is the last."""
    name, given = node.value[at]
    if at + 1 < len(node.value):
        yield Edit(name.start_mark.index, node.value[at + 1][0].start_mark.index, "")
    elif at:
        yield Edit(node.value[at - 1][1].end_mark.index, given.end_mark.index, "")
    else:
        yield Edit(name.start_mark.index, given.end_mark.index, "")


def _mapping(text: str, container: Place) -> MappingNode | None:
    found: Node | None = node_at(yaml.compose(text, Loader=LOADER), container)
    return found if isinstance(found, MappingNode) and (found.flow_style or found.value) else None


def _name(key: str, *, quoted: bool = False) -> str:
    return f'"{key}"' if quoted else key
