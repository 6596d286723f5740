"""Everything in a LiteLLM configuration by which a tenant reaches an engine, other than the aliases that move.

Whoever parks an engine has to know them: their requests would find it gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Reacher
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_names import aliases_of, answered_by
from pointsman.edge.litellm_params import (
    PARAMS,
    Section,
    address,
    address_key,
    credentials_of,
    hidden_address,
    said_address,
)

__all__ = ["Reacher", "reaching"]

FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def reaching(config: ConfigText, terms: Terms, addresses: Collection[str]) -> tuple[Reacher, ...]:
    """What reaches one of ``addresses`` (base URLs) beside the names of ``terms``; entries first."""
    return tuple(dict.fromkeys(_Look(config, terms, addresses).all()))


class _Look:
    """One look at one configuration."""

    def __init__(self, config: ConfigText, terms: Terms, addresses: Collection[str]) -> None:
        self.config = config
        aliases = Aliases(config, terms)
        self.asked = set(aliases.names())
        self.moved = set(aliases.groups)
        self.wanted = [address(one) for one in addresses]
        self.entries: dict[str, Reacher] = {}
        """What reaches it by itself, by ``model_name``."""

    def all(self) -> Iterator[Reacher]:
        known = credentials_of(self.config)
        for entry in self.config.all_entries:
            found = self._entry(entry.name, entry.section(PARAMS), known, self.config.place(entry))
            if found is not None and (entry.name not in self.entries or found.certain):
                self.entries[entry.name] = found
        yield from self.entries.values()
        yield from self._endpoints()
        yield from self._by_group()
        yield from self._followers()
        yield from self._spread()
        for section in ("router_settings", "litellm_settings"):
            yield from self._fallbacks(section)

    def _entry(self, name: str, params: Section, known: Mapping[str, Section], place: str) -> Reacher | None:
        if name in self.moved:
            return None
        base, hidden = said_address(params, known), hidden_address(params, known)
        how = "its entries" if "*" in name else "its entry"
        if params.get(address_key(params)) is None and base:
            how = f"{how}, by credential {params.get('litellm_credential_name')}"
        if hidden:
            return Reacher(name, f"{how}, whose address is {hidden}", place, certain=False)
        return Reacher(name, how, place) if base and address(base) in self.wanted else None

    def _by_group(self) -> Iterator[Reacher]:
        """The entries that move answer to their own name too."""
        for group in sorted(self.moved - self.asked):
            for entry in self.config.entries(group)[:1]:
                yield Reacher(group, "its entries move along", self.config.place(entry), harmless=True)

    def _endpoints(self) -> Iterator[Reacher]:
        """Pass-through endpoints: a path of the edge that leads to a URL without any alias."""
        listed = self.config.settings("general_settings").get("pass_through_endpoints")
        place = self.config.place_of("general_settings", "pass_through_endpoints")
        for one in listed if isinstance(listed, list) else []:
            target = one.get("target") if isinstance(one, dict) else None
            if not isinstance(target, str):
                continue
            how, hidden = f"passes through to {target}", target.startswith("os.environ/")
            if hidden or any(_shares(address(target), to) for to in self.wanted):
                yield Reacher(str(one.get("path")), how, place, certain=not hidden)

    def _followers(self) -> Iterator[Reacher]:
        for name, target in aliases_of(self.config).items():
            if name not in self.asked:
                place = self.config.place_of("router_settings", "model_group_alias", name)
                for one in self._led(name, "follows", [target], place, alias=False):
                    yield replace(one, another_of=answered_by(self.config, target, follow=False) or "")

    def _spread(self) -> Iterator[Reacher]:
        """``routing_groups``: names that spread over other groups."""
        listed = self.config.settings("router_settings").get("routing_groups")
        place = self.config.place_of("router_settings", "routing_groups")
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict):
                yield from self._led(str(one.get("group_name")), "spreads over", one.get("models"), place, alias=False)

    def _fallbacks(self, section: str) -> Iterator[Reacher]:
        settings = self.config.settings(section)
        for kind in FALLBACKS:
            listed, place = settings.get(kind), self.config.place_of(section, kind)
            for one in listed if isinstance(listed, list) else []:
                for name, targets in one.items() if isinstance(one, dict) else ():
                    yield from self._led(str(name), "falls back to", targets, place)
        place = self.config.place_of(section, "default_fallbacks")
        yield from self._led("default_fallbacks", "falls back to", settings.get("default_fallbacks"), place)

    def _led(self, name: str, how: str, targets: Any, place: str, *, alias: bool = True) -> Iterator[Reacher]:
        """A name that leads to other names; ``alias``: which are looked up as aliases once more."""
        for one in targets if isinstance(targets, list) else []:
            target = one.get("model") if isinstance(one, dict) else one
            if not isinstance(target, str):
                continue
            group = answered_by(self.config, target, follow=alias)
            if group in self.moved or target in self.moved:
                yield Reacher(name, f"{how} {target}", place, harmless=True)
            elif group in self.entries:
                yield Reacher(name, f"{how} {target}", place, certain=self.entries[group].certain)


def _shares(target: tuple[str, int, str], wanted: tuple[str, int, str]) -> bool:
    """Is one path inside the other, on one host and port?"""
    one, other = (f"{path}/" for _, _, path in (target, wanted))
    return target[:2] == wanted[:2] and (one.startswith(other) or other.startswith(one))
