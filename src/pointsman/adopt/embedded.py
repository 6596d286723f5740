"""Values of an edge's entry, set by the edge's own editor; also where the configuration is a text inside a ConfigMap.

There it is a block of text: each of its lines is a line of the file, further in. The new text is put in its place with
the same indent, and the ConfigMap that is read back has to hold exactly it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import yaml
from yaml.nodes import MappingNode, ScalarNode

from pointsman.adopt.documents import Document
from pointsman.adopt.findings import DropEntry, SetEntry
from pointsman.adopt.objects import Deployed, Key, key_of
from pointsman.adopt.tree import Tree
from pointsman.catalog.spot import LOADER
from pointsman.edge.config_edit import Edits
from pointsman.edge.config_text import ConfigText

__all__ = ["UnfitError", "edited", "in_config_map"]

_BLOCK = re.compile(r"\|[-+]?[ \t]*(?:#[^\n]*)?\r?\n")


class UnfitError(Exception):
    """An edit that would change more, or cannot be made."""


def edited(config: ConfigText, fix: SetEntry | DropEntry) -> ConfigText:
    """The configuration with the values set, or without the entry, read back and proved."""
    entry = next((one for one in config.all_entries if one.index == fix.index), None)
    if entry is None:
        raise UnfitError("the entry is not there any more")
    edits = Edits(config)
    if isinstance(fix, SetEntry):
        edits.set(entry, fix.values)
    else:
        edits.drop(entry)
    return edits.done()


def in_config_map(tree: Tree, fix: SetEntry | DropEntry, built: Callable[[Tree], Mapping[Key, Deployed]]) -> Tree:
    """The tree with the values set in a ConfigMap's text; raises UnfitError where that cannot be done alone."""
    config_map = fix.edge.config_map
    assert config_map is not None
    name, key = fix.edge.config.where.rpartition(" ")[2], key_of(config_map.data)
    before = built(tree)
    now = before.get(key)
    if now is None or not now.documents or now.inside:
        raise UnfitError("where it is written is not known")
    text = now.data["data"][name]
    new = edited(ConfigText(text, fix.edge.config.where), fix).text
    document = _saying(now, name)
    start, end, indent = _block(document, name)
    raw = document.text[start:end]
    line = "\r\n" if raw.count("\r\n") == raw.count("\n") else "\n"
    if _unindented(raw.replace(line, "\n"), indent).rstrip("\n") != text.rstrip("\n"):
        raise UnfitError("the configuration is not a plain block of text there")
    tail = raw[len(raw.rstrip("\r\n")) :]
    body = "".join(f"{indent}{one}" if one.strip() else one for one in new.rstrip("\n").splitlines(keepends=True))
    body = body.replace("\n", line)
    file = tree.text(document.path)
    after = tree.edited({document.path: file[: document.start + start] + body + tail + file[document.start + end :]})
    found = built(after)
    same = found.keys() == before.keys() and all(found[one].data == before[one].data for one in found if one != key)
    meant = {**now.data, "data": {**now.data["data"], name: new}}
    if not same or found[key].data != meant:
        raise UnfitError("no edit of its file changes this alone")
    return after


def _saying(found: Deployed, name: str) -> Document:
    """The last document that says this text: a patch's is laid over its base's."""
    for one in reversed(found.documents):
        data = one.data.get("data") if one.start >= 0 and isinstance(one.data, dict) else None
        if isinstance(data, dict) and name in data:
            return one
    raise UnfitError("where it is written is not known")


def _block(document: Document, name: str) -> tuple[int, int, str]:
    """Where the lines of a block of text begin and end in the document, and their indent."""
    root = yaml.compose(document.text, Loader=LOADER)
    node = _value(_value(root, "data"), name)
    if not isinstance(node, ScalarNode) or node.style != "|":
        raise UnfitError("the configuration is not a plain block of text there")
    head = _BLOCK.match(document.text, node.start_mark.index)
    if head is None:
        raise UnfitError("the configuration is not a plain block of text there")
    start = head.end()
    first = next((line for line in document.text[start:].split("\n") if line.strip()), "")
    return start, int(node.end_mark.index), first[: len(first) - len(first.lstrip(" "))]


def _value(node: object, name: str) -> object:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _unindented(raw: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in raw.splitlines(keepends=True))
