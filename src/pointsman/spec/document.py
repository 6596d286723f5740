"""One YAML document with the line of everything in it.

The YAML library stays inside this module. A document is read once into plain data plus a map from path to line,
so that a judgement about data can name the line a person has to edit, and an edit can replace one value and leave
every other byte, comments included, as it was.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pointsman.spec.problems import Problem

__all__ = ["Document", "Place", "read_document"]

Place = tuple[Hashable, ...]
"""Path inside a document: ``("spec", "engine", "args", 0)``."""

_LARGEST = 1 << 20
_DEEPEST = 50
_MOST_NODES = 20_000


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


def read_document(text: str) -> Document:
    """Read ``text``; whatever is wrong with it as YAML is in ``problems``, each with its line."""
    if len(text) > _LARGEST:
        return _broken(1, "the file is larger than 1 MiB, so it is not a spec", "name the file you meant")
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        return _broken(*_explain(error, text))
    except (YAMLError, ValueError) as error:
        return _broken(1, f"this is not YAML: {_first_line(error)}", "save the file as UTF-8 text")
    except RecursionError:
        return _broken(1, "the file nests deeper than a spec can", "write it without nesting beyond the fields")
    if root is None:
        return _broken(1, "the file is empty", "start from examples/platform/models/qwen.yaml")
    return _with_data(text, root)


def _with_data(text: str, root: Node) -> Document:
    walk = _Walk()
    walk.visit(root, (), 0)
    lines = {(): root.start_mark.line + 1} | walk.lines
    if walk.problems:
        return Document(None, lines, walk.spans, tuple(walk.problems))
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        return _broken(*_explain(error, text))
    except (YAMLError, ValueError, TypeError) as error:
        return _broken(1, f"a value cannot be read: {_first_line(error)}", "put quotes around the value")
    return Document(data, lines, walk.spans)


@dataclass(slots=True)
class _Walk:
    """Collects lines, spans and duplicate keys from the node tree."""

    lines: dict[Place, int] = field(default_factory=dict)
    spans: dict[Place, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def visit(self, node: Node, place: Place, depth: int) -> None:
        self.nodes += 1
        if depth > _DEEPEST or self.nodes > _MOST_NODES:
            if not self.problems or self.problems[-1].code != "spec-too-deep":
                self.problems.append(_too_deep(node))
            return
        if isinstance(node, MappingNode):
            self._mapping(node, place, depth)
        elif isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*place, index)] = item.start_mark.line + 1
                self.visit(item, (*place, index), depth + 1)
        elif isinstance(node, ScalarNode):
            self.spans[place] = (node.start_mark.index, node.end_mark.index)

    def _mapping(self, node: MappingNode, place: Place, depth: int) -> None:
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, ScalarNode) else None
            if name is None or key.tag.endswith(":merge"):
                self.problems.append(_strange_key(line))
            elif name in first:
                self.problems.append(_duplicate(name, line, first[name]))
            else:
                first[name] = line
                self.lines[(*place, name)] = line
                self.visit(value, (*place, name), depth + 1)


def _too_deep(node: Node) -> Problem:
    return Problem(
        node.start_mark.line + 1,
        "the file nests deeper, or repeats anchors more often, than a spec can",
        "write the values out",
        "spec-too-deep",
    )


def _strange_key(line: int) -> Problem:
    return Problem(
        line, "a key is not a plain word", "use the field's name as the key, without '<<' or brackets", "spec-yaml"
    )


def _duplicate(name: str, line: int, first: int) -> Problem:
    return Problem(
        line,
        f"{name!r} is already set on line {first}; YAML would silently keep one of the two",
        "keep one",
        "spec-duplicate-key",
    )


def _explain(error: MarkedYAMLError, text: str) -> tuple[int, str, str]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    current = lines[line - 1] if line <= len(lines) else ""
    said = f"{error.problem or error.context or 'cannot be parsed'}".strip()
    if "\t" in current[: len(current) - len(current.lstrip())] or "\\t" in said:
        return line, "a tab is used for indentation, which YAML forbids", "indent with spaces"
    if "single document" in f"{error.context}{said}":
        return line, "a second document starts here, and a spec is one document", "move it to its own file"
    return line, f"this is not valid YAML: {said}", "correct the line, or the one before it"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _broken(line: int, what: str, next_action: str) -> Document:
    return Document(None, {}, {}, (Problem(line, what, next_action, "spec-yaml"),))
