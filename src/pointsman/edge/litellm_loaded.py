"""What a replica of LiteLLM has loaded, read as the same members that the configuration declares.

``GET /model/info`` lists the router's deployments with their ids: keys taken out, addresses from the environment
resolved, every ``model_group_alias`` repeated under its own name, a wildcard of a known provider written out as one row
per model of that provider (1.106). An id that nobody pinned is a digest LiteLLM makes up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.edge.contract import OTHER, Member, Weight
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_names import answered_by, matches
from pointsman.edge.litellm_params import (
    INFO,
    PARAMS,
    Section,
    blocked,
    credentials_of,
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
    declared = aliases.members()
    for group in aliases.groups:
        here = [member for member in declared if member.alias == group]
        for member in _group(aliases, group, here, listed):
            known = _known(member, here, {one.id for one in members})
            members.append(replace(known, id=known.id or member.id))
            names[member.id] = known.id
    return tuple(members), names


def _group(aliases: Aliases, group: str, declared: Sequence[Member], listed: Sequence[Row]) -> list[Member]:
    """The deployments of a group, each once, under their real ids."""
    found: dict[str, Row] = {}
    for row in listed:
        if row.get("model_name") == group or _written_out(row, aliases, group, declared):
            found.setdefault(pinned(_section(row, INFO)), row)
    rows = list(found.values())
    made = [_member(aliases, group, row, weight) for row, weight in zip(rows, _weights(rows), strict=True)]
    if len(made) == 1 and made[0].ours and not _section(rows[0], PARAMS).get("weight"):
        return [replace(made[0], weight=100)]
    return made


def _written_out(row: Row, aliases: Aliases, group: str, declared: Sequence[Member]) -> bool:
    """Is the row one model of a wildcard entry? It bears a name that falls under the pattern, or under its model's."""
    name, model = str(row.get("model_name")), _section(row, PARAMS).get("model")
    if "*" not in group or name != model:
        return False
    if pinned(_section(row, INFO)) in {member.id for member in declared} or answered_by(aliases.config, name) == group:
        return True
    return any("*" in one.served_name and matches(one.served_name, name) for one in declared if not one.ours)


def _weights(rows: Sequence[Row]) -> list[Weight]:
    open_ = [index for index, row in enumerate(rows) if not blocked(_section(row, INFO))]
    found = shares([rows[index] for index in open_])
    known = dict(zip(open_, found, strict=True)) if isinstance(found, list) else {}
    return [known.get(index, 0) for index in range(len(rows))]


def _member(aliases: Aliases, group: str, row: Row, weight: Weight) -> Member:
    params = _unmasked(_section(row, PARAMS), aliases)
    base = said_address(params, credentials_of(aliases.config))
    layer = layer_of(base, aliases.terms.endpoints)
    provider, served = provider_of(params)
    name = served if layer is not None or not provider else f"{provider}/{served}"
    return Member(pinned(_section(row, INFO)), OTHER if layer is None else layer, base, name, weight, group)


def _unmasked(params: Section, aliases: Aliases) -> Section:
    """With the credential's name, which some versions mask: ``vllm-credential`` becomes ``vllm*******tial``."""
    shown = str(params.get("litellm_credential_name") or "")
    for name in credentials_of(aliases.config) if "*" in shown else ():
        if len(name) == len(shown) and all(a in ("*", b) for a, b in zip(shown, name, strict=True)):
            return {**params, "litellm_credential_name": name}
    return params


def _known(member: Member, declared: Sequence[Member], taken: set[str]) -> Member:
    """The member as it is declared: by the id it was pinned to, else by what it is, else by where it leads."""
    free = [one for one in declared if one.id not in taken]
    for same in (_by_id, _by_all, _by_layer, _by_name):
        for one in free:
            if same(one, member):
                return _as_declared(member, one)
    return member


def _as_declared(member: Member, declared: Member) -> Member:
    """A pattern's name and an address out of the environment are declared as what they are written as.

    The rows of a wildcard do not say the model's name at the engine, but their own.
    """
    base = declared.base_url if _by_name(declared, member) else member.base_url
    patterned = "*" in declared.served_name or "*" in declared.alias
    served = declared.served_name if patterned else member.served_name
    return replace(member, id=declared.id, base_url=base, served_name=served)


def _by_id(declared: Member, member: Member) -> bool:
    return declared.id == member.id


def _by_all(declared: Member, member: Member) -> bool:
    return replace(declared, id="", weight=0) == replace(member, id="", weight=0)


def _by_layer(declared: Member, member: Member) -> bool:
    return member.ours and declared.layer == member.layer


def _by_name(declared: Member, member: Member) -> bool:
    hidden = not declared.base_url or declared.base_url.startswith("os.environ/")
    same = declared.served_name == member.served_name or "*" in declared.served_name
    return hidden and not declared.ours and not member.ours and same


def _section(row: Row, name: str) -> Section:
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}
