"""A finding: what does not agree, where it stands, what tenants would notice, and the edit that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pointsman.adopt.edges import Edge
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place
from pointsman.edge.config_spans import Field, Value

__all__ = ["AddItem", "DropEntry", "DropKey", "Finding", "Fix", "ReplaceText", "SetEntry", "SetKey", "tied"]


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """One text of an object becomes another."""

    standing: Standing
    place: Place
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AddItem:
    """An item more in a list of a container: an argument, or a variable."""

    standing: Standing
    container: Place
    key: str
    """``args`` or ``env``."""
    item: Any


@dataclass(frozen=True, slots=True)
class SetKey:
    """A key that a mapping of an object does not have."""

    standing: Standing
    container: Place
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class DropKey:
    """A key of a mapping of an object goes, with what stands behind it."""

    standing: Standing
    container: Place
    key: str


@dataclass(frozen=True, slots=True)
class SetEntry:
    """Values of one entry of an edge."""

    edge: Edge
    index: int
    values: Mapping[Field, Value]


@dataclass(frozen=True, slots=True)
class DropEntry:
    """One entry of an edge goes; carried out after everything else, since others' numbers change with it."""

    edge: Edge
    index: int


Fix = ReplaceText | AddItem | SetKey | DropKey | SetEntry | DropEntry


@dataclass(frozen=True, slots=True)
class Finding:
    """One."""

    code: str
    model: str
    where: str
    what: str
    next_action: str
    fixes: tuple[Fix, ...] = ()
    """Edits that mend it, all of them together; none where a person has to decide."""
    tied: str = ""
    """Findings of one tie are mended together or not at all: by one alone, tenants would lose what they have."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "code": self.code,
            "model": self.model,
            "where": self.where,
            "what": self.what,
            "next": self.next_action,
            "fixable": bool(self.fixes),
        }


def tied(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings; each of a tie has the edits of all of them, or none where one of them has none.

    An entry that goes needs nobody's edit, and stays by itself.
    """
    by_tie: dict[str, list[Finding]] = {}
    for one in findings:
        if one.tied and not any(isinstance(fix, DropEntry) for fix in one.fixes):
            by_tie.setdefault(one.tied, []).append(one)
    fixes = {
        id(one): tuple(fix for each in some for fix in each.fixes) if all(each.fixes for each in some) else ()
        for some in by_tie.values()
        for one in some
    }
    return [replace(one, fixes=fixes[id(one)]) if id(one) in fixes else one for one in findings]
