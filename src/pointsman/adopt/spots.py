"""Places in a text where an edit may be made, the likeliest first; none is trusted before it is proved.

A text is replaced where it stands as a word of its own. An item is put before the first one of its list, a list that
is not there behind another key of its container, in the style that stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pointsman.adopt.documents import Document
from pointsman.catalog.spot import LOADER, Edit

__all__ = ["additions", "end_of", "line_end", "newline_of", "node_at", "replacements", "said_as"]

_EDGE = r"[-\w./:@=+]"
_MOST = 24
"""Places that are tried in one file."""
Place = tuple[str | int, ...]


def replacements(text: str, before: str, after: str, near: int) -> list[Edit]:
    """Wherever a text stands as a word of its own; those nearest to line ``near`` first."""
    pattern = re.compile(rf"(?<!{_EDGE}){re.escape(before)}(?!{_EDGE})")
    found = [Edit(one.start(), one.end(), after) for one in pattern.finditer(text)]
    value = before.partition("=")[2]
    if not found and value and before.startswith("-"):  # quoted in pieces, or given by a script
        return []
    return sorted(found, key=lambda edit: abs(text.count("\n", 0, edit.start) + 1 - near))[:_MOST]


def additions(document: Document, container: Place, key: str, item: Any) -> Iterator[Edit]:
    """Ways to put ``item`` into the list ``key`` of a container; offsets count from the document's start."""
    text = document.text
    root = yaml.compose(text, Loader=LOADER)
    node = node_at(root, container)
    if not isinstance(node, MappingNode) or not node.value:
        return
    pair = next(((name, value) for name, value in node.value if name.value == key), None)
    if pair is None:
        yield from _new_list(text, node, key, item)
    elif isinstance(pair[1], SequenceNode):
        yield from _into(text, pair[1], item)


def node_at(node: Node | None, place: Place) -> Node | None:
    """The node at a place; None when there is none."""
    for part in place:
        if isinstance(node, MappingNode):
            node = next((value for name, value in node.value if name.value == part), None)
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    return node


def _into(text: str, listed: SequenceNode, item: Any) -> Iterator[Edit]:
    if listed.flow_style:
        start = text.find("[", listed.start_mark.index) + 1
        said = said_as(item, quoted='"' in text[listed.start_mark.index : listed.end_mark.index])
        if listed.value:
            end = end_of(listed.value[-1])
            yield Edit(end, end, f", {said}")
        yield Edit(start, start, f"{said}, " if listed.value else said)
        return
    for one in (listed.value[-1], listed.value[0]):
        last = one is listed.value[-1]
        pad = text[text.rfind("\n", 0, listed.start_mark.index) + 1 : listed.start_mark.index]
        if pad.strip():
            continue
        if last:
            end = line_end(text, end_of(one))
            glue = "" if text[:end].endswith("\n") else newline_of(text)
            yield Edit(end, end, f"{glue}{pad}- {said_as(item)}{newline_of(text)}")
        else:
            start = text.rfind("\n", 0, listed.start_mark.index) + 1
            yield Edit(start, start, f"{pad}- {said_as(item)}{newline_of(text)}")


def _new_list(text: str, container: MappingNode, key: str, item: Any) -> Iterator[Edit]:
    if container.flow_style:
        start = text.find("{", container.start_mark.index) + 1
        quoted = container.value[0][0].style == '"'
        name = f'"{key}"' if quoted else key
        yield Edit(start, start, f"{name}: [{said_as(item, quoted=quoted)}], ")
        return
    for name, value in reversed(container.value):
        if name.start_mark.line == container.value[0][0].start_mark.line:
            continue
        column = name.start_mark.column
        start = text.rfind("\n", 0, name.start_mark.index) + 1
        pad = " " * column
        if name.value in ("args", "command", "image") and isinstance(value, SequenceNode | ScalarNode):
            end = line_end(text, end_of(value))
            if text[:end].endswith("\n"):
                line = newline_of(text)
                yield Edit(end, end, f"{pad}{key}:{line}{pad}  - {said_as(item)}{line}")
        yield Edit(start, start, f"{pad}{key}:{newline_of(text)}{pad}  - {said_as(item)}{newline_of(text)}")
    first, end, line = container.value[0][0], line_end(text, end_of(container.value[-1][1])), newline_of(text)
    pad, glue = " " * first.start_mark.column, "" if text[:end].endswith("\n") else line
    yield Edit(end, end, f"{glue}{pad}{key}:{line}{pad}  - {said_as(item)}{'' if glue else line}")


def said_as(item: Any, *, quoted: bool = False) -> str:
    """In one line, so that any list can hold it."""
    if quoted:
        return json.dumps(item)
    if isinstance(item, str):
        return item if re.fullmatch(r"-?-?[A-Za-z][-\w.=/:]*", item) and not item.endswith(":") else json.dumps(item)
    if not isinstance(item, dict | list):
        return json.dumps(item)
    text = yaml.safe_dump(item, default_flow_style=True, sort_keys=False, width=1 << 20)
    return str(text).strip()


def end_of(node: Node) -> int:
    """Behind the last character of a node; a block collection's mark lies at the next token."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return end_of(node.value[-1][1])
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return end_of(node.value[-1])
    return int(node.end_mark.index)


def line_end(text: str, offset: int) -> int:
    """Behind the end of the line that ``offset`` stands in."""
    if offset and text[offset - 1] == "\n":
        return offset
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def newline_of(text: str) -> str:
    """The line ends that it has mostly."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
