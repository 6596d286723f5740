"""A finding: what does not agree, where it stands, what tenants would notice, and the edit that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.edges import Edge
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place
from pointsman.edge.config_spans import Field, Value

__all__ = ["AddItem", "DropEntry", "Finding", "Fix", "ReplaceText", "SetEntry"]


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


Fix = ReplaceText | AddItem | SetEntry | DropEntry


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
