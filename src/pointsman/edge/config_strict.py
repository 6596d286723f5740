"""What libyaml takes and LiteLLM's own reader, PyYAML in Python, does not: a configuration it would not start with."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

import yaml
from yaml import Node

__all__ = ["collections", "parts", "scalars", "stricter"]

_COMMENT = re.compile(r"(?<!\S)#")


def stricter(root: Node, text: str) -> tuple[int, str] | None:
    """Line and reason of the first thing that LiteLLM's reader ends at."""
    tab = _tab(root, text) if "\t" in text else None
    if tab is not None:
        return _line(text, tab), "a tab stands where spaces have to"
    at = text.find("\ufeff")
    if at >= 0:
        return _line(text, at), "a byte order mark stands inside the text"
    question = _question(root, text) if "?" in text else None
    if question is not None:
        return _line(text, question), "a question mark between brackets has to stand in quotes"
    return None


def parts(node: Node) -> Iterator[Node]:
    """What a node holds."""
    if isinstance(node, yaml.CollectionNode):
        for part in node.value:
            yield from part if isinstance(part, tuple) else (part,)


def collections(node: Node) -> list[Node]:
    """The mappings and lists that a mapping or a list holds."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair if isinstance(part, yaml.CollectionNode)]
    return [part for part in node.value if isinstance(part, yaml.CollectionNode)]


def scalars(root: Node) -> Iterator[yaml.ScalarNode]:
    """Every scalar, in the order of the text."""
    return (node for node in _nodes(root) if isinstance(node, yaml.ScalarNode))


def _nodes(root: Node) -> Iterator[Node]:
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            pending.extend(reversed(list(parts(node))))


def _tab(root: Node, text: str) -> int | None:
    """Tabs are taken in quotes, in block scalars and in comments."""
    taken = sorted((node.start_mark.index, node.end_mark.index) for node in scalars(root) if node.style)

    def free(at: int) -> bool:
        before = bisect_left(taken, (at,)) - 1
        return before < 0 or at >= taken[before][1]

    end, comment = -1, 0
    for found in re.finditer("\t+", text):
        at = found.start()
        if at > end:
            line, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
            end = len(text) if end < 0 else end
            comment = next((mark.start() for mark in _COMMENT.finditer(text, line, end) if free(mark.start())), end)
        if at < comment and free(at):
            return at
    return None


def _question(root: Node, text: str) -> int | None:
    """Plain scalars between brackets end at a question mark."""
    for node in _nodes(root):
        if isinstance(node, yaml.CollectionNode) and node.flow_style:
            for part in parts(node):
                start, end = part.start_mark.index, part.end_mark.index
                plain = isinstance(part, yaml.ScalarNode) and not part.style and start > node.start_mark.index
                if plain and "?" in text[start:end]:
                    return int(start)
    return None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
