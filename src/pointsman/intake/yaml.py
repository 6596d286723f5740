"""YAML as plain data, with the line of everything in it: quick, bounded, and without surprises.

PyYAML's parser, which is C where its wheel has it, does the reading. Values are taken as YAML 1.2 takes them (``no``
is text), tags that make anything but plain data are refused, and nothing is built before events, depth and anchors
have been counted: a text of a few kilobytes can describe a structure that no memory holds.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["Bounds", "Fault", "Place", "Reading", "read_yaml", "split"]

Place = tuple[Hashable, ...]
"""Path inside a document: ``("spec", "engine", "args", 0)``."""

_TAG = "tag:yaml.org,2002:"
_LONGEST_NUMBER = 50
_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
_INT = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_BOOL = "true|True|TRUE|false|False|FALSE"
_NULL = "~|null|Null|NULL|"
_MARK = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)
_NOTHING = re.compile(r"(?:^(?:---|\.\.\.)?[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z))*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a structure is read."""

    depth: int = 50
    nodes: int = 20_000
    """Values, each counted as often as an anchor repeats it."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with a text, whatever it is meant to be."""

    line: int
    what: str
    next_action: str
    kind: str = "yaml"
    """``yaml``, ``duplicate`` or ``deep``."""


@dataclass(slots=True)
class Reading:
    """A text as data; ``data`` is None when there are faults."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    """1-based line of each key (or list item)."""
    spans: dict[Place, tuple[int, int]] = field(default_factory=dict)
    """Start and end offset of each scalar value in the text."""
    faults: list[Fault] = field(default_factory=list)
    empty: bool = False


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Resolves plain words as YAML 1.2's core schema does."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012


for _name, _pattern in (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT)):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$", re.ASCII), None)


def split(text: str) -> Iterator[tuple[int, str, int]]:
    """Each document of a file: where it begins, its text, and the lines of the file above it.

    A line of three dashes begins one wherever it stands: no scalar may hold such a line.
    """
    starts = [0, *(found.start() for found in _MARK.finditer(text) if found.start())]
    above = 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield start, text[start:end], above
        above += text.count("\n", start, end)


def _ended(text: str) -> str:
    """Without what stands behind a mark and says nothing: a text that ends in ``---`` is one document."""
    marks = [found.start() for found in _MARK.finditer(text)]
    while marks and marks[-1] and _NOTHING.fullmatch(text, marks[-1]):
        text = text[: marks.pop()]
    return text


def read_yaml(text: str, bounds: Bounds | None = None, *, merges: bool = False) -> Reading:
    """Read one document; whatever is wrong with it is in ``faults``, each with its line. Never raises.

    ``merges``: what ``<<`` brings along is filled in, as Kubernetes' own readers do; else it is a fault.
    """
    bounds, text = bounds or Bounds(), _ended(text)
    try:
        early = _count(text, bounds)
        root = None if early else _compose(text)
    except yaml.MarkedYAMLError as error:
        return Reading(faults=[_explained(error, text)])
    except (yaml.YAMLError, ValueError) as error:
        return Reading(faults=[Fault(_line_of(error, text), f"this is not YAML: {_said(error)}", _AS_TEXT)])
    if early:
        return Reading(faults=[early])
    if root is None:
        return Reading(empty=True)
    walk = _Walk(bounds, merges)
    walk.reading.lines[()] = root.start_mark.line + 1
    data = walk.visit(root, (), 0)
    if not walk.reading.faults:
        walk.reading.data = data
    return walk.reading


_AS_TEXT = "save the file as UTF-8 text"


def _count(text: str, bounds: Bounds) -> Fault | None:
    """Walk over the events alone: what is too much is noticed before anything is built from it."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, CollectionStartEvent | ScalarEvent | AliasEvent)
        if depth > bounds.depth or nodes > 2 * bounds.nodes:
            return _too_much(event)
    return None


def _compose(text: str) -> Node | None:
    found: Node | None = yaml.compose(text, Loader=_Loader)
    return found


@dataclass(slots=True)
class _Walk:
    """Plain data from the node tree, with lines, spans, and what is wrong."""

    bounds: Bounds
    merges: bool = False
    reading: Reading = field(default_factory=Reading)
    nodes: int = 0
    full: bool = False

    def visit(self, node: Node, place: Place, depth: int) -> Any:
        self.nodes += 1
        if depth > self.bounds.depth or self.nodes > self.bounds.nodes:
            if not self.full:
                self.reading.faults.append(_too_much(node))
            self.full = True
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, place, depth)
        if isinstance(node, SequenceNode):
            return self._sequence(node, place, depth)
        assert isinstance(node, ScalarNode)
        return self._scalar(node, place)

    def _mapping(self, node: MappingNode, place: Place, depth: int) -> dict[str, Any]:
        self._plain(node, "map")
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        merged: list[Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, ScalarNode) else None
            if name == "<<" and not key.style and self.merges:
                merged.append(value)
            elif name is None or (name == "<<" and not key.style):
                self.reading.faults.append(_strange_key(line) if name is None else Fault(line, _MERGES, _OUT))
            elif name in first:
                self.reading.faults.append(_duplicate(name, line, first[name]))
            else:
                first[name] = line
                self.reading.lines[(*place, name)] = line
                found[name] = self.visit(value, (*place, name), depth + 1)
            if self.full:
                break
        for key, value in (pair for one in merged for pair in self._merged(one, depth)):
            if key.value not in found and not self.full:
                self.reading.lines[(*place, key.value)] = key.start_mark.line + 1
                found[key.value] = self.visit(value, (*place, key.value), depth + 1)
        return found

    def _merged(self, node: Node, depth: int) -> Iterator[tuple[ScalarNode, Node]]:
        """What ``<<`` brings along, the first one of a name before others (YAML 1.1, merge); a mapping or several."""
        self.nodes += 1
        if depth > self.bounds.depth or self.nodes > self.bounds.nodes:
            if not self.full:
                self.reading.faults.append(_too_much(node))
            self.full = True
            return
        if isinstance(node, SequenceNode):
            for one in node.value:
                yield from self._merged(one, depth + 1)
            return
        if not isinstance(node, MappingNode):
            self.reading.faults.append(Fault(node.start_mark.line + 1, "<< takes a mapping, or a list of them", _OUT))
            return
        further = []
        self.nodes += len(node.value)
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.reading.faults.append(_strange_key(key.start_mark.line + 1))
            elif key.value == "<<" and not key.style:
                further.append(value)
            else:
                yield key, value
        for one in further:
            yield from self._merged(one, depth + 1)

    def _sequence(self, node: SequenceNode, place: Place, depth: int) -> list[Any]:
        self._plain(node, "seq")
        found = []
        for index, item in enumerate(node.value):
            self.reading.lines[(*place, index)] = item.start_mark.line + 1
            found.append(self.visit(item, (*place, index), depth + 1))
            if self.full:
                break
        return found

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        self.reading.spans[place] = (node.start_mark.index, node.end_mark.index)
        try:
            return _value(node)
        except ValueError:
            name = node.tag.removeprefix(_TAG)
            self._refuse_tag(node, f"{_short(node.value)} cannot be read as !!{name}" if name in _READ else "")
        return None

    def _plain(self, node: Node, kind: str) -> None:
        if node.tag not in (f"{_TAG}{kind}", "!", None, ""):
            self._refuse_tag(node)

    def _refuse_tag(self, node: Node, what: str = "") -> None:
        tag = _short(node.tag.replace(_TAG, "!!"))
        what = what or f"the tag {tag} makes something that no field takes"
        self.reading.faults.append(Fault(node.start_mark.line + 1, what, "write the value without a tag"))


_OUT = "write the values out"
_MERGES = "a merge key ('<<') stands here, and this file is read without any"
_READ = ("null", "bool", "int", "float", "str")


def _value(node: ScalarNode) -> Any:
    """What a scalar says; raises ValueError when its tag does not fit it."""
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind == "str" or node.tag == "!":
        return text
    pattern = {"null": _NULL, "bool": _BOOL, "int": _INT, "float": f"{_FLOAT}|{_INT}"}.get(kind)
    if pattern is None or not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(text)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return _whole(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _whole(text: str) -> int | float:
    """A whole number; one that is longer than any field takes is as good as without end."""
    if len(text) > _LONGEST_NUMBER:
        return float("-inf" if text.startswith("-") else "inf")
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _too_much(part: Event | Node) -> Fault:
    line = part.start_mark.line + 1 if part.start_mark else 1
    what = "the file nests deeper, or has more values or repeated anchors, than can be meant"
    return Fault(line, what, "write the values out", "deep")


def _strange_key(line: int) -> Fault:
    return Fault(line, "a key is not a plain word", "use the field's name as the key, without brackets")


def _duplicate(name: str, line: int, first: int) -> Fault:
    what = f"{_short(name)} is already set on line {first}; YAML would silently keep one of the two"
    return Fault(line, what, "keep one", "duplicate")


def _explained(error: yaml.MarkedYAMLError, text: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    lines = text.rstrip("\n").split("\n")
    line = min(mark.line + 1 if mark else 1, len(lines))
    current = lines[line - 1]
    said = " ".join((error.problem or error.context or "cannot be parsed").split())
    if "\t" in current[: len(current) - len(current.lstrip())] or "\\t" in said:
        return Fault(line, "a tab is used for indentation, which YAML forbids", "indent with spaces")
    if "single document" in f"{error.context}{said}":
        return Fault(line, "a second document starts here, and one is read", "move it to its own file")
    return Fault(line, f"this is not valid YAML: {said[:200]}", "correct the line, or the one before it")


def _line_of(error: Exception, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _said(error: Exception) -> str:
    return ((str(error).strip() or type(error).__name__).splitlines()[0])[:200]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
