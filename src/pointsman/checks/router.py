"""5xx: settings of LiteLLM's router and proxy."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.edges import Edge, Member, located
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.members import fallbacks_of, line_of, open_members, own_aliases, setting, writes
from pointsman.checks.view import View
from pointsman.edge.config_text import Entry
from pointsman.edge.litellm_names import aliases_of, answered_by, matches
from pointsman.edge.litellm_params import INFO, PARAMS, share
from pointsman.edge.litellm_settings import SETTINGS

__all__ = ["CHECKS"]

_EDGES = frozenset({"edges"})
_OWN = frozenset({"edges", "models"})
_MEASURED = "LiteLLM 1.106.2, its Router"
_SHORT = 60
"""Seconds; 2,000 tokens at 30 a second take longer."""


def _weighted(edge: Edge) -> dict[str, list[Member]]:
    """Aliases of several members, some with a weight."""
    known = {alias: some for alias, some in open_members(edge).items() if len(some) > 1}
    return {
        alias: some for alias, some in known.items() if any(share(one.entry.data, "weight") is not None for one in some)
    }


def _cooldown(view: View) -> Iterator[Told]:
    for edge in view.edges:
        several = [alias for alias, some in open_members(edge).items() if len(some) > 1 and "*" not in alias]
        wrong = _amplified(edge)
        if several and wrong:
            what = f"{wrong}: a member that fails keeps its share of {several[0]}, and takes most requests with it"
            yield Told(None, what, where=setting(edge, "router_settings"))


def _amplified(edge: Edge) -> str:
    router, settings = edge.config.settings("router_settings"), edge.config.settings("litellm_settings")
    fails = router.get("allowed_fails", settings.get("allowed_fails"))
    if router.get("disable_cooldowns"):
        return "disable_cooldowns is on"
    if router.get("allowed_fails_policy"):
        return ""
    parts = ["allowed_fails is not 0"] if fails != 0 else []
    parts += [] if router.get("cooldown_time") else ["cooldown_time is not set (5 s)"]
    return " and ".join(parts)


def _strategy(view: View) -> Iterator[Told]:
    for edge in view.edges:
        groups: dict[str, list[Entry]] = {alias: [one.entry for one in some] for alias, some in _weighted(edge).items()}
        for look in SETTINGS if groups else ():
            for one in look(edge.config, groups):
                if one.code == "edge-strategy":
                    yield Told(
                        None, f"{one.sentence}; {next(iter(groups))} has weights", where=located(edge, one.place)
                    )


def _order(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for alias, members in _weighted(edge).items():
            orders = [_order_of(one) for one in members]
            if len(set(map(str, orders))) > 1:
                first = next(one for one in members if _order_of(one) is not None)
                section = PARAMS if first.params.get("order") is not None else INFO
                what = f"{alias}: its members have different order, and the lowest takes every request"
                yield Told(None, what, where=line_of(first, section, "order"))


def _order_of(one: Member) -> object:
    said = one.params.get("order")
    return one.entry.section(INFO).get("order") if said is None else said


def _hidden(view: View) -> Iterator[Told]:
    for edge in view.edges:
        behind = aliases_of(edge.config)
        for name in edge.config.names:
            if behind.get(name, name) != name:
                what = f"{name} is a model_group_alias of {behind[name]}, so this entry is never asked"
                first = next(one for one in edge.members if one.alias == name)
                yield Told(None, what, where=first.where)


def _nowhere(view: View) -> Iterator[Told]:
    for edge in view.edges:
        if edge.database or edge.config.data.get("include"):
            continue
        for name, target in aliases_of(edge.config).items():
            if answered_by(edge.config, target, follow=False) is None:
                what = f"model_group_alias {name} leads to {target}, and no entry of that name is here"
                yield Told(None, what, where=setting(edge, "router_settings", "model_group_alias", name))
        for name, target, place in fallbacks_of(edge):
            if answered_by(edge.config, target) is None:
                what = f"{'every alias' if name == '*' else name} falls back to {target}, and no entry of it is here"
                yield Told(None, what, where=setting(edge, *place))


def _pattern(view: View) -> Iterator[Told]:
    own = {(id(members[0].edge), alias) for alias, members, _ in own_aliases(view)}
    for edge in view.edges:
        for one in (each for each in edge.members if "*" in each.alias):
            caught = [alias for key, alias in sorted(own) if key == id(edge) and _catches(one.alias, alias)]
            if caught:
                said = str(one.params.get("model"))
                what = f"{one.alias} leads to {said}: when {caught[0]} is misspelt, or gone, that answers and bills"
                yield Told(None, what, where=one.where)


def _catches(pattern: str, alias: str) -> bool:
    return "*" in pattern and pattern != alias and matches(pattern, alias)


def _tags(view: View) -> Iterator[Told]:
    for edge in view.edges:
        on = edge.config.settings("router_settings").get("enable_tag_filtering") is True
        bare = [alias for alias, some in open_members(edge).items() if not any(_tagged(one) for one in some)]
        if on and bare:
            what = f"requests that carry a tag are refused for {bare[0]}, none of whose members has one"
            yield Told(None, what, where=setting(edge, "router_settings", "enable_tag_filtering"))


def _tagged(one: Member) -> bool:
    return bool(one.params.get("tags") or one.params.get("tag_regex"))


def _timeout(view: View) -> Iterator[Told]:
    own = [(alias, members, roads) for alias, members, roads in own_aliases(view) if writes(members[0])]
    for edge in view.edges:
        aliases = [alias for alias, members, _ in own if members[0].edge is edge]
        for section, key in (("litellm_settings", "request_timeout"), ("router_settings", "timeout")):
            value = edge.config.settings(section).get(key)
            if aliases and _short(value):
                yield Told(None, f"{section}.{key} is {value} s{_GIVES_UP}", where=setting(edge, section, key))
    for alias, members, _ in own:
        for one in members:
            key = "timeout" if one.params.get("timeout") else "request_timeout"
            value = one.params.get(key)
            if _short(value):
                what = f"{alias}: {key} is {value} s{_GIVES_UP}"
                yield Told(None, what, where=line_of(one, PARAMS, key))


_GIVES_UP = ": LiteLLM gives up on longer answers and asks again, while the engine works on"


def _short(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _SHORT


def _database(view: View) -> Iterator[Told]:
    for edge in view.edges:
        if edge.database and edge.members:
            what = "store_model_in_db is on: entries that were added there share aliases with those of the file, unseen"
            yield Told(None, what, where=located(edge, edge.database))


CHECKS = (
    Check(
        "PM511",
        "cooldown",
        Level.warning,
        _EDGES,
        cause="LiteLLM's defaults amplify a bad member: 9:1 with the big one failing lost 79 of 100 requests, "
        "with both set 0",
        remedy="set router_settings: {allowed_fails: 0, cooldown_time: 30}",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_cooldown,
    ),
    Check(
        "PM512",
        "strategy-without-weights",
        Level.warning,
        _EDGES,
        cause="only simple-shuffle follows weights: with 0 and 100 least-busy sent 200 of 200 to the one with 0",
        remedy="set routing_strategy: simple-shuffle",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_strategy,
    ),
    Check(
        "PM513",
        "order-over-weights",
        Level.warning,
        _EDGES,
        cause="the lowest order takes 200 of 200 requests, whatever the weights say",
        remedy="give all members of the alias the same order, or none",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_order,
    ),
    Check(
        "PM514",
        "entry-hidden",
        Level.warning,
        _EDGES,
        cause="model_group_alias is looked up first, so an entry of the same name is never asked (200 of 200)",
        remedy="take out the entry, or the model_group_alias",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_hidden,
    ),
    Check(
        "PM515",
        "leads-nowhere",
        Level.warning,
        _EDGES,
        cause="a fallback, or another name of an alias, that leads to no entry fails when it is needed",
        remedy="correct the name, or take it out",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2, its proxy: 400 for the name, 500 where the fallback should have answered",
        run=_nowhere,
    ),
    Check(
        "PM516",
        "pattern-catches",
        Level.info,
        _OWN,
        cause="a pattern answers every name that has no entry of its own, so a mistake in an alias is billed elsewhere",
        remedy="write the names that are meant, or narrow the pattern",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_pattern,
    ),
    Check(
        "PM517",
        "tags-refuse",
        Level.warning,
        _EDGES,
        cause="with enable_tag_filtering a request that carries a tag is refused where no member has it (200 of 200)",
        remedy="give members tags, one of them default, or take enable_tag_filtering off",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_tags,
    ),
    Check(
        "PM518",
        "timeout-short",
        Level.warning,
        _OWN,
        cause="an answer that is not streamed comes as a whole: past the timeout LiteLLM retries, and the work doubles",
        remedy="set it to what the longest answer takes: 600",
        sure=Sure.rule,
        fact="2,000 tokens at 30 a second take 67 s",
        run=_timeout,
    ),
    Check(
        "PM519",
        "models-in-database",
        Level.info,
        _EDGES,
        cause="members in LiteLLM's database take shares of aliases that stand in files, and no file shows them",
        remedy="keep an alias in one place: ask GET /model/info which members it has",
        sure=Sure.source,
        fact="LiteLLM 1.106.2, store_model_in_db",
        run=_database,
    ),
)
