"""5xx: what LiteLLM's reader makes of its file: PyYAML, which keeps to YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pointsman.adopt.edges import Edge, located
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View
from pointsman.edge.config_strict import collections, scalars

__all__ = ["CHECKS"]

_EDGES = frozenset({"edges"})
_TEXTS = frozenset(
    {"model_name", "model", "api_base", "base_url", "api_key", "id", "credential_name", "litellm_credential_name"}
)
_ODD_NUMBER = re.compile(r"[-+]?0[0-7_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_BOOL, _TIME = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def _words(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for node, says in _odd(edge):
            what = f"{node.value!r} without quotes is {says} to LiteLLM, which reads YAML 1.1"
            yield Told(None, what, where=located(edge, edge.config.line(node)))


def _odd(edge: Edge) -> Iterator[tuple[yaml.ScalarNode, str]]:
    """Plain scalars that mean something else than what stands there."""
    root = edge.config.root
    texts = {id(node) for node in _meant_as_text(root)} if root is not None else set()
    for node in scalars(root) if root is not None else ():
        if node.style:
            continue
        if node.tag in _NUMBERS and _ODD_NUMBER.fullmatch(node.value):
            yield node, f"the number {yaml.safe_load(node.value)}"
        elif node.tag == _TIME:
            yield node, "a date"
        elif node.tag == _BOOL and id(node) in texts:
            yield node, str(yaml.safe_load(node.value)).lower()


def _meant_as_text(root: yaml.Node) -> Iterator[yaml.Node]:
    for mapping in _mappings(root):
        for key, value in mapping.value:
            if isinstance(key, yaml.ScalarNode):
                yield key
                if key.value in _TEXTS:
                    yield value


def _mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
        waiting += collections(node)


def _repeated(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for mapping in _mappings(edge.config.root) if edge.config.root is not None else ():
            last: dict[str, yaml.Node] = {}
            for key, _ in mapping.value:
                if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                    continue
                if key.value in last:
                    line = located(edge, edge.config.line(key)).rpartition(":")[2]
                    what = f"{key.value} stands here and in line {line} again, and only that one is read"
                    yield Told(None, what, where=located(edge, edge.config.line(last[key.value])))
                last[key.value] = key


CHECKS = (
    Check(
        "PM520",
        "yaml-words",
        Level.error,
        _EDGES,
        cause="YAML 1.1 takes no for false, 010 for 8, 1:30 for 90 and 2024-02-15 for a date",
        remedy="put it in quotes, or write the number that is meant",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2 loads its file with PyYAML",
        run=_words,
    ),
    Check(
        "PM521",
        "key-twice",
        Level.error,
        _EDGES,
        cause="of a key that stands twice in one mapping LiteLLM reads the last, and all below the first is gone",
        remedy="join them, or take one out",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2 loads its file with PyYAML",
        run=_repeated,
    ),
)
