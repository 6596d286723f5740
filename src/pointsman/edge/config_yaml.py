"""YAML as LiteLLM reads it (PyYAML, YAML 1.1), with places, and with bounds whatever the bytes.

LiteLLM loads its file with ``yaml.safe_load``: ``no`` is false, ``010`` is 8, ``1:30`` is 90, ``12e3`` is a string and
of a key that stands there twice the last one counts. libyaml says the same an order of magnitude faster, but recurses
without a limit, so depth and size are looked at before it composes.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import yaml
from yaml import Node

from pointsman.edge.config_data import Loader, plain_data
from pointsman.edge.config_strict import collections, parts, scalars, stricter
from pointsman.errors import RefusedError

__all__ = ["Node", "read", "refuse"]

_Fast: Any = Loader

MAX_CHARACTERS = 1024 * 1024
"""A ConfigMap holds no more."""
MAX_SLOW = 48 * 1024
"""Characters that PyYAML in Python reads in half a second."""
MAX_DEPTH = 60
"""Mappings and lists inside each other; LiteLLM's own settings need six."""
MAX_NODES = 120_000
"""Keys, values and lists, aliases written out; four thousand entries have 80,000."""
_SAFE_BRACKETS = 2000
"""So many brackets inside each other libyaml still composes on the stack of a thread: 400 bytes each."""

_STAIRS = re.compile(r"^[ \-?:\t]{60}", re.MULTILINE)
_LONG_NUMBER = re.compile(r"[0-9][0-9_:.]{300}")
_YAML = "edge-config-yaml"
_ACTION = "correct the configuration so that LiteLLM can read it"
_FAILURES = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


def refuse(what: str, where: str, *, code: str, action: str = _ACTION) -> RefusedError:
    """A configuration that cannot be read or kept; nothing was changed."""
    return RefusedError(what, where=where, next_action=action, code=code)


def read(text: str, where: str) -> tuple[Node | None, Any]:
    """The text as nodes with places, and as the plain data LiteLLM has of it; RefusedError naming the line."""
    if len(text) > MAX_CHARACTERS:
        raise _too_much(f"has {len(text)} characters; a ConfigMap holds 1 MiB", where)
    if _LONG_NUMBER.search(text):
        raise _too_much("has a number of more than 300 digits", where)
    try:
        _refuse_size(text, where)
        return _read(text, where, _Fast)
    except RefusedError as error:
        if error.code != _YAML or len(text) > MAX_SLOW:
            raise
        return _read_slowly(text, where, error)


def _read_slowly(text: str, where: str, refused: RefusedError) -> tuple[Node | None, Any]:
    """With LiteLLM's own reader, which takes ``{model:}`` where libyaml does not."""
    try:
        return _read(text, where, yaml.SafeLoader)
    except RefusedError as error:
        raise refused from error


def _read(text: str, where: str, kind: Any) -> tuple[Node | None, Any]:
    loader, root = _composed(text, where, kind)
    if root is None:
        return None, None
    _refuse_growth(root, text, where)
    _refuse_depth(root, where)
    if kind is not yaml.SafeLoader:
        _refuse_stricter(root, text, where)
    try:
        data = plain_data(loader, root)
    except _FAILURES as error:
        _not_yaml(error, where, _unreadable(root))
    # Reading data out of nodes resolves their merge keys in place.
    return (_composed(text, where, kind)[1] if "<<" in text else root), data


def _composed(text: str, where: str, kind: Any) -> tuple[Any, Node | None]:
    try:
        loader = kind(text)
        return loader, loader.get_single_node()
    except (*_FAILURES, UnicodeError) as error:
        _not_yaml(error, where)


def _refuse_size(text: str, where: str) -> None:
    """Count with libyaml's parser, which does not recurse, when the text could be too much to compose."""
    brackets = text.count("[") + text.count("{")
    rough = brackets + sum(map(text.count, ",\n:-?"))
    if rough > MAX_NODES or brackets > _SAFE_BRACKETS or _STAIRS.search(text):
        _refuse_by_events(text, where)


def _refuse_by_events(text: str, where: str) -> None:
    depth = nodes = 0
    try:
        for event in yaml.parse(text, Loader=_Fast):
            if isinstance(event, yaml.NodeEvent):
                nodes += 1
                depth += isinstance(event, yaml.CollectionStartEvent)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise _too_much(f"is nested deeper than {MAX_DEPTH}", f"{where}:{line}")
            if nodes > MAX_NODES:
                raise _too_much(f"has more than {MAX_NODES} keys and values", where)
    except (yaml.YAMLError, ValueError, UnicodeError) as error:
        _not_yaml(error, where)


def _refuse_stricter(root: Node, text: str, where: str) -> None:
    found = stricter(root, text)
    if found is not None:
        line, why = found
        raise refuse(f"the edge's configuration is not YAML as LiteLLM reads it: {why}", f"{where}:{line}", code=_YAML)


def _refuse_depth(root: Node, where: str) -> None:
    level = [root]
    for _ in range(MAX_DEPTH + 1):
        level = [part for node in level for part in collections(node)]
        if not level:
            return
    raise _too_much(f"is nested deeper than {MAX_DEPTH}", _line(level[0], where))


def _refuse_growth(root: Node, text: str, where: str) -> None:
    """Refuse aliases that hold themselves, or that would be more than fits when they are written out."""
    if "&" not in text or "*" not in text:
        return
    sizes: dict[int, tuple[int, int]] = {}

    def measure(node: Node, depth: int) -> tuple[int, int]:
        if depth > MAX_DEPTH:
            raise _too_much(f"is nested deeper than {MAX_DEPTH}, aliases included", _line(node, where))
        if id(node) not in sizes:
            found = [measure(part, depth + 1) for part in parts(node)]
            sizes[id(node)] = 1 + sum(size for size, _ in found), 1 + max((high for _, high in found), default=0)
        size, high = sizes[id(node)]
        if size > MAX_NODES or high + depth > MAX_DEPTH:
            raise _too_much(f"has more than {MAX_NODES} keys and values, aliases written out", _line(node, where))
        return size, high

    measure(root, 0)


def _unreadable(root: Node) -> Node | None:
    """The first scalar whose tag does not allow what it says."""
    loader = yaml.SafeLoader("")
    for node in scalars(root):
        try:
            loader.construct_object(node)
        except _FAILURES:
            return node
    return None


def _line(node: Node, where: str) -> str:
    return f"{where}:{node.start_mark.line + 1}"


def _too_much(what: str, where: str) -> RefusedError:
    return refuse(
        f"the edge's configuration {what}",
        where,
        code="edge-config-bounds",
        action="split the configuration, or take out what is not needed",
    )


def _not_yaml(error: Exception, where: str, node: Node | None = None) -> NoReturn:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    mark = mark or (node.start_mark if node is not None else None)
    place = f"{where}:{mark.line + 1}" if mark else where
    what = f"the edge's configuration is not YAML: {_reason(error, node)}"
    raise refuse(what, place, code=_YAML) from error


def _reason(error: Exception, node: Node | None) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        return str(error.problem).splitlines()[0]
    if isinstance(error, yaml.reader.ReaderError | UnicodeError):
        return "it holds a character that YAML does not allow"
    if isinstance(node, yaml.ScalarNode):
        return f"{node.value[:40]!r} is no {str(node.tag).rpartition(':')[2]}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
