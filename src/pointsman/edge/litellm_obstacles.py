"""What in a LiteLLM configuration stands in the way of a move, said before anything is started.

Each is what LiteLLM 1.106 does with the setting; tests hold it against the installed router. ``refuse``: weights would
not decide, or a member cannot be known; ``warn``: tenants are less protected than they could be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_base import base_of, leads_astray
from pointsman.edge.litellm_names import aliases_of
from pointsman.edge.litellm_params import (
    DUMMIES,
    INFO,
    PARAMS,
    credentials_of,
    hidden_address,
    layer_of,
    provider_of,
    said_address,
)
from pointsman.edge.litellm_rehearsal import rehearsed
from pointsman.edge.litellm_settings import SETTINGS
from pointsman.edge.obstacle import Obstacle
from pointsman.errors import RefusedError
from pointsman.spec.apis import APIS

__all__ = ["Obstacle", "obstacles"]


def obstacles(config: ConfigText, terms: Terms) -> tuple[Obstacle, ...]:
    """All of them, those that refuse first; rehearses the edits, which takes as long as making them."""
    aliases = Aliases(config, terms)
    found = [*(list(_unreadable(aliases)) or rehearsed(config, terms)), *_broken(config), *_settings(aliases)]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.level != "refuse"))


def _settings(aliases: Aliases) -> Iterator[Obstacle]:
    config = aliases.config
    groups = {group: config.entries(group) for group in aliases.groups}
    for check in SETTINGS:
        yield from check(config, groups)
    for group, entries in groups.items():
        for one in _ENTRIES:
            yield from one(aliases, group, entries)


def _unreadable(aliases: Aliases) -> Iterator[Obstacle]:
    try:
        aliases.members()
    except RefusedError as error:
        yield Obstacle(error.code, error.what, error.where, error.next_action)


def _broken(config: ConfigText) -> Iterator[Obstacle]:
    """LiteLLM asks every entry for these, and ends when one has none."""
    for index, item in enumerate(config.data.get("model_list") or []):
        params = item.get(PARAMS) if isinstance(item, dict) else None
        if not isinstance(params, dict) or "model" not in params or "model_name" not in item:
            yield Obstacle(
                "edge-config-broken",
                "an entry of model_list has no model_name, litellm_params or model, so LiteLLM does not start",
                config.line(config.items[index]),
                "complete the entry, or remove it",
            )


def _missing(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    if not entries:
        yield Obstacle(
            "edge-alias-missing",
            f"alias {group} has no entry, so requests for it are refused",
            aliases.config.place_of("model_list"),
            "",
            "warn",
        )


def _unknown(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    known = credentials_of(aliases.config)
    for entry in entries:
        hidden = hidden_address(entry.section(PARAMS), known)
        if hidden:
            yield Obstacle(
                "edge-address-unknown",
                f"alias {group}: the address is {hidden}, which only the edge's process knows, "
                "so nobody can tell whether it is one of the model's layers",
                aliases.config.place(entry),
                "write the address as text in litellm_params.api_base",
            )


def _order(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    orders = [_order_of(entry) for entry in entries]
    if len(set(map(str, orders))) > 1:
        yield Obstacle(
            "edge-order",
            f"alias {group}: its entries have different order, and LiteLLM sends every request to the lowest "
            "whatever the weights say",
            aliases.config.place(next(entry for entry in entries if _order_of(entry) is not None)),
            "give all entries of the alias the same order, or none",
        )


def _mode(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    for entry in entries:
        mode = entry.section(INFO).get("mode")
        asked = aliases.terms.api
        if isinstance(mode, str) and mode not in asked.modes:
            other = next((one.id for one in APIS.values() if mode in one.modes), None)
            yield Obstacle(
                "edge-mode",
                f"alias {group}: mode is {mode}, and marked requests would ask for {asked.what} (spec.contract.api: "
                f"{asked.id})",
                aliases.config.place(entry),
                f"write spec.contract.api: {other}, or correct model_info.mode"
                if other
                else "move this model by hand, or correct model_info.mode",
            )
        elif mode is None and not asked.tokens:
            yield Obstacle(
                "edge-mode",
                f"alias {group}: model_info.mode is not said, so LiteLLM's own checks ask for a chat",
                aliases.config.place(entry),
                "write mode: embedding",
                "warn",
            )


def _filtered(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    for entry in entries:
        if entry.section(INFO).get("enable_tag_filtering") is True:
            yield Obstacle(
                "edge-tags",
                f"alias {group}: model_info.enable_tag_filtering lets tags decide before weights, "
                "and refuses marked requests",
                aliases.config.place(entry),
                "take enable_tag_filtering off the alias while it moves",
            )


def _keys(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    for entry in _ours(aliases, entries):
        key = entry.section(PARAMS).get("api_key")
        if isinstance(key, str) and key.strip().lower() in DUMMIES:
            yield Obstacle(
                "edge-key-dummy",
                f"alias {group}: api_key looks like a placeholder, and an engine that checks keys refuses it",
                aliases.config.place(entry),
                "write the engine's key, or set spec.contract.auth to none",
                "warn",
            )


def _versions(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    known = credentials_of(aliases.config)
    for entry in _ours(aliases, entries):
        base = said_address(entry.section(PARAMS), known)
        wanted = base_of(base)
        if leads_astray(base, provider_of(entry.section(PARAMS))[0]):
            yield Obstacle(
                "edge-no-version",
                f"alias {group}: {base} is not the /v1 that engines answer below: its requests are answered with 404",
                aliases.config.place(entry),
                f"write {wanted}" if wanted else "write the /v1 below which its engine answers",
                "warn",
            )


def _cover(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    if len(entries) == 1:
        yield Obstacle(
            "edge-no-cover",
            f"alias {group} has one member: while that fails, nothing covers for it",
            aliases.config.place(entries[0]),
            "",
            "warn",
        )
    if "*" in group and len(entries) > 1:
        yield Obstacle(
            "edge-no-cooldown",
            f"alias {group} is a pattern: LiteLLM never takes a failing member of a pattern out for a while",
            aliases.config.place(entries[0]),
            "",
            "warn",
        )


def _limits(aliases: Aliases, group: str, entries: list[Entry]) -> Iterator[Obstacle]:
    for entry in _ours(aliases, entries):
        names = [name for name in _LIMITS if entry.section(PARAMS).get(name) is not None]
        if names:
            yield Obstacle(
                "edge-limits",
                f"alias {group}: {', '.join(names)} hold for each member; a new member gets the same",
                aliases.config.place(entry),
                "",
                "warn",
            )


def _shadowed(aliases: Aliases, _group: str, _entries: list[Entry]) -> Iterator[Obstacle]:
    behind = aliases_of(aliases.config)
    for name in aliases.names():
        for entry in aliases.config.entries(name) if behind.get(name, name) != name else []:
            yield Obstacle(
                "edge-shadowed",
                f"{name} is a model_group_alias of {behind[name]}, so LiteLLM never asks this entry",
                aliases.config.place(entry),
                "remove the entry, or the model_group_alias",
                "warn",
            )


def _ours(aliases: Aliases, entries: list[Entry]) -> list[Entry]:
    known = credentials_of(aliases.config)
    return [
        entry
        for entry in entries
        if layer_of(said_address(entry.section(PARAMS), known), aliases.terms.endpoints) is not None
    ]


def _order_of(entry: Entry) -> object:
    found = entry.section(PARAMS).get("order")
    return entry.section(INFO).get("order") if found is None else found


_LIMITS = ("rpm", "tpm", "max_parallel_requests", "max_budget")
_ENTRIES: tuple[Callable[[Aliases, str, list[Entry]], Iterator[Obstacle]], ...] = (
    _missing,
    _unknown,
    _order,
    _mode,
    _filtered,
    _keys,
    _versions,
    _cover,
    _limits,
    _shadowed,
)
