"""A LiteLLM configuration as text: find the entries of one alias, and edit nothing but them.

The file belongs to people: other aliases, comments and layout are theirs. So an edit replaces single values, adds
or removes whole lines inside the alias's own entries, and leaves every other byte as it was. What cannot be edited
that way (anchors, merge keys, a list on one line) is refused with its line, not rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pointsman.errors import RefusedError

__all__ = ["ConfigText", "Entry", "Value", "refuse", "scalar"]

Value = str | int | float
Field = tuple[str, str]
"""Section and key: ``("litellm_params", "weight")``."""

_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*(:[-A-Za-z0-9_./]+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_ACTION = "edit the alias's entries by hand into plain block or flow mappings, one entry after the other"


def refuse(what: str, where: str, *, code: str, action: str = _ACTION) -> RefusedError:
    """A configuration that cannot be kept; nothing was changed."""
    return RefusedError(what, where=where, next_action=action, code=code)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of ``model_list``."""

    index: int
    data: Mapping[str, Any]
    """The item as plain data."""


class ConfigText:
    """One version of the text. Edits return a new one."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        try:
            data = YAML(typ="safe", pure=True).load(text)
        except (YAMLError, ValueError) as error:
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            place = f"{where}:{mark.line + 1}" if mark else where
            reason = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise refuse(f"the edge's configuration is not YAML: {reason}", place, code="edge-config-yaml") from error
        if data is not None and not isinstance(data, dict):
            raise refuse("the edge's configuration is not a mapping", where, code="edge-config-yaml")
        self.data: dict[str, Any] = data or {}

    @cached_property
    def root(self) -> Node | None:
        """The text as nodes with places; only edits and errors need it."""
        node: Node | None = YAML(typ="safe", pure=True).compose(self.text)
        return node

    def entries(self, alias: str) -> list[Entry]:
        """The alias's entries, in order."""
        return self._by_alias.get(alias, [])

    @cached_property
    def _by_alias(self) -> dict[object, list[Entry]]:
        listed = self.data.get("model_list") or []
        if not isinstance(listed, list):
            raise refuse("model_list is not a list", self.where, code="edge-config-shape")
        found: dict[object, list[Entry]] = {}
        for index, item in enumerate(listed):
            if isinstance(item, dict) and isinstance(item.get("model_name"), str):
                found.setdefault(item["model_name"], []).append(Entry(index, item))
        return found

    def place(self, entry: Entry) -> str:
        """``ConfigMap llm-gateway/litellm-config (config.yaml:12)``, as far as it is known."""
        return f"{self.where}:{self._items()[entry.index].start_mark.line + 1}"

    def check(self, entry: Entry) -> None:
        """Raise RefusedError when the entry is written in a way that cannot be edited alone."""
        node = self._items()[entry.index]
        dash = self.text.rfind("-", 0, node.start_mark.index)
        if _list_of(self.root).flow_style or self.text[dash + 1 : node.start_mark.index].strip():
            raise refuse("model_list is written on one line", self.place(entry), code="edge-config-shape")
        first, last = node.start_mark.index, _end(node)
        for event in YAML(typ="safe", pure=True).parse(self.text):
            inside = first <= event.start_mark.index < last
            if inside and (isinstance(event, AliasEvent) or getattr(event, "anchor", None)):
                line = event.start_mark.line + 1
                raise refuse("the alias's entry uses a YAML anchor", f"{self.where}:{line}", code="edge-config-anchor")

    def set(self, entry: Entry, values: Mapping[Field, Value]) -> ConfigText:
        """Set values in one entry; fields that are missing are added."""
        changed = self
        for (section, key), value in values.items():
            have = entry.data.get(section)
            if isinstance(have, dict) and key in have and have[key] == value and type(have[key]) is type(value):
                continue
            changed = changed._set(entry.index, section, key, value)
        return changed

    def clone(self, entry: Entry) -> ConfigText:
        """Repeat an entry right after itself; the new one has the next index."""
        start, end = self._lines(entry.index)
        block = self.text[start:end]
        glue = "" if block.endswith("\n") else "\n"
        return self._with(end, end, glue + block)

    def drop(self, entry: Entry) -> ConfigText:
        """Remove an entry, its own lines only."""
        start, end = self._lines(entry.index)
        return self._with(start, end, "")

    def append(self, lines: Sequence[str]) -> ConfigText:
        """Add an entry at the end of ``model_list``; ``lines`` without the dash and without indentation."""
        listed = _list_of(self.root) if "model_list" in self.data else None
        if isinstance(listed, SequenceNode) and listed.value and not listed.flow_style:
            start, end = self._lines(len(listed.value) - 1)
            dash = self.text.index("-", start)
            pad = " " * (dash - start)
            glue = "" if self.text[:end].endswith("\n") else "\n"
            return self._with(end, end, glue + _item(lines, pad))
        if listed is None:
            glue = "" if not self.text or self.text.endswith("\n") else "\n"
            return self._with(len(self.text), len(self.text), f"{glue}model_list:\n{_item(lines, '')}")
        if self.data["model_list"]:
            raise refuse("model_list is written on one line", self.where, code="edge-config-shape")
        return self._with(listed.start_mark.index, listed.end_mark.index, "\n" + _item(lines, "").rstrip("\n"))

    def _set(self, index: int, section: str, key: str, value: Value) -> ConfigText:
        item = self._items()[index]
        block = _child(item, section)
        if block is None:
            anchor = _child(item, "model_name")
            assert anchor is not None
            assert isinstance(item, MappingNode)
            return self._insert(item, anchor, section, f"{{{key}: {scalar(value)}}}")
        if not isinstance(block, MappingNode):
            line = item.start_mark.line + 1
            raise refuse(f"{section} is not a mapping", f"{self.where}:{line}", code="edge-config-shape")
        found = _child(block, key)
        if isinstance(found, ScalarNode):
            return self._with(found.start_mark.index, found.end_mark.index, scalar(value))
        if not block.value:
            return self._with(block.start_mark.index, block.end_mark.index, f"{{{key}: {scalar(value)}}}")
        last = _child(block, "api_base") or _child(block, "model")
        if last is None:
            start = block.value[0][0].start_mark
            rest = ", " if block.flow_style else "\n" + " " * start.column
            return self._with(start.index, start.index, f"{key}: {scalar(value)}{rest}")
        return self._insert(block, last, key, scalar(value))

    def _insert(self, block: MappingNode, after: Node, key: str, value: str) -> ConfigText:
        """A new key behind the value ``after``."""
        if block.flow_style:
            return self._with(after.end_mark.index, after.end_mark.index, f", {key}: {value}")
        end = self._line_end(_end(after))
        pad = " " * block.value[0][0].start_mark.column
        glue = "" if self.text[:end].endswith("\n") else "\n"
        return self._with(end, end, f"{glue}{pad}{key}: {value}\n")

    def _with(self, start: int, end: int, middle: str) -> ConfigText:
        return ConfigText(self.text[:start] + middle + self.text[end:], self.where)

    def _items(self) -> list[Node]:
        return list(_list_of(self.root).value) if self.data.get("model_list") else []

    def _lines(self, index: int) -> tuple[int, int]:
        """Offsets of the whole lines of an item, from its dash to its last value."""
        node = self._items()[index]
        dash = self.text.rfind("-", 0, node.start_mark.index)
        return self.text.rfind("\n", 0, dash) + 1, self._line_end(_end(node))

    def _line_end(self, offset: int) -> int:
        """Offset after the end of the line that ``offset`` stands in (or stands behind)."""
        if offset and self.text[offset - 1] == "\n":
            return offset
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found + 1


def _list_of(root: Any) -> Any:
    return _child(root, "model_list")


def _child(node: Any, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    for name, value in node.value:
        if isinstance(name, ScalarNode) and name.value == key:
            found: Node = value
            return found
    return None


def _end(node: Node) -> int:
    """Offset behind the last character of a node; a block collection's own mark lies at the next token."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style:
        return int(node.end_mark.index)
    return max((_end(part) for part in _parts(node)), default=int(node.end_mark.index))


def _parts(node: Node) -> Iterator[Node]:
    for part in node.value:
        yield from part if isinstance(part, tuple) else (part,)


def _item(lines: Sequence[str], pad: str) -> str:
    first, *rest = lines
    return "".join([f"{pad}- {first}\n", *(f"{pad}  {line}\n" for line in rest)])


def scalar(value: Value) -> str:
    """A value as YAML that every reader takes for the same."""
    if isinstance(value, float):
        # YAML 1.1 readers, LiteLLM's among them, take 5e-07 for a string.
        return f"{value:.15f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
