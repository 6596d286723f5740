"""The aliases of one model in a LiteLLM configuration: their entries read as members, and members written as entries.

Pure: text in, text out. Entries that lead to no layer of the model are others': they keep their share, and nothing of
theirs is changed but a weight that would not count otherwise.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.edge.config_edit import Edits
from pointsman.edge.config_spans import Field, Value
from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.config_yaml import refuse
from pointsman.edge.contract import Member
from pointsman.edge.litellm_names import concrete
from pointsman.edge.litellm_params import (
    INFO,
    PARAMS,
    address_key,
    blocked,
    pinned,
    provider_of,
    said_address,
)
from pointsman.edge.litellm_ways import Terms, Ways, counts

__all__ = ["DEFAULT_KEY", "Aliases", "Terms"]

DEFAULT_KEY = "os.environ/UPSTREAM_API_KEY"
"""What a new entry says as ``api_key`` when nobody says anything else."""


class Aliases:
    """All aliases of one model in one configuration."""

    def __init__(self, config: ConfigText, terms: Terms) -> None:
        self.config = config
        self.terms = terms
        self._ways = Ways(config, terms)

    def names(self) -> tuple[str, ...]:
        """The names that are asked for, first the alias."""
        return self._ways.names

    def group(self, name: str) -> str:
        """The ``model_name`` of the entries that answer a name."""
        return self._ways.group(name)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups behind the names, each once."""
        return self._ways.groups

    def member_id(self, group: str, layer: str) -> str:
        """The id of a member that has none yet."""
        return self._ways.member_id(group, layer)

    def members(self) -> tuple[Member, ...]:
        """The entries as members; raises RefusedError naming the entry that cannot be one."""
        return tuple(way.member for group in self.groups for way in self._ways.of(group))

    def probe_name(self, name: str) -> str:
        """A name to ask for that reaches the group of ``name`` and, when that is a pattern, no other."""
        if "*" not in name:
            return name
        found = concrete(self.config, name, tuple(self._middles(name)))
        if found is None:
            raise refuse(
                f"no name reaches {name} alone: other entries answer all that fall under it",
                self._place(name),
                code="edge-shadowed",
                action="take the alias out of spec.tenant, or the entries that come before it",
            )
        return found

    def settled(self, members: Sequence[Member]) -> tuple[Member, ...]:
        """Members as they will be read once they are written."""
        return tuple(self._settle(member) for member in members)

    def write(self, members: Sequence[Member]) -> str:
        """The text with exactly these members of ours; others' keep their entries, and their share as it is given."""
        wanted = self.settled(members)
        self._refuse_strangers(wanted)
        self._refuse_weightless(wanted)
        return self._declare(wanted)

    def remove(self) -> str:
        """The text without the members that are ours."""
        return self._declare(tuple(member for member in self.members() if not member.ours))

    def _declare(self, wanted: Sequence[Member]) -> str:
        edits = Edits(self.config)
        for group in self.groups:
            self._put_group(edits, group, [member for member in wanted if member.alias == group])
        after = edits.done()
        if after is not self.config:
            self._refuse_drift(after, wanted)
        return after.text

    def _put_group(self, edits: Edits, group: str, wanted: Sequence[Member]) -> None:
        ways = {way.member.id: way for way in self._ways.of(group)}
        given = {member.id: member for member in wanted}
        weighed = any(member.ours for member in wanted)
        for way in ways.values():
            member = given.get(way.member.id, way.member)
            if not way.member.ours:
                if weighed and counts(way.entry) != member.weight and not blocked(way.entry.section(INFO)):
                    edits.set(way.entry, {(PARAMS, "weight"): member.weight})
            elif member.id in given:
                edits.set(way.entry, self._values(member, way.entry))
            else:
                edits.drop(way.entry)
        self._put_new(edits, group, [member for member in wanted if member.ours and member.id not in ways])

    def _put_new(self, edits: Edits, group: str, new: Sequence[Member]) -> None:
        ways = self._ways.of(group)
        ours = [way.entry for way in ways if way.member.ours]
        for member in new:
            if ours and self._found_by(member, ours[-1]):
                edits.clone(ours[-1], self._values(member, ours[-1]))
            elif ours:
                edits.follow(ours[-1], self._repeated(member, ours[-1]))
            elif ways:
                edits.follow(ways[-1].entry, self._fresh(member))
            else:
                edits.append(self._fresh(member))

    def _values(self, member: Member, entry: Entry) -> dict[Field, Value]:
        """The fields that are ours; provider, key and all else stay what the entry says."""
        params = entry.section(PARAMS)
        provider, served = provider_of(params)
        said = str(params.get("model", ""))
        model = said if served == member.served_name else f"{provider}/{member.served_name}"
        if params.get("custom_llm_provider") and served != member.served_name and not said.startswith(f"{provider}/"):
            model = member.served_name
        values: dict[Field, Value] = {(PARAMS, "model"): model}
        if said_address(params, self._ways.credentials) != member.base_url:
            values[PARAMS, address_key(params)] = member.base_url
        if pinned(entry.section(INFO)) != member.id:
            values[INFO, "id"] = member.id
        return {**values, (PARAMS, "weight"): member.weight}

    def _found_by(self, member: Member, entry: Entry) -> bool:
        """Does the entry say what the member's gateway finds its layer by?"""
        said = entry.section(PARAMS).get("extra_headers")
        wanted = self.terms.headers.get(member.layer) or {}
        return wanted.items() <= said.items() if isinstance(said, Mapping) else not wanted

    def _repeated(self, member: Member, entry: Entry) -> dict[str, Any]:
        """The entry again, for another layer, with that layer's headers in the place of its own."""
        made = copy.deepcopy(dict(entry.data))
        for (section, name), value in self._values(member, entry).items():
            made.setdefault(section, {})[name] = value
        made[PARAMS]["extra_headers"] = dict(self.terms.headers[member.layer])
        return made

    def _fresh(self, member: Member) -> dict[str, Any]:
        """An entry where there is none of ours to repeat."""
        params: dict[str, Any] = {
            "model": f"openai/{member.served_name}",
            "api_base": member.base_url,
            "weight": member.weight,
            "api_key": self.terms.key or self._key_beside(),
        }
        if headers := self.terms.headers.get(member.layer):
            params["extra_headers"] = dict(headers)
        for name, price in zip(("input", "output"), self.terms.price or (), strict=False):
            params[f"{name}_cost_per_token"] = price
        mode = {} if self.terms.api.tokens else {"mode": "embedding"}
        return {"model_name": member.alias, PARAMS: params, INFO: {"id": member.id, **mode}}

    def key_of(self, group: str) -> str | None:
        """What a member that is added to a group will say as ``api_key``: as the entry of ours that it repeats."""
        for way in self._ways.of(group):
            if way.member.ours:
                params = way.entry.section(PARAMS)
                kept = self._ways.credentials.get(str(params.get("litellm_credential_name")), {})
                said = params.get("api_key") or kept.get("api_key")
                return said if isinstance(said, str) else None
        return self.terms.key or self._key_beside()

    def _key_beside(self) -> str:
        """The key that most entries at our addresses show, else most that name an address; else the default."""
        ours: Counter[str] = Counter()
        near: Counter[str] = Counter()
        for entry in self.config.all_entries:
            params = entry.section(PARAMS)
            key = params.get("api_key")
            if not isinstance(key, str) or not key or not said_address(params, self._ways.credentials):
                continue
            if self._ways.layer(params) is not None:
                ours[key] += 1
            elif provider_of(params)[0] == "hosted_vllm":
                near[key] += 1
        best = (ours or near).most_common(1)
        return best[0][0] if best else DEFAULT_KEY

    def _refuse_drift(self, after: ConfigText, wanted: Sequence[Member]) -> None:
        """Read the result back: the aliases are what was asked for."""
        read = Aliases(after, self.terms).members()
        asked = {member.id: member for member in self.members() if not member.ours}
        asked.update((member.id, member) for member in wanted)
        ours = {member for member in asked.values() if member.ours}
        if {member for member in read if member.ours} != ours:
            raise refuse("the aliases do not read back as they were written", after.where, code="edge-config-shape")

    def _settle(self, member: Member) -> Member:
        group = member.alias or self.groups[0]
        ours = [way for way in self._ways.of(group) if way.member.ours] if group in self.groups else []
        if member.ours and ours and "*" in ours[-1].member.served_name:
            return replace(member, alias=group, served_name=ours[-1].member.served_name)
        return replace(member, alias=group)

    def _middles(self, name: str) -> list[str]:
        """What to put in the place of a pattern's star so that an engine knows the name."""
        served = [way.member.served_name for group in self.groups for way in self._ways.of(group) if way.member.ours]
        known = [one for one in served if "*" not in one]
        prefix, _, suffix = name.partition("*")
        found = [one.removeprefix(prefix) for one in known if one.startswith(prefix) and one.endswith(suffix)]
        behind = [one for one in served if "*" in one]
        for pattern in behind:
            before = pattern.partition("*")[0]
            found = [one.removeprefix(before) for one in known if one.startswith(before)] + found
        return found

    def _place(self, name: str) -> str:
        entries = self.config.entries(self.group(name))
        return self.config.place(entries[0]) if entries else self.config.where

    def _refuse_strangers(self, wanted: Sequence[Member]) -> None:
        for member in wanted:
            if member.alias not in self.groups:
                raise refuse(
                    f"member {member.id} is of {member.alias}, which is no alias of model {self.terms.model}",
                    self.config.where,
                    code="edge-foreign",
                    action="read the aliases again",
                )

    def _refuse_weightless(self, wanted: Sequence[Member]) -> None:
        kept = {member.id: member for member in self.members() if not member.ours}
        kept.update((member.id, member) for member in wanted)
        for group in self.groups:
            weights = [member.weight for member in kept.values() if member.alias == group]
            if (weights and sum(weights) <= 0) or not any(member.ours for member in wanted):
                raise refuse(
                    f"alias {group} needs a member with a weight above 0",
                    self.config.where,
                    code="edge-weight",
                    action="give one member a weight",
                )
