"""What another groups file makes appear and vanish, told from the repository alone.

That is less than ``pointsman root`` tells with a cluster: which Applications come and go, and not what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.catalog.groups import Row
from pointsman.catalog.profile import appset_of, children_in
from pointsman.catalog.repository import Repository
from pointsman.catalog.source import BOUNDS
from pointsman.errors import PointsmanError
from pointsman.intake.yaml import read_yaml

__all__ = ["Effects", "effects"]


@dataclass(slots=True)
class Effects:
    """Groups that are turned on and off, and Applications that come and go with them."""

    on: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    appear: list[tuple[str, str]] = field(default_factory=list)
    """Name, and what makes it."""
    vanish: list[tuple[str, str]] = field(default_factory=list)
    """Name, and why."""
    unknown: list[str] = field(default_factory=list)
    """What the repository does not tell."""

    def lines(self) -> list[str]:
        """For people; nothing where no group is turned on or off."""
        return [
            *(f"+ {name} ({by})" for name, by in self.appear),
            *(f"- {name} ({why})" for name, why in self.vanish),
            *(f"? {what}" for what in self.unknown),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "groupsOn": self.on,
            "groupsOff": self.off,
            "appear": [{"name": name, "by": by} for name, by in self.appear],
            "vanish": [{"name": name, "why": why} for name, why in self.vanish],
            "unknown": self.unknown,
        }


def effects(repository: Repository, before: bytes | None, rows: Sequence[Row]) -> Effects:
    """What ``rows`` change against the groups file ``before``; None where there is none yet."""
    was = dict(_enabled(before))
    found = Effects()
    for row in rows:
        if row.on is not (row.group.name in was):
            (found.on if row.on else found.off).append(row.group.name)
            _tell(repository, row, found)
    gone = sorted(was.keys() - {row.group.name for row in rows})
    found.off += gone
    found.unknown += [f"group {name} is in the groups file, and platform.yaml does not know it" for name in gone]
    return found


def _enabled(text: bytes | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Groups that are on, as an ApplicationSet reads the file."""
    data = read_yaml((text or b"").decode("utf-8", "replace"), BOUNDS).data
    for one in data if isinstance(data, list) else ():
        if isinstance(one, dict) and one.get("enabled") == "true":
            yield str(one.get("name")), one


def _tell(repository: Repository, row: Row, found: Effects) -> None:
    """Applications of one group."""
    group = row.group.name
    try:
        made = appset_of(repository, row.group.layer)
        names = [one.name for one in made.generated([{**row.element, "enabled": "true"}])]
        children = children_in(repository, row.catalog, made.namespace)
    except PointsmanError as error:
        found.unknown.append(f"what group {group} brings and takes along: {error.what}")
        return
    if not row.on and not made.deletes:
        found.unknown.append(f"group {group} is off, and ApplicationSet {made.name} deletes nothing: all of it stays")
        return
    told = [(name, f"ApplicationSet {made.name}") for name in names]
    told += [(one.name, f"group {group}") for one in children or ()]
    (found.appear if row.on else found.vanish).extend(told)
    if children is None:
        found.unknown.append(f"{row.catalog} is rendered by Argo CD, which alone knows what is in it")
