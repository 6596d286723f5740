"""Can the aliases be written as a move will write them? Tried on the text, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.obstacle import Obstacle
from pointsman.errors import RefusedError

__all__ = ["rehearsed"]

_JOINING, _URL = "rehearsal", "http://rehearsal.invalid/v1"


def rehearsed(config: ConfigText, terms: Terms) -> Iterator[Obstacle]:
    """What would be refused when another layer joins every alias, and when it is alone there."""
    aliases = Aliases(config, replace(terms, endpoints={**terms.endpoints, _JOINING: _URL}))
    try:
        shared, alone = _acts(aliases)
        if alone:
            aliases.write(shared)
            aliases.write(alone)
    except RefusedError as error:
        yield Obstacle(error.code, error.what, error.where, error.next_action)


def _acts(aliases: Aliases) -> tuple[list[Member], list[Member]]:
    """The members while two layers share each alias, and when one has it alone."""
    shared, alone = [], []
    for group in aliases.groups:
        ours = [member for member in aliases.members() if member.alias == group and member.ours]
        for member in ours[:1]:
            id_ = aliases.member_id(group, _JOINING)
            joining = replace(member, id=id_, layer=_JOINING, base_url=_URL, weight=member.weight + 1)
            shared += [*(replace(one, weight=one.weight + 1) for one in ours), joining]
            alone.append(joining)
    return shared, alone
