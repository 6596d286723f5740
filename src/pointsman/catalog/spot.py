"""Where in the configuration's text a feature may be set: candidates of one change each, the likeliest first.

A candidate is what to put in the place of a piece of the text. None is trusted: ``pointsman.catalog.switch`` takes the
first that is proved to change what was meant and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from pointsman.catalog.gate import FEATURES

__all__ = ["LOADER", "Edit", "candidates"]

_PROPERTIES = re.compile(r"(?:(?:&|!)[^\s,\[\]{}]*\s+)*")
_REFERENCE = re.compile(r"\s*:\s+(\*[^\s,\]}]+)")
_COLON = re.compile(r"\s*:")
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in the text."""

    start: int
    end: int
    text: str

    def applied(self, text: str) -> str:
        """The whole text after it."""
        return text[: self.start] + self.text + text[self.end :]


def candidates(text: str, name: str, word: str) -> Iterator[Edit]:
    """Ways to set ``features.NAME`` to ``word``; none where the file holds more than one document."""
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return
    if not isinstance(root, MappingNode):
        return
    key, features = _pair(root, FEATURES)
    if key is None or features is None:
        yield from _whole_block(text, root, name, word)
    elif isinstance(features, ScalarNode):
        yield from _into_nothing(text, key, features, name, word)
    elif isinstance(features, MappingNode):
        yield from _into(text, features, name, word)


def _pair(mapping: MappingNode, name: str) -> tuple[Node | None, Node | None]:
    return next(((key, value) for key, value in mapping.value if key.value == name), (None, None))


def _into(text: str, features: MappingNode, name: str, word: str) -> Iterator[Edit]:
    key, value = _pair(features, name)
    if key is None or value is None:
        yield from _added(text, features, name, word)
    elif isinstance(value, ScalarNode):
        yield from _replaced(text, key, value, word)


def _replaced(text: str, key: Node, value: ScalarNode, word: str) -> Iterator[Edit]:
    """Another word where one stands, in the quotes it had."""
    if value.start_mark.index < key.end_mark.index:  # it stands where its anchor is, somewhere above
        found = _REFERENCE.match(text, key.end_mark.index)
        if found:
            yield Edit(found.start(1), found.end(1), word)
        return
    start, end = _bare(text, value)
    if start < end:
        quote = text[start] if value.style in ("'", '"') else ""
        if value.style not in ("|", ">"):
            yield Edit(start, end, f"{quote}{word}{quote}")
        return
    colon = _COLON.match(text, key.end_mark.index)
    at = colon.end() if colon else key.end_mark.index
    yield Edit(at, at, f" {word}" if colon else f": {word}")


def _bare(text: str, node: Node) -> tuple[int, int]:
    """Start and end without an anchor or a tag before it."""
    found = _PROPERTIES.match(text, node.start_mark.index, node.end_mark.index)
    return (found.end() if found else node.start_mark.index), node.end_mark.index


def _added(text: str, features: MappingNode, name: str, word: str) -> Iterator[Edit]:
    """A line more behind the last one, or an item more between the brackets."""
    said = f"{_as_key(name, features)}: {word}"
    if features.flow_style:
        start = text.find("{", features.start_mark.index)
        yield Edit(start + 1, start + 1, f"{said}, " if features.value else said)
        return
    first, (last_key, last) = features.value[0][0], features.value[-1]
    pad = " " * first.start_mark.column
    if isinstance(last, ScalarNode) and last.style not in ("|", ">"):
        after = max(last_key.end_mark.index, last.end_mark.index)
        yield _line_after(text, after, f"{pad}{said}")
    yield Edit(first.start_mark.index, first.start_mark.index, f"{said}{_newline(text)}{pad}")


def _into_nothing(text: str, key: Node, features: ScalarNode, name: str, word: str) -> Iterator[Edit]:
    """``features:`` without anything, or with ``null``."""
    start, end = _bare(text, features)
    if start < end:
        if features.value in ("null", "Null", "NULL", "~") and not features.style:
            yield Edit(start, end, f"{{{name}: {word}}}")
        return
    pad = " " * (key.start_mark.column + 2)
    yield _line_after(text, key.end_mark.index, f"{pad}{name}: {word}")
    colon = _COLON.match(text, key.end_mark.index)
    if colon:
        yield Edit(colon.end(), colon.end(), f" {{{name}: {word}}}")


def _whole_block(text: str, root: MappingNode, name: str, word: str) -> Iterator[Edit]:
    """No ``features`` at all: behind everything, else before it."""
    if root.flow_style:
        start = text.find("{", root.start_mark.index)
        said = f"{_as_key(FEATURES, root)}: {{{_as_key(name, root)}: {word}}}"
        yield Edit(start + 1, start + 1, f"{said}, " if root.value else said)
        return
    first, line = root.value[0][0], _newline(text)
    pad = " " * first.start_mark.column
    said = f"{pad}{FEATURES}:{line}{pad}  {name}: {word}"
    yield _line_after(text, len(text), said)
    yield Edit(first.start_mark.index, first.start_mark.index, f"{said[len(pad) :]}{line}{pad}")


def _line_after(text: str, offset: int, said: str) -> Edit:
    """A line of its own behind the one that ``offset`` stands in; a text without a last line end stays without."""
    found = text.find("\n", offset)
    if found >= 0:
        return Edit(found + 1, found + 1, f"{said}{_newline(text)}")
    end = len(text)
    ended = text.endswith("\n")
    return Edit(end, end, f"{said}{_newline(text)}" if ended else f"{_newline(text)}{said}")


def _as_key(name: str, mapping: MappingNode) -> str:
    """As its neighbours are written: JSON stays JSON."""
    quoted = bool(mapping.value) and mapping.value[0][0].style == '"'
    return f'"{name}"' if quoted else name


def _newline(text: str) -> str:
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
