"""Settings of LiteLLM's router and proxy that decide before weights do, or that leave tenants less protected.

Only ``router_settings`` reaches the router; the same key under ``general_settings`` is not read (1.106).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.obstacle import Obstacle

__all__ = ["SETTINGS"]

Groups = Mapping[str, list[Entry]]

SHUFFLE = "simple-shuffle"
_STRATEGIES = {
    "least-busy": "sends every request to the member with the fewest in flight, so an idle one gets all",
    "latency-based-routing": "prefers the member that answered fastest",
    "usage-based-routing": "prefers the member with the fewest tokens in this minute",
    "usage-based-routing-v2": "prefers the member with the fewest tokens in this minute",
    "cost-based-routing": "sends every request to the cheapest member",
    "lar1": "chooses by its own estimate",
    "priority": "sends every request to the first group that answers",
}
_STICKY = {
    "deployment_affinity": "keeps each tenant's key on the member it had first, for an hour",
    "session_affinity": "keeps each session on the member it had first",
}
_CONTINUED = {
    "prompt_caching": "a prompt that a member has cached",
    "responses_api_deployment_check": "a request that continues a response",
    "encrypted_content_affinity": "a request with a member's encrypted content",
}


def _strategy(config: ConfigText, groups: Groups) -> Iterator[Obstacle]:
    said = config.settings("router_settings").get("routing_strategy")
    if said is not None and said != SHUFFLE:
        yield _unweighed(str(said), "", config.place_of("router_settings", "routing_strategy"))
    for one in _listed(config, "router_settings", "routing_groups"):
        strategy, members = one.get("routing_strategy"), one.get("models")
        shared = [group for group in groups if isinstance(members, list) and group in members]
        if shared and strategy not in (SHUFFLE, "priority"):
            place = config.place_of("router_settings", "routing_groups")
            yield _unweighed(str(strategy), f" for {shared[0]} (group {one.get('group_name')})", place)


def _unweighed(strategy: str, whom: str, place: str) -> Obstacle:
    does = _STRATEGIES.get(strategy, "is none that LiteLLM 1.106 knows")
    return Obstacle(
        "edge-strategy",
        f"routing_strategy {strategy}{whom} does not follow weights: it {does}",
        place,
        f"set routing_strategy: {SHUFFLE} while the alias moves",
    )


def _tags(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    if config.settings("router_settings").get("enable_tag_filtering"):
        yield Obstacle(
            "edge-tags",
            "router_settings.enable_tag_filtering lets tags decide before weights, and refuses requests "
            "whose tags no member has, marked ones among them",
            config.place_of("router_settings", "enable_tag_filtering"),
            "take enable_tag_filtering off while the alias moves",
        )


def _affinity(config: ConfigText, groups: Groups) -> Iterator[Obstacle]:
    router = config.settings("router_settings")
    checks = router.get("optional_pre_call_checks")
    place = config.place_of("router_settings", "optional_pre_call_checks")
    for name in checks if isinstance(checks, list) else []:
        if name in _STICKY:
            yield Obstacle("edge-affinity", f"{name} {_STICKY[name]}, whatever the weights say", place, _OFF)
        elif name in _CONTINUED:
            sentence = f"{name}: {_CONTINUED[name]} goes to the member that has it, whatever the weights say"
            yield Obstacle("edge-affinity", sentence, place, "", "warn")
        elif name in ("enforce_model_rate_limits", "router_budget_limiting"):
            yield Obstacle("edge-limits", f"{name} takes a member out that is over its limit", place, "", "warn")
    bound = router.get("model_group_affinity_config")
    for group, names in bound.items() if isinstance(bound, dict) else ():
        place = config.place_of("router_settings", "model_group_affinity_config")
        for name in names if group in groups and isinstance(names, list) else []:
            if name in _STICKY:
                yield Obstacle("edge-affinity", f"{group}: {name} {_STICKY[name]}", place, _OFF)


_OFF = "take it off while the alias moves"


def _cooldown(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    router, settings = config.settings("router_settings"), config.settings("litellm_settings")
    fails = router.get("allowed_fails")
    fails = settings.get("allowed_fails") if fails is None else fails
    place = config.place_of("router_settings")
    if router.get("disable_cooldowns"):
        yield _warned(
            "edge-cooldown", "router_settings.disable_cooldowns is on: a failing member keeps its share", place
        )
    if fails != 0:
        yield _warned(
            "edge-cooldown", "router_settings.allowed_fails is not 0: a failing member is tried again and again", place
        )
    if not router.get("cooldown_time"):
        yield _warned(
            "edge-cooldown", "router_settings.cooldown_time is not set: a failing member comes back after 5 s", place
        )


def _database(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    if config.settings("general_settings").get("store_model_in_db"):
        yield _warned(
            "edge-database",
            "general_settings.store_model_in_db is on: the alias may have members that are not in this file, "
            "and keys and teams may have weights and strategies of their own",
            config.place_of("general_settings", "store_model_in_db"),
        )


def _include(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    if config.data.get("include"):
        yield _warned(
            "edge-include",
            "the configuration includes other files: they may have entries of the alias too",
            config.place_of("include"),
        )


def _cache(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    if config.settings("litellm_settings").get("cache") is True:
        yield _warned(
            "edge-cache",
            "litellm_settings.cache is on: answers from the cache reach no member; marked requests ask past it",
            config.place_of("litellm_settings", "cache"),
        )


def _renamed(config: ConfigText, groups: Groups) -> Iterator[Obstacle]:
    said = config.settings("litellm_settings").get("model_alias_map")
    for entries in groups.values():
        for entry in entries:
            model = entry.section("litellm_params").get("model")
            if isinstance(said, dict) and isinstance(model, str) and model in said:
                yield Obstacle(
                    "edge-renamed",
                    f"litellm_settings.model_alias_map makes {model} into {said[model]} behind the router",
                    config.place_of("litellm_settings", "model_alias_map"),
                    "write the name the engine serves into the entry",
                )


def _deciders(config: ConfigText, _groups: Groups) -> Iterator[Obstacle]:
    router = config.settings("router_settings")
    for name, does in (
        ("plugins", "may take members out before weights decide"),
        ("provider_budget_config", "takes providers out that are over their budget"),
    ):
        if router.get(name):
            yield _warned("edge-limits", f"router_settings.{name} {does}", config.place_of("router_settings", name))


def _listed(config: ConfigText, section: str, key: str) -> list[dict[str, Any]]:
    found = config.settings(section).get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _warned(code: str, sentence: str, place: str) -> Obstacle:
    return Obstacle(code, sentence, place, "", "warn")


SETTINGS: tuple[Callable[[ConfigText, Groups], Iterator[Obstacle]], ...] = (
    _strategy,
    _tags,
    _affinity,
    _renamed,
    _cooldown,
    _database,
    _include,
    _cache,
    _deciders,
)
