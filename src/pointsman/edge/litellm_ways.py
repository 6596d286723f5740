"""The entries behind the aliases of one model, read as the members that they are.

Entries that lead to no layer of the model are others' members: nothing about them is refused but what breaks the alias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.config_yaml import refuse
from pointsman.edge.contract import OTHER, Member, Weight, member_id
from pointsman.edge.litellm_names import aliases_of, answered_by
from pointsman.edge.litellm_params import (
    INFO,
    KNOWN,
    PARAMS,
    blocked,
    credentials_of,
    layer_of,
    pinned,
    provider_of,
    said_address,
    shares,
)
from pointsman.errors import RefusedError
from pointsman.spec.apis import APIS, Api

__all__ = ["Terms", "Way", "Ways", "counts"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the spec says about the aliases."""

    alias: str
    model: str
    """Name of the model, the first part of every member's id."""
    endpoints: Mapping[str, str]
    """Base URL by layer id."""
    aliases: tuple[str, ...] = ()
    """Further names that move together with it."""
    key: str | None = None
    """What a new entry says as ``api_key``; None: as the entries beside it. An existing entry keeps its own."""
    price: tuple[float, float] | None = None
    """Per input and output token, for an alias that does not exist yet."""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What an entry says as ``extra_headers``, by layer id, where a gateway that others share finds the layer by it."""
    api: Api = APIS["chat"]
    """What tenants ask for."""


@dataclass(frozen=True, slots=True)
class Way:
    """An entry, and the member that it is."""

    entry: Entry
    member: Member


class Ways:
    """The aliases' entries, by group."""

    def __init__(self, config: ConfigText, terms: Terms) -> None:
        self.config = config
        self.terms = terms
        self._read: dict[str, list[Way]] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that are asked for, first the alias."""
        return tuple(dict.fromkeys([self.terms.alias, *self.terms.aliases]))

    def group(self, name: str) -> str:
        """The ``model_name`` of the entries that answer a name.

        A pattern answers it only when it leads to one of our layers; else the name is one that does not exist yet.
        """
        found = answered_by(self.config, name)
        target = aliases_of(self.config).get(name, name)
        if found is None or found == target:
            return target
        ours = any(self.layer(entry.section(PARAMS)) is not None for entry in self.config.entries(found))
        return found if ours else target

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups behind the names, each once."""
        return tuple(dict.fromkeys(self.group(name) for name in self.names))

    def member_id(self, group: str, layer: str) -> str:
        """The id of a member that has none yet: ``<model>-<layer>``, of a further group with ``@<group>``."""
        return member_id(self.terms.model, layer, "" if group == self.groups[0] else group)

    def of(self, group: str) -> list[Way]:
        """The entries of a group with their members; raises RefusedError naming one that cannot be a member."""
        if group not in self._read:
            self._read[group] = self._group(group)
        return self._read[group]

    def layer(self, params: Mapping[str, Any]) -> str | None:
        """By address first: an id is a name, an address is where tenants go."""
        return layer_of(said_address(params, self.credentials), self.terms.endpoints)

    @cached_property
    def credentials(self) -> dict[str, Mapping[str, Any]]:
        """``credential_list`` by name."""
        return credentials_of(self.config)

    def _group(self, group: str) -> list[Way]:
        entries = self.config.entries(group)
        if not entries:
            self._refuse_include(group)
        for entry in entries:
            self._refuse_broken(entry)
        weights = self._weights(entries)
        found: list[Way] = []
        others = 0
        for entry, weight in zip(entries, weights, strict=True):
            layer = self.layer(entry.section(PARAMS))
            others += layer is None
            member = self._other(entry, weight, others) if layer is None else self._ours(entry, weight, layer)
            found.append(Way(entry, member))
        if len(found) == 1 and found[0].member.ours and not counts(found[0].entry):
            found = [Way(found[0].entry, replace(found[0].member, weight=100))]
        self._refuse_twins(found)
        return found

    def _weights(self, entries: Sequence[Entry]) -> list[Weight]:
        open_ = [entry for entry in entries if not blocked(entry.section(INFO))]
        found = shares([entry.data for entry in open_])
        if isinstance(found, tuple):
            index, name, value = found
            raise self._refuse(
                open_[index],
                f"{name} is {value}, and LiteLLM fails every request of an alias whose {name} is no number from 0 on",
                code="edge-weight",
                action=f"write {name} as a number, without quotes",
            )
        known = {entry.index: weight for entry, weight in zip(open_, found, strict=True)}
        return [known.get(entry.index, 0) for entry in entries]

    def _ours(self, entry: Entry, weight: Weight, layer: str) -> Member:
        params, info = entry.section(PARAMS), entry.section(INFO)
        if blocked(info):
            raise self._refuse(
                entry,
                "the entry is blocked, so weights cannot bring it back",
                code="edge-blocked",
                action="remove model_info.blocked, or the entry",
            )
        provider, served = provider_of(params)
        if provider not in KNOWN or not served:
            raise self._refuse(entry, *_unspoken(params, provider))
        base = said_address(params, self.credentials)
        return Member(pinned(info) or self.member_id(entry.name, layer), layer, base, served, weight, entry.name)

    def _other(self, entry: Entry, weight: Weight, number: int) -> Member:
        params = entry.section(PARAMS)
        provider, served = provider_of(params)
        name = f"{provider}/{served}" if provider else served
        id_ = pinned(entry.section(INFO)) or f"{entry.name}#{number}"
        return Member(id_, OTHER, said_address(params, self.credentials), name, weight, entry.name)

    def _refuse_include(self, group: str) -> None:
        if self.config.data.get("include"):
            raise refuse(
                f"alias {group} may stand in an included file, which lies in the edge's image",
                self.config.place_of("include"),
                code="edge-include",
                action="move the alias into this file, or remove the include",
            )

    def _refuse_broken(self, entry: Entry) -> None:
        """LiteLLM asks every entry for its model."""
        if not isinstance(entry.section(PARAMS).get("model"), str):
            raise self._refuse(
                entry,
                "the entry has no litellm_params.model, so LiteLLM does not start",
                code="edge-config-broken",
                action="complete the entry, or remove it",
            )

    def _refuse_twins(self, ways: Sequence[Way]) -> None:
        before = [way for group in self._read for way in self._read[group]]
        seen = {way.member.id for way in before}
        for way in ways:
            if way.member.id in seen:
                raise self._refuse(
                    way.entry,
                    f"another entry is {way.member.id} too, so nobody can tell which of them answered",
                    code="edge-twins",
                    action="remove one of them, or pin different model_info.id",
                )
            seen.add(way.member.id)

    def _refuse(self, entry: Entry, what: str, code: str, action: str) -> RefusedError:
        return refuse(f"alias {entry.name}: {what}", self.config.place(entry), code=code, action=action)


def counts(entry: Entry) -> Weight:
    """The weight an entry has by itself."""
    value = entry.section(PARAMS).get("weight")
    return value if isinstance(value, int | float) else 0


def _unspoken(params: Mapping[str, Any], provider: str) -> tuple[str, str, str]:
    """What, code and action for an entry at our address whose provider does not speak to it."""
    model = params.get("model")
    if not provider:
        what = f"model is {model!r}, which names no provider"
        return what, "edge-provider", f"write model: hosted_vllm/{model}"
    return (
        f"model is {model!r}: provider {provider} is none that is known to speak OpenAI's API to an api_base",
        "edge-provider",
        f"keep it if it serves tenants and move another alias, or name one of {', '.join(KNOWN)}",
    )
