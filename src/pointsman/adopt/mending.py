"""Edits that mend findings, tried on a tree that holds them, and kept only when they change what was meant alone.

After each the folder is built again: the object has to differ in that one place, and everything else that comes from
the folder has to be what it was. What cannot be changed that way is refused with its line, and nothing of it is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.adopt.difference import ABSENT, Difference, differences
from pointsman.adopt.documents import Document, documents_in
from pointsman.adopt.embedded import UnfitError, edited, in_config_map
from pointsman.adopt.findings import AddItem, DropEntry, DropKey, Finding, Fix, ReplaceText, SetEntry, SetKey
from pointsman.adopt.folder import objects_in
from pointsman.adopt.keys import removals, settings
from pointsman.adopt.objects import Deployed, Key, expanded, key_of
from pointsman.adopt.spots import additions, replacements
from pointsman.adopt.standing import Origin
from pointsman.adopt.tree import Tree
from pointsman.catalog.spot import Edit
from pointsman.edge.config_text import ConfigText
from pointsman.errors import PointsmanError

__all__ = ["Mended", "mend"]


@dataclass(slots=True)
class Mended:
    """What can be mended, and what cannot."""

    tree: Tree
    """With every edit."""
    done: list[Finding] = field(default_factory=list)
    refused: list[tuple[Finding, str, str]] = field(default_factory=list)
    """With why, and what to do."""
    untried: list[Finding] = field(default_factory=list)
    """For which no time was left."""

    @property
    def texts(self) -> Mapping[str, str]:
        """New texts by path."""
        return self.tree.edits


def mend(tree: Tree, findings: Sequence[Finding], seconds: float | None = None) -> Mended:
    """Mend as many findings as can be, each as a whole or not at all.

    ``seconds``: after so many of a processor's time no further one is tried, and that is said.
    """
    made, builds, begun = Mended(tree), _Builds(), _spent()
    dropped: set[tuple[int, int]] = set()
    made_already: list[Fix] = []
    for finding in sorted(findings, key=_order):
        if _drops(finding) <= dropped and _drops(finding):
            made.done.append(finding)
            continue
        if not finding.fixes:
            made.refused.append((finding, "a person has to decide", finding.next_action))
            continue
        if seconds is not None and _spent() - begun > seconds:
            made.untried.append(finding)
            continue
        after = made.tree
        try:
            for fix in finding.fixes:
                if fix not in made_already:
                    after = _fixed(after, fix, builds)
        except (UnfitError, PointsmanError) as error:
            made.refused.append((finding, str(error).splitlines()[0], f"by hand: {finding.next_action}"))
            continue
        made.tree = after
        made.done.append(finding)
        made_already += finding.fixes
        dropped |= _drops(finding)
    return made


def _spent() -> float:
    """A processor's time in seconds, that of programs which were run counted."""
    return sum(os.times()[:4])


def _order(finding: Finding) -> tuple[bool, int]:
    """Entries go after everything else, the last ones first: the numbers of those above stay."""
    dropped = [fix.index for fix in finding.fixes if isinstance(fix, DropEntry)]
    return bool(dropped), -max(dropped, default=0)


def _drops(finding: Finding) -> set[tuple[int, int]]:
    return {(id(fix.edge), fix.index) for fix in finding.fixes if isinstance(fix, DropEntry)}


class _Builds:
    """What folders deploy, with the edits so far; kept, since a build may take a second."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Origin, tuple[tuple[str, str], ...]], dict[Key, Deployed]] = {}

    def of(self, tree: Tree, origin: Origin) -> dict[Key, Deployed]:
        """The objects by what tells them apart."""
        edits = tuple(sorted((path, text) for path, text in tree.edits.items() if path in origin.files))
        key = (replace(origin, application=None), edits)
        if key not in self._kept:
            self._kept[key] = _objects(tree, origin)
        return self._kept[key]


def _fixed(tree: Tree, fix: Fix, builds: _Builds) -> Tree:
    if isinstance(fix, SetEntry | DropEntry):
        return _entry(tree, fix, builds)
    for path, edit in _candidates(tree, fix, builds):
        after = tree.edited({path: edit.applied(tree.text(path))})
        if _proved(tree, after, fix, builds):
            return after
    raise UnfitError("no edit of its files changes this alone")


def _entry(tree: Tree, fix: SetEntry | DropEntry, builds: _Builds) -> Tree:
    """Through the edge's own editor, which proves what it does."""
    edge, inside = fix.edge, fix.edge.config_map
    if inside is not None:
        return in_config_map(tree, fix, lambda some: builds.of(some, inside.origin))
    if not edge.editable:
        raise UnfitError("the file has several documents, and is not edited")
    config = edited(ConfigText(tree.text(edge.path), edge.path, edge.under), fix)
    return tree.edited({edge.path: config.text})


_OfObject = ReplaceText | AddItem | SetKey | DropKey


def _candidates(tree: Tree, fix: _OfObject, builds: _Builds) -> Iterator[tuple[str, Edit]]:
    """In the documents that say what the object is, those that come last first."""
    standing = builds.of(tree, fix.standing.origin).get(key_of(fix.standing.data))
    if standing is None or not standing.documents:
        raise UnfitError("where it is written is not known")
    seen: set[str] = set()
    for document in reversed(standing.documents):
        if not isinstance(fix, ReplaceText):
            yield from _of_key(document, standing, fix)
        elif document.path not in seen:
            seen.add(document.path)
            yield from _of_replacement(tree, document.path, standing, fix)


def _of_replacement(tree: Tree, path: str, standing: Deployed, fix: ReplaceText) -> Iterator[tuple[str, Edit]]:
    file, _, line = standing.at(*fix.place).rpartition(":")
    near = int(line) if file == path and line.isdigit() else 1
    for edit in replacements(tree.text(path), fix.before, fix.after, near):
        yield path, edit


def _of_key(document: Document, standing: Deployed, fix: AddItem | SetKey | DropKey) -> Iterator[tuple[str, Edit]]:
    if document.start < 0 or not isinstance(document.data, dict):
        return
    place = standing.place_in(document, fix.container)
    if place is None:
        return
    if isinstance(fix, AddItem):
        edits = additions(document, place, fix.key, fix.item)
    elif isinstance(fix, SetKey):
        edits = settings(document, place, fix.key, fix.value)
    else:
        edits = removals(document, place, fix.key)
    for edit in edits:
        yield document.path, Edit(edit.start + document.start, edit.end + document.start, edit.text)


def _objects(tree: Tree, origin: Origin) -> dict[Key, Deployed]:
    if origin.single:
        listed = [
            one for path in sorted(origin.files) for each in documents_in(tree, path, []) for one in expanded(each)
        ]
    else:
        listed = list(objects_in(tree, origin.path, recurse=origin.recurse).objects)
    return {key_of(one.data): one for one in listed}


def _proved(before: Tree, after: Tree, fix: _OfObject, builds: _Builds) -> bool:
    """Does everything that comes from the folder stay, but for the one place?"""
    origin, key = fix.standing.origin, key_of(fix.standing.data)
    old, new = builds.of(before, origin), builds.of(after, origin)
    if old.keys() != new.keys() or any(old[one].data != new[one].data for one in old if one != key):
        return False
    found = list(differences(old[key].data, new[key].data))
    return len(found) == 1 and _meant(found[0], fix)


def _meant(found: Difference, fix: _OfObject) -> bool:
    if isinstance(fix, ReplaceText):
        return _replaced(found, fix)
    if isinstance(fix, AddItem):
        return _added(found, fix)
    if found.place != (*fix.container, fix.key):
        return False
    if isinstance(fix, SetKey):
        return found.before is ABSENT and _same(found.after, fix.value)
    return found.after is ABSENT


def _same(one: Any, other: Any) -> bool:
    """The same, and of the same types: 1 is not true."""
    return not list(differences(one, other))


def _replaced(found: Difference, fix: ReplaceText) -> bool:
    """The one text, or the one word in it."""
    if found.place != fix.place:
        return False
    before, after = str(found.before), str(found.after)
    if type(found.before) is not type(found.after):
        return False
    if before == fix.before:
        return after == fix.after
    return before.count(fix.before) == 1 and before.replace(fix.before, fix.after) == after


def _added(found: Difference, fix: AddItem) -> bool:
    listed = (*fix.container, fix.key)
    if found.before is not ABSENT:
        return False
    if found.place == listed:
        return bool(found.after == [fix.item])
    return found.place[:-1] == listed and bool(found.after == fix.item)
