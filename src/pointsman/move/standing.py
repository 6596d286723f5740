"""Where an alias stands: its split as declared, and what replicas of the edge run instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointsman.edge.contract import CLOSED, OTHER, AliasState, Member, Replica
from pointsman.errors import PointsmanError
from pointsman.spec.model import Model

__all__ = ["otherwise", "split", "warnings_of"]

OTHERS = "others"
"""In the place of a layer: members that are none of ours, together."""


def split(alias: AliasState, members: Sequence[Member] | None = None, group: str = "") -> dict[str, int]:
    """Percent by layer of one of the aliases that move together, the first one unless its group is named.

    Of the declared members, or of those that a replica has loaded.
    """
    group = group or next(iter(alias.groups), "")
    shown = [one for one in (alias.members if members is None else members) if one.alias in ("", group)]
    total = sum(one.weight for one in shown)
    parts: dict[str, float] = defaultdict(float)
    for one in shown:
        parts[OTHERS if one.layer == OTHER else one.layer] += one.weight
    return {layer: round(100 * part / total) for layer, part in parts.items()} if total else {}


def warnings_of(model: Model, alias: AliasState | PointsmanError) -> Iterator[str]:
    """What people should know of the aliases as they are declared."""
    name = model.spec.tenant.alias
    if isinstance(alias, PointsmanError):
        yield f"alias {name} cannot be read: {alias.what}"
        return
    if alias.members and all(one.layer == CLOSED for one in alias.members):
        yield f"alias {name} is closed: tenants get errors until a move opens it"
    for group in alias.groups[1:]:
        if _ours(other := split(alias, group=group)) != _ours(split(alias)):
            yield f"alias {group} is declared otherwise: {_words(other)}"


def _ours(parts: Mapping[str, int]) -> dict[str, int]:
    """Percent by layer of what is not others': two aliases may have others of their own."""
    ours = {layer: percent for layer, percent in parts.items() if layer != OTHERS}
    return {layer: round(100 * percent / (sum(ours.values()) or 1)) for layer, percent in ours.items()}


def otherwise(alias: AliasState, replicas: Sequence[Replica]) -> list[dict[str, Any]]:
    """Replicas that serve and run something else than what is declared, those that run the same together.

    ``split`` is None of those that do not say.
    """
    serving = [one for one in replicas if one.ready and not one.terminating]
    apart: dict[frozenset[Member] | str, list[Replica]] = defaultdict(list)
    for one in serving:
        if not one.runs(alias.members):
            apart[one.why if one.members is None else frozenset(one.members)].append(one)
    return [_group(alias, same, len(serving)) for same in apart.values()]


def _group(alias: AliasState, same: Sequence[Replica], of: int) -> dict[str, Any]:
    members, began = same[0].members, [one.since for one in same if one.since is not None]
    return {
        "replicas": len(same),
        "of": of,
        "split": None if members is None else split(alias, members),
        "members": None if members is None else {one.id: one.weight for one in members},
        "since": max(began).isoformat() if began else "",
        "why": same[0].why,
    }


def _words(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{percent} % {layer}" for layer, percent in parts.items()) or "to nobody"
