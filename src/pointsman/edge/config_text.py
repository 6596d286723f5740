"""A LiteLLM configuration: what it means, and where each part of it stands.

It is a file of its own, or a part of one: a Helm chart's values have it under ``proxy_config``. The file belongs to
people. Meaning is what LiteLLM itself would read; places are for errors, and for the edits of
``config_edit``, which change nothing but an alias's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from pointsman.edge.config_yaml import Node, read, refuse

__all__ = ["ConfigText", "Entry", "child", "refuse"]

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of ``model_list``."""

    index: int
    data: Mapping[str, Any]
    """The item as plain data."""

    def section(self, name: str) -> Mapping[str, Any]:
        """``litellm_params`` or ``model_info``, empty when it is not there."""
        found = self.data.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """Its ``model_name``."""
        return str(self.data["model_name"])


class ConfigText:
    """One version of the text."""

    def __init__(self, text: str, where: str, under: Sequence[str] = ()) -> None:
        """``under``: the keys below which the configuration stands; none where the file is nothing else."""
        self.where = where
        self.under = tuple(under)
        self.text = text
        self.bom = _BOM if text.startswith(_BOM) else ""
        self.body = text[len(self.bom) :]
        """The text that places count from."""
        root, data = read(self.body, where)
        self.whole: Any = data
        """The data of the file."""
        for key in self.under:
            root, data = child(root, key), data.get(key) if isinstance(data, dict) else None
            if not isinstance(root, yaml.MappingNode) or not isinstance(data, dict):
                raise refuse(
                    f"there is no LiteLLM configuration under {'.'.join(self.under)}",
                    where,
                    code="edge-config-missing",
                    action=f"write it there, or name where it stands: {key} is missing or no mapping",
                )
        if data is not None and not isinstance(data, dict):
            raise refuse("the edge's configuration is not a mapping", where, code="edge-config-yaml")
        self.root: Node | None = root
        self.data: dict[str, Any] = data or {}
        if not isinstance(self.data.get("model_list") or [], list):
            raise refuse("model_list is not a list", self.place_of("model_list"), code="edge-config-shape")

    def around(self, data: Mapping[str, Any]) -> Any:
        """The data of the file with this configuration in the place of the one that it has."""
        return _placed(self.whole, self.under, data)

    def entries(self, name: str) -> list[Entry]:
        """The entries of one ``model_name``, in order."""
        return self._by_name.get(name, [])

    @cached_property
    def all_entries(self) -> list[Entry]:
        """Every entry with a ``model_name``, in order."""
        found = [entry for entries in self._by_name.values() for entry in entries]
        return sorted(found, key=lambda entry: entry.index)

    @cached_property
    def names(self) -> list[str]:
        """Every ``model_name``, in the order of its first entry."""
        return list(self._by_name)

    def settings(self, section: str) -> Mapping[str, Any]:
        """``router_settings`` and the like; empty when it is not there."""
        found = self.data.get(section)
        return found if isinstance(found, dict) else {}

    def place(self, entry: Entry) -> str:
        """``ConfigMap llm-gateway/litellm-config config.yaml:12``."""
        return self.line(self.items[entry.index])

    def place_of(self, *path: str) -> str:
        """Where a setting stands, as far down the path as there is one."""
        node, key = self.root, None
        for name in path:
            found = _pair(node, name)
            if found is None:
                break
            key, node = found
        return self.line(key) if key is not None else self.where

    def line(self, node: Node) -> str:
        """The line a node begins in, with the file."""
        return f"{self.where}:{node.start_mark.line + 1}"

    @property
    def listed(self) -> Node | None:
        """The value of ``model_list``, if the key is there."""
        return child(self.root, "model_list")

    @cached_property
    def items(self) -> list[Node]:
        """The nodes of ``model_list``'s items."""
        found = self.listed
        return list(found.value) if isinstance(found, yaml.SequenceNode) else []

    @cached_property
    def _by_name(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for index, item in enumerate(self.data.get("model_list") or []):
            if isinstance(item, dict) and isinstance(item.get("model_name"), str):
                found.setdefault(item["model_name"], []).append(Entry(index, item))
        return found


def _placed(whole: Any, under: Sequence[str], data: Mapping[str, Any]) -> Any:
    return {**whole, under[0]: _placed(whole[under[0]], under[1:], data)} if under else data


def child(node: Node | None, key: str) -> Node | None:
    """The value of a key; the last one counts, as in the data."""
    found = _pair(node, key)
    return None if found is None else found[1]


def _pair(node: Node | None, key: str) -> tuple[Node, Node] | None:
    found = None
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                found = name, value
    return found
