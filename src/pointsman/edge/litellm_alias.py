"""One alias in a LiteLLM configuration: its entries read as members, and members written as entries.

Pure: text in, text out. LiteLLM's own reading decides what an entry means (1.106, ``simple_shuffle``): weight before
rpm before tpm before uniform, a missing weight is 0 as soon as another entry has one, a weight that is a string
fails every request, ``model_info.blocked`` takes an entry out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pointsman.edge.config_text import ConfigText, Entry, Value, refuse, scalar
from pointsman.edge.contract import Member
from pointsman.errors import RefusedError

__all__ = ["Alias", "Terms", "warnings"]

_PROVIDERS = ("openai", "hosted_vllm", "text-completion-openai")
_INFO, _PARAMS = "model_info", "litellm_params"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the spec says about the alias."""

    alias: str
    model: str
    """Name of the model, the first part of every member's id."""
    endpoints: Mapping[str, str]
    """Base URL by layer id."""
    key: str = "os.environ/UPSTREAM_API_KEY"
    """What a new entry says as ``api_key``; an existing one keeps its own."""
    price: tuple[float, float] | None = None
    """Per input and output token, for an alias that does not exist yet."""


class Alias:
    """One alias of one configuration."""

    def __init__(self, config: ConfigText, terms: Terms) -> None:
        self.config = config
        self.terms = terms

    def members(self) -> tuple[Member, ...]:
        """The entries as members; raises RefusedError naming the entry that cannot be one."""
        entries = self.config.entries(self.terms.alias)
        if not entries and self.config.data.get("include"):
            raise refuse(
                f"alias {self.terms.alias} may stand in an included file, which lies in the edge's image",
                self.config.where,
                code="edge-include",
                action="move the alias into this file, or remove the include",
            )
        weights = self._weights(entries)
        found = tuple(self._member(entry, weight) for entry, weight in zip(entries, weights, strict=True))
        self._refuse_twins(found)
        return found

    def write(self, members: Sequence[Member]) -> str:
        """The text with exactly these members, each with its weight; new ones first, so that a pattern is there."""
        _refuse_weights(members, self.config.where)
        return self._declare(members)

    def remove(self) -> str:
        """The text without the alias."""
        return self._declare(())

    def _declare(self, members: Sequence[Member]) -> str:
        self.members()
        config = self.config
        for entry in config.entries(self.terms.alias):
            config.check(entry)
        for member in members:
            config = self._put(config, member)
        keep = {member.id for member in members}
        for entry in reversed(config.entries(self.terms.alias)):
            if self._id(entry) not in keep:
                config = config.drop(entry)
        self._refuse_drift(config, members)
        return config.text

    def _put(self, config: ConfigText, member: Member) -> ConfigText:
        entries = config.entries(self.terms.alias)
        for entry in entries:
            if self._id(entry) == member.id:
                return config.set(entry, _values(member, entry))
        config = config.clone(entries[-1]) if entries else config.append(self._fresh())
        made = config.entries(self.terms.alias)[-1]
        return config.set(made, _values(member, made))

    def _fresh(self) -> list[str]:
        """An entry of an alias that does not exist yet; address and name are set at once afterwards."""
        lines = [
            f"model_name: {self.terms.alias}",
            "litellm_params:",
            "  model: openai/new",
            "  api_base: http://new/v1",
        ]
        lines.append(f"  api_key: {self.terms.key}")
        for name, price in zip(("input", "output"), self.terms.price or (), strict=False):
            lines.append(f"  {name}_cost_per_token: {scalar(price)}")
        return lines

    def _refuse_drift(self, config: ConfigText, members: Sequence[Member]) -> None:
        """Read the result back: the alias is what was asked for, everything else is what it was."""
        after = Alias(config, self.terms).members()
        same = sorted(after, key=_by_id) == sorted(members, key=_by_id)
        if not same or self._others(config) != self._others(self.config):
            raise refuse("the alias cannot be edited without changing more", config.where, code="edge-config-shape")

    def _others(self, config: ConfigText) -> dict[str, Any]:
        listed = config.data.get("model_list") or []
        kept = [item for item in listed if not (isinstance(item, dict) and item.get("model_name") == self.terms.alias)]
        return {**config.data, "model_list": kept}

    def _weights(self, entries: Sequence[Entry]) -> list[int]:
        """Shares as LiteLLM would take them."""
        for name in ("weight", "rpm", "tpm"):
            declared = [_params(entry).get(name) for entry in entries]
            if any(value is not None for value in declared):
                return [self._weight(entry, name, value) for entry, value in zip(entries, declared, strict=True)]
        return [100 if len(entries) == 1 else 1 for _ in entries]

    def _weight(self, entry: Entry, name: str, value: object) -> int:
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
            raise self._refuse(
                entry,
                f"{name} is {value!r}, and LiteLLM fails every request of an alias whose {name} is not a number"
                if isinstance(value, str)
                else f"{name} is {value!r}, not a whole number",
                code="edge-weight",
                action=f"write {name} as a whole number, without quotes",
            )
        return int(value)

    def _member(self, entry: Entry, weight: int) -> Member:
        info = entry.data.get(_INFO)
        if isinstance(info, dict) and info.get("blocked"):
            raise self._refuse(
                entry,
                "the entry is blocked, so weights cannot bring it back",
                code="edge-blocked",
                action="remove model_info.blocked, or the entry",
            )
        base, served = self._text(entry, "api_base").rstrip("/"), self._served(entry)
        return Member(self._id(entry), self._layer(entry), base, served, weight)

    def _id(self, entry: Entry) -> str:
        info = entry.data.get(_INFO)
        pinned = info.get("id") if isinstance(info, dict) else None
        return str(pinned) if pinned else f"{self.terms.model}-{self._layer(entry)}"

    def _layer(self, entry: Entry) -> str:
        """By address first: an id is a name, an address is where tenants go."""
        base = self._text(entry, "api_base")
        for layer, endpoint in self.terms.endpoints.items():
            if _address(base) == _address(endpoint):
                return layer
        raise self._refuse(
            entry,
            f"api_base {base} is the address of no serving layer of model {self.terms.model} "
            f"(known: {', '.join(self.terms.endpoints.values())})",
            code="edge-foreign",
            action="point the entry at one of these addresses, or take it out of the alias",
        )

    def _served(self, entry: Entry) -> str:
        model = self._text(entry, "model")
        provider, _, served = model.partition("/")
        if provider not in _PROVIDERS or not served:
            raise self._refuse(
                entry,
                f"model is {model!r}, not an OpenAI-compatible one",
                code="edge-foreign",
                action=f"write model: openai/{model}",
            )
        return served

    def _text(self, entry: Entry, key: str) -> str:
        value = _params(entry).get(key)
        if not isinstance(value, str) or value.startswith("os.environ/"):
            raise self._refuse(
                entry,
                f"litellm_params.{key} is {value!r}, so nobody can tell where the alias goes",
                code="edge-foreign",
                action=f"write litellm_params.{key} as text",
            )
        return value

    def _refuse_twins(self, members: Sequence[Member]) -> None:
        seen: set[str] = set()
        for member in members:
            if member.id in seen:
                raise refuse(
                    f"two entries of alias {self.terms.alias} are {member.id}",
                    self.config.where,
                    code="edge-twins",
                    action="remove one of them, or pin different model_info.id",
                )
            seen.add(member.id)

    def _refuse(self, entry: Entry, what: str, *, code: str, action: str) -> RefusedError:
        return refuse(f"alias {self.terms.alias}: {what}", self.config.place(entry), code=code, action=action)


def warnings(config: ConfigText, members: Sequence[Member]) -> tuple[str, ...]:
    """Settings that weaken a move."""
    router = config.data.get("router_settings") or {}
    general = config.data.get("general_settings") or {}
    found = []
    if not isinstance(router, dict) or router.get("allowed_fails") != 0:
        found.append("router_settings.allowed_fails is not 0: a failing member is tried again and again")
    if not isinstance(router, dict) or not router.get("cooldown_time"):
        found.append("router_settings.cooldown_time is not set: a failing member comes back after 5 s")
    if isinstance(router, dict) and router.get("routing_strategy", "simple-shuffle") != "simple-shuffle":
        found.append(f"router_settings.routing_strategy {router['routing_strategy']} does not follow weights")
    if isinstance(general, dict) and general.get("store_model_in_db"):
        found.append("general_settings.store_model_in_db is on: the alias may have members that are not in this file")
    if any(not member.base_url.endswith("/v1") for member in members):
        found.append("an api_base of the alias does not end in /v1: its requests are answered with 404")
    return tuple(found)


def _values(member: Member, entry: Entry) -> dict[tuple[str, str], Value]:
    """The fields that are ours; the provider stays the one the entry names."""
    said = str(_params(entry).get("model", ""))
    provider = said.partition("/")[0]
    base = str(_params(entry).get("api_base", ""))
    return {
        (_PARAMS, "model"): f"{provider if provider in _PROVIDERS else 'openai'}/{member.served_name}",
        (_PARAMS, "api_base"): base if base.rstrip("/") == member.base_url else member.base_url,
        (_PARAMS, "weight"): member.weight,
        (_INFO, "id"): member.id,
    }


def _refuse_weights(members: Sequence[Member], where: str) -> None:
    if not members or sum(member.weight for member in members) <= 0:
        raise refuse(
            "an alias needs a member with a weight above 0",
            where,
            code="edge-weight",
            action="give one member a weight",
        )


def _params(entry: Entry) -> Mapping[str, Any]:
    params = entry.data.get(_PARAMS)
    return params if isinstance(params, dict) else {}


def _address(url: str) -> tuple[str, int, str]:
    """Host without what cluster DNS adds, port, path without ``/v1``."""
    parts = urlsplit(url)
    host = re.sub(r"\.svc(\.[-a-z0-9.]+)?$", "", parts.hostname or "")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return host, parts.port or (443 if parts.scheme == "https" else 80), path


def _by_id(member: Member) -> str:
    return member.id
