"""What a replica of LiteLLM has loaded, read as the same members that the configuration declares.

``GET /model/info`` lists the router's deployments with their ids: keys taken out, addresses from the environment
resolved, every ``model_group_alias`` repeated under its own name, a wildcard of a known provider written out as one row
per model of that provider (1.106).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.edge.contract import OTHER, Member, Weight
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_names import answered_by
from pointsman.edge.litellm_params import (
    INFO,
    PARAMS,
    blocked,
    credentials,
    layer_of,
    pinned,
    provider_of,
    said_address,
    shares,
)

__all__ = ["loaded"]

Row = Mapping[str, Any]


def loaded(aliases: Aliases, listed: Sequence[Row]) -> tuple[tuple[Member, ...], dict[str, str]]:
    """Members of the aliases in the identity of the declared ones, and those ids by the ids that responses name.

    A deployment that is loaded and not declared is told with its real id.
    """
    members: list[Member] = []
    names: dict[str, str] = {}
    for group in aliases.groups:
        declared = [member for member in aliases.members() if member.alias == group]
        rows = _rows(aliases, group, {member.id for member in declared}, listed)
        here: list[Member] = []
        for row, weight in zip(rows, _weights(rows), strict=True):
            member = _member(aliases, group, row, weight)
            known = _declared(member, _info(row), declared, {one.id for one in here})
            here.append(known)
            names[pinned(_info(row))] = known.id
        if len(here) == 1 and here[0].ours and not any(_params(row).get("weight") for row in rows):
            here = [replace(here[0], weight=100)]
        members += here
    return tuple(members), names


def _rows(aliases: Aliases, group: str, known: set[str], listed: Sequence[Row]) -> list[Row]:
    """The deployments of a group, each once; of a wildcard, rows are named after what falls under it."""
    found: dict[str, Row] = {}
    for row in listed:
        id_, name = pinned(_info(row)), str(row.get("model_name"))
        if name == group or ("*" in group and (id_ in known or answered_by(aliases.config, name) == group)):
            found.setdefault(id_, row)
    return list(found.values())


def _weights(rows: Sequence[Row]) -> list[Weight]:
    open_ = [index for index, row in enumerate(rows) if not blocked(_info(row))]
    found = shares([rows[index] for index in open_])
    known = dict(zip(open_, found, strict=True)) if isinstance(found, list) else {}
    return [known.get(index, 0) for index in range(len(rows))]


def _member(aliases: Aliases, group: str, row: Row, weight: Weight) -> Member:
    params = _params(row)
    base = said_address(params, credentials(aliases.config))
    layer = layer_of(base, aliases.terms.endpoints)
    provider, served = provider_of(params)
    name = served if layer is not None or not provider else f"{provider}/{served}"
    return Member(pinned(_info(row)), OTHER if layer is None else layer, base, name, weight, group)


def _declared(member: Member, info: Row, declared: Sequence[Member], taken: set[str]) -> Member:
    """The member under its declared id: by the id it was pinned to, else by what it is, else by its layer.

    A wildcard's rows do not say the model's name at the engine, but their own: the declared one is taken.
    """
    free = [one for one in declared if one.id not in taken]
    pinned_ = [one for one in free if one.id == member.id]
    if pinned_ or info.get("db_model"):
        return replace(member, served_name=pinned_[0].served_name) if pinned_ and "*" in member.alias else member
    if "*" in member.alias:
        there = (replace(member, id=one.id, served_name=one.served_name) for one in free if _at(one, member))
        return next(there, member)
    same = [one for one in free if _at(one, member) and one.served_name == member.served_name]
    near = [one for one in free if one.layer == member.layer and one.served_name == member.served_name]
    hidden = [one for one in near if not one.base_url or one.base_url.startswith("os.environ/")]
    for one in (*same, *(hidden if not member.ours else near)):
        return replace(member, id=one.id, base_url=one.base_url if one in hidden else member.base_url)
    return member


def _at(left: Member, right: Member) -> bool:
    return (left.layer, left.base_url) == (right.layer, right.base_url)


def _params(row: Row) -> Row:
    found = row.get(PARAMS)
    return found if isinstance(found, Mapping) else {}


def _info(row: Row) -> Row:
    found = row.get(INFO)
    return found if isinstance(found, Mapping) else {}
