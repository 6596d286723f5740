"""The gates of a platform as people see them: value, origin, the groups behind it; and which one is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.catalog.config import Config
from pointsman.catalog.gate import Gate
from pointsman.catalog.groups import Row
from pointsman.catalog.platform import Platform
from pointsman.errors import RefusedError, UsageError
from pointsman.spec.judging import nearest
from pointsman.spec.words import shown

__all__ = ["Feature", "feature_named", "features_of"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One gate."""

    name: str
    value: str
    """``true`` or ``false``; of a choice what the configuration says, empty when nothing."""
    origin: str
    """``file:line``, or ``default``."""
    groups: tuple[str, ...]
    """Groups that it turns on."""
    on: bool
    """Are they?"""
    opened_by: str = "true"
    """The value that turns them on."""

    def as_dict(self) -> dict[str, object]:
        """The fields under stable names."""
        return {
            "name": self.name,
            "value": self.value,
            "on": self.on,
            "from": self.origin,
            "opensWith": self.opened_by,
            "groups": list(self.groups),
        }


def features_of(config: Config, rows: Sequence[Row]) -> list[Feature]:
    """Every gate, in the order of the groups that come first behind it."""
    behind: dict[Gate, list[Row]] = {}
    for row in rows:
        if row.group.opened_by.place:
            behind.setdefault(row.group.opened_by, []).append(row)
    return [_of(gate, found, config) for gate, found in behind.items()]


def _of(gate: Gate, rows: Sequence[Row], config: Config) -> Feature:
    first = rows[0]
    value = ("true" if first.on else "false") if gate.feature else config.word(gate.place)
    names = tuple(row.group.name for row in rows)
    return Feature(gate.name, value, first.origin or "default", names, first.on, gate.value or "true")


def feature_named(platform: Platform, config: Config, word: str) -> str:
    """The feature that is meant; raises UsageError with the nearest name, or RefusedError for what is no feature."""
    gates = {group.opened_by.feature: group for group in platform.spec.groups if group.opened_by.feature}
    if word in gates:
        return word
    for group in platform.spec.groups:
        gate = group.opened_by
        if word in (group.name, gate.field) and not gate.feature:
            raise _no_switch(word, gate, config)
        if word == group.name:
            raise UsageError(
                f"{word} is a group, turned on by the feature {gate.feature}",
                next_action=f"name the feature: {gate.feature}",
                code="feature-unknown",
            )
    near = nearest(word, list(gates))
    raise UsageError(
        f"there is no feature {shown(word)}" + (f"; did you mean {near!r}?" if near else ""),
        next_action=f"use one of: {', '.join(gates)}",
        code="feature-unknown",
    )


def _no_switch(word: str, gate: Gate, config: Config) -> RefusedError:
    """Always on, or a choice between more than two values, of which only people know the others."""
    if not gate.place:
        return RefusedError(f"{word} is always on", next_action="pointsman features", code="feature-not-a-switch")
    return RefusedError(
        f"{word} is turned on by {gate.field}: {gate.value}, which is a choice and no feature",
        where=config.source.at(gate.place),
        next_action=f"write the value of {gate.field} that you want by hand",
        code="feature-not-a-switch",
    )
