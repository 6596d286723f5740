"""Which groups are on, and why; and the groups file that says so.

The file is a YAML list with one flow mapping a line in the platform's own order, and ``enabled`` is text: selectors of
an ApplicationSet compare text. The same configuration always gives the same bytes, so that a diff shows a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.catalog.config import Config
from pointsman.catalog.platform import Group
from pointsman.catalog.repository import Repository

__all__ = ["Row", "groups_text", "resolved"]


@dataclass(frozen=True, slots=True)
class Row:
    """One group, decided."""

    group: Group
    on: bool
    catalog: str
    """Folder of its Applications, from the repository's root."""
    origin: str = ""
    """``file:line`` of what decided it; empty for a default."""

    @property
    def element(self) -> dict[str, str]:
        """What an ApplicationSet's generator is given."""
        return {
            "name": self.group.name,
            "layer": self.group.layer,
            "enabled": "true" if self.on else "false",
            "catalogPath": self.catalog,
        }


def resolved(repository: Repository, config: Config) -> list[Row]:
    """Every group, in order."""
    return list(_rows(repository, config))


def _rows(repository: Repository, config: Config) -> Iterator[Row]:
    folder = repository.platform.spec.catalog.replace("{env}", repository.env)
    for group in repository.platform.spec.groups:
        on, said = _decided(group, config)
        origin = config.source.at(group.opened_by.place) if said else ""
        yield Row(group, on, f"{folder}/{group.name}", origin)


def _decided(group: Group, config: Config) -> tuple[bool, bool]:
    """Is it on, and did the configuration say so?"""
    gate = group.opened_by
    if not gate.place:
        return True, False
    if gate.feature:
        found = config.switch(gate.place)
        return (group.default, False) if found is None else (found, True)
    word = config.word(gate.place)
    return (word == gate.value, True) if word else (group.default, False)


def groups_text(rows: Sequence[Row]) -> str:
    """The groups file."""
    return "".join(f"- {{ {', '.join(_fields(row))} }}\n" for row in rows)


def _fields(row: Row) -> Iterator[str]:
    for name, value in row.element.items():
        yield f'{name}: "{value}"' if name == "enabled" else f"{name}: {value}"
