"""Everything in a LiteLLM configuration by which a tenant reaches an engine, other than the aliases that move.

Whoever parks an engine has to know them: their requests would find it gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Reacher
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_names import aliases_of
from pointsman.edge.litellm_params import (
    PARAMS,
    address,
    address_key,
    credentials,
    from_environment,
    said_address,
)

__all__ = ["Reacher", "reaching"]

FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def reaching(config: ConfigText, terms: Terms, addresses: Collection[str]) -> tuple[Reacher, ...]:
    """What reaches one of ``addresses`` (base URLs) beside the aliases of ``terms``, in the order of the text."""
    moved = set(Aliases(config, terms).groups)
    wanted = {address(one) for one in addresses}
    entries = {reacher.name: reacher for reacher in _entries(config, moved, wanted)}
    found = [*entries.values(), *_endpoints(config, wanted)]
    asked = set(Aliases(config, terms).names())
    found += _followers(config, moved, entries, asked)
    found += _groups(config, moved, entries)
    found += _fallbacks(config, moved, entries)
    return tuple(found)


def _entries(config: ConfigText, moved: Collection[str], wanted: Collection[object]) -> Iterator[Reacher]:
    """Groups with an entry that leads there, or that may."""
    known = credentials(config)
    for entry in config.all_entries:
        params = entry.section(PARAMS)
        base = said_address(params, known)
        if entry.name in moved or not base:
            continue
        how = "its entries" if "*" in entry.name else "its entry"
        if params.get(address_key(params)) is None:
            how = f"{how}, by credential {params.get('litellm_credential_name')}"
        if from_environment(base):
            yield Reacher(entry.name, f"{how}, whose address is {base}", config.place(entry), certain=False)
        elif address(base) in wanted:
            yield Reacher(entry.name, how, config.place(entry))


def _endpoints(config: ConfigText, wanted: Collection[object]) -> Iterator[Reacher]:
    """Pass-through endpoints: a path of the edge that leads to a URL without any alias."""
    listed = config.settings("general_settings").get("pass_through_endpoints")
    place = config.place_of("general_settings", "pass_through_endpoints")
    for one in listed if isinstance(listed, list) else []:
        target = one.get("target") if isinstance(one, dict) else None
        if not isinstance(target, str):
            continue
        how = f"passes through to {target}"
        if from_environment(target):
            yield Reacher(str(one.get("path")), how, place, certain=False)
        elif any(address(target)[:2] == host[:2] for host in wanted if isinstance(host, tuple)):
            yield Reacher(str(one.get("path")), how, place)


def _followers(
    config: ConfigText, moved: Collection[str], entries: Mapping[str, Reacher], asked: Collection[str]
) -> Iterator[Reacher]:
    for name, target in aliases_of(config).items():
        place = config.place_of("router_settings", "model_group_alias", name)
        if name not in asked and target in moved:
            yield Reacher(name, f"follows {target}", place, harmless=True)
        elif name not in asked and target in entries:
            yield Reacher(name, f"follows {target}", place, certain=entries[target].certain)


def _groups(config: ConfigText, moved: Collection[str], entries: Mapping[str, Reacher]) -> Iterator[Reacher]:
    """``routing_groups``: names that spread over other groups."""
    listed = config.settings("router_settings").get("routing_groups")
    place = config.place_of("router_settings", "routing_groups")
    for one in listed if isinstance(listed, list) else []:
        members = one.get("models") if isinstance(one, dict) else None
        yield from _led(
            str(one.get("group_name")) if isinstance(one, dict) else "", members, "spreads over", place, moved, entries
        )


def _fallbacks(config: ConfigText, moved: Collection[str], entries: Mapping[str, Reacher]) -> Iterator[Reacher]:
    for section in ("router_settings", "litellm_settings"):
        for kind in FALLBACKS:
            listed = config.settings(section).get(kind)
            place = config.place_of(section, kind)
            for one in listed if isinstance(listed, list) else []:
                for name, targets in one.items() if isinstance(one, dict) else ():
                    yield from _led(str(name), targets, "falls back to", place, moved, entries)
        default = config.settings(section).get("default_fallbacks")
        place = config.place_of(section, "default_fallbacks")
        yield from _led("*", default, "falls back to", place, moved, entries)


def _led(
    name: str, targets: Any, how: str, place: str, moved: Collection[str], entries: Mapping[str, Reacher]
) -> Iterator[Reacher]:
    for target in targets if isinstance(targets, list) else []:
        group = target.get("model") if isinstance(target, dict) else target
        if group in moved:
            yield Reacher(name, f"{how} {group}", place, harmless=True)
        elif isinstance(group, str) and group in entries:
            yield Reacher(name, f"{how} {group}", place, certain=entries[group].certain)
