"""5xx: members of LiteLLM's aliases: their keys, ids, prices and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointsman.adopt.edges import Edge, Member, located
from pointsman.adopt.findings import Fix, SetEntry
from pointsman.adopt.promise import Auth
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.disagreeing import DISAGREE, told_of
from pointsman.checks.members import line_of, own_aliases, setting
from pointsman.checks.secrets import is_plain_secret, names_secret
from pointsman.checks.view import View
from pointsman.edge.litellm_params import DUMMIES, INFO, PARAMS, pinned

__all__ = ["CHECKS"]

_EDGES = frozenset({"edges"})
_OWN = frozenset({"edges", "models"})
_PRICES = ("input_cost_per_token", "output_cost_per_token", "input_cost_per_second", "output_cost_per_second")


def _placeholder(view: View) -> Iterator[Told]:
    for alias, members, roads in own_aliases(view):
        for road in roads:
            auth, key = road.engines[0].auth.value, road.member.params.get("api_key")
            asks = isinstance(auth, Auth) and bool(auth.secret or auth.plain)
            if asks and road.member in members and isinstance(key, str) and key.strip().lower() in DUMMIES:
                what = f"{alias}: api_key is a stand-in, and {road.engines[0]} asks for a key: it is told 401"
                yield Told(None, what, where=line_of(road.member, PARAMS, "api_key"))


def _plain_key(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for one in edge.members:
            for key, value in one.params.items():
                if is_plain_secret(str(key), value):
                    yield Told(None, f"{one.alias}: {key} stands in plain text", where=line_of(one, PARAMS, str(key)))
        yield from _plain_settings(edge)


def _plain_settings(edge: Edge) -> Iterator[Told]:
    for section in ("general_settings", "litellm_settings", "router_settings", "environment_variables"):
        for path, value in _texts(edge.config.settings(section)):
            key = path[-1]
            known = path == ("master_key",) and not value.startswith(("os.environ/", "$", "{"))
            if known or is_plain_secret(key, value):
                what = f"{'.'.join((section, *path))} stands in plain text"
                yield Told(None, what, where=setting(edge, section, *path))
    listed = edge.config.data.get("credential_list")
    for one in listed if isinstance(listed, list) else []:
        values = one.get("credential_values") if isinstance(one, dict) else None
        for key, value in values.items() if isinstance(values, dict) else ():
            if names_secret(str(key)) and is_plain_secret(str(key), value):
                what = f"credential {one.get('credential_name')}: {key} stands in plain text"
                yield Told(None, what, where=located(edge, edge.config.place_of("credential_list")))


def _texts(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a section, as ``cache_params`` hold some, with its path."""
    for key, value in settings.items():
        if isinstance(value, str):
            yield (str(key),), value
        elif isinstance(value, Mapping):
            yield from (((str(key), *path), text) for path, text in _texts(value))


def _no_id(view: View) -> Iterator[Told]:
    for alias, members, _ in own_aliases(view):
        missing = [one for one in members if not pinned(one.entry.section(INFO))]
        if missing:
            count = "its member has" if len(members) == 1 else f"{len(missing)} of its {len(members)} members have"
            fixes = _ids(missing)
            yield Told(None, f"{alias}: {count} no model_info.id", where=missing[0].where, fixes=fixes)


def _ids(missing: Sequence[Member]) -> tuple[Fix, ...]:
    edge = missing[0].edge
    taken = {pinned(one.entry.section(INFO)) for one in edge.members}
    made: list[Fix] = []
    for one in missing:
        number = 1
        while (name := f"{one.alias}-{number}") in taken:
            number += 1
        taken.add(name)
        made.append(SetEntry(edge, one.entry.index, {(INFO, "id"): name}))
    return tuple(made)


def _price_of(one: Member) -> dict[str, object]:
    info = one.entry.section(INFO)
    return {key: value for key in _PRICES if (value := one.params.get(key, info.get(key))) is not None}


def _unpriced(view: View) -> Iterator[Told]:
    for alias, _, roads in own_aliases(view):
        members = [road.member for road in roads]
        if not any(_price_of(one) or one.entry.section(INFO).get("base_model") for one in members):
            what = f"{alias} has no price, so its requests cost nothing in LiteLLM's books, and no budget binds"
            yield Told(None, what, where=members[0].where)


def _free(view: View) -> Iterator[Told]:
    for alias, _, roads in own_aliases(view):
        prices = [_price_of(road.member) for road in roads]
        if all(one and all(value in (0, 0.0) for value in one.values()) for one in prices):
            member = roads[0].member
            key = next(iter(prices[0]))
            section = PARAMS if key in member.params else INFO
            what = f"{alias} has the price 0: LiteLLM lets requests for it past budgets that are spent"
            yield Told(None, what, where=line_of(member, section, key))


CHECKS = (
    Check(
        "PM505",
        "key-stands-in",
        Level.error,
        _OWN,
        cause="an engine that checks keys refuses a stand-in",
        remedy="write api_key: os.environ/NAME, with that variable set from the engine's Secret",
        sure=Sure.measured,
        fact="vLLM 0.32, asked in the lab",
        run=_placeholder,
    ),
    Check(
        "PM506",
        "key-in-plain-text",
        Level.error,
        _EDGES,
        cause="whoever can read the configuration has the key, and git never forgets it",
        remedy="give it by a variable: os.environ/NAME, set from a Secret; and make a new key",
        sure=Sure.rule,
        fact="LiteLLM docs, proxy/configs (os.environ/)",
        run=_plain_key,
    ),
    Check(
        "PM507",
        "no-member-id",
        Level.info,
        _OWN,
        cause="LiteLLM makes an id of what an entry says, so after an edit nobody can tell which member answered",
        remedy="pin it: model_info: {id: NAME}",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2, header x-litellm-model-id",
        run=_no_id,
        fixable=True,
    ),
    Check(
        "PM508",
        "no-price",
        Level.info,
        _OWN,
        cause="LiteLLM has no price for a model of ours, so budgets of teams and keys never bind",
        remedy="write input_cost_per_token and output_cost_per_token",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2: a budget of 0.000001 let every answer pass; proxy/custom_pricing in its docs",
        run=_unpriced,
    ),
    Check(
        "PM509",
        "price-zero",
        Level.info,
        _OWN,
        cause="a price that is written as 0 makes LiteLLM leave out the check of budgets",
        remedy="write what it costs, if budgets are to bind",
        sure=Sure.source,
        fact="LiteLLM 1.106.2, proxy/auth/auth_checks.py (is_model_cost_zero)",
        run=_free,
    ),
    Check(
        "PM510",
        "base-url",
        Level.error,
        DISAGREE,
        cause="engines answer below /v1, and to anything else with 404",
        remedy="let the address end in /v1",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2 and vLLM 0.32, asked in the lab",
        run=told_of("adopt-base-url"),
        fixable=True,
    ),
)
