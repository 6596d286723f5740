"""Which rule of which HTTPRoute takes a request, as the Gateway API decides (v1): host, path, then headers.

A header that a gateway makes of the request's model is sent with every request; any other one only where the member
says so (``extra_headers``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.standing import Standing

__all__ = ["MODEL_HEADERS", "Ask", "asked_model", "backends_for", "rules_of"]

MODEL_HEADERS = frozenset({"x-gateway-model-name", "x-gateway-base-model-name"})
"""Headers that body-based routing makes of ``model`` (gateway-api-inference-extension)."""


_PLAIN = re.compile(r"[-\w./:|^$()\\*+]*")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as far as routes look at it."""

    host: str
    path: str
    model: str
    headers: Mapping[str, str]


Backend = tuple[dict[str, Any], str]
"""What a rule leads to, and its line."""


def rules_of(route: Standing) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rules of a route."""
    found = (route.data.get("spec") or {}).get("rules")
    for at, rule in enumerate(found if isinstance(found, list) else []):
        if isinstance(rule, dict):
            yield at, rule


def backends_for(routes: Sequence[Standing], ask: Ask) -> tuple[Standing | None, list[Backend], str]:
    """The route that takes it, and where it leads; else None and why not."""
    best: tuple[tuple[int, int, int], Standing, int] | None = None
    for route in routes:
        if not _host_fits(route, ask.host):
            continue
        for at, rule in rules_of(route):
            rank = _rank(rule, ask)
            if rank is not None and (best is None or rank > best[0]):
                best = rank, route, at
    if best is None:
        return None, [], _why_not(routes, ask)
    _, route, at = best
    listed = route.data["spec"]["rules"][at].get("backendRefs")
    backends = [
        (one, route.at("spec", "rules", at, "backendRefs", number))
        for number, one in enumerate(listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("weight", 1) != 0
    ]
    return route, backends, ""


def asked_model(route: Standing, ask: Ask) -> tuple[tuple[str | int, ...], str] | None:
    """The header that the route tells this model by: its place, and the value."""
    for at, rule in rules_of(route):
        for number, match in enumerate(_maps(rule.get("matches"))):
            for inner, header in enumerate(_maps(match.get("headers"))):
                if str(header.get("name")).lower() in MODEL_HEADERS and _header_fits(header, ask):
                    place = ("spec", "rules", at, "matches", number, "headers", inner, "value")
                    return place, str(header.get("value"))
    return None


def _why_not(routes: Sequence[Standing], ask: Ask) -> str:
    if not routes:
        return "no HTTPRoute here is attached to that Gateway"
    wanted = sorted({value for route in routes for value in _model_values(route)})
    said = f"; they ask for {', '.join(wanted)}" if wanted else ""
    return f"no rule of {', '.join(str(one) for one in routes)} takes the model {ask.model!r} at {ask.path}{said}"


def _model_values(route: Standing) -> Iterator[str]:
    for _, rule in rules_of(route):
        for match in _maps(rule.get("matches")):
            for header in _maps(match.get("headers")):
                if str(header.get("name")).lower() in MODEL_HEADERS:
                    yield str(header.get("value"))


def _host_fits(route: Standing, host: str) -> bool:
    hosts = (route.data.get("spec") or {}).get("hostnames")
    if not isinstance(hosts, list) or not hosts or not host:
        return True
    return any(str(one) == host or (str(one).startswith("*.") and host.endswith(str(one)[1:])) for one in hosts)


def _rank(rule: Mapping[str, Any], ask: Ask) -> tuple[int, int, int] | None:
    """How closely a rule fits; None when it does not."""
    matches = _maps(rule.get("matches")) or [{}]
    ranks = [rank for match in matches if (rank := _rank_of(match, ask)) is not None]
    return max(ranks, default=None)


def _rank_of(match: Mapping[str, Any], ask: Ask) -> tuple[int, int, int] | None:
    said = match.get("path")
    path = said if isinstance(said, dict) else {}
    kind, value = str(path.get("type", "PathPrefix")), str(path.get("value", "/"))
    if kind == "Exact":
        fits = ask.path == value
    elif kind == "PathPrefix":
        fits = f"{ask.path}/".startswith(f"{value.rstrip('/')}/")
    else:
        fits = _matches(value, ask.path)
    headers = _maps(match.get("headers"))
    if not fits or not all(_header_fits(one, ask) for one in headers):
        return None
    if match.get("method", "POST") != "POST" or match.get("queryParams"):
        return None
    return (2 if kind == "Exact" else 1), len(value), len(headers)


def _header_fits(header: Mapping[str, Any], ask: Ask) -> bool:
    name, value = str(header.get("name")).lower(), str(header.get("value"))
    sent = ask.model if name in MODEL_HEADERS else ask.headers.get(name)
    if sent is None:
        return False
    return _matches(value, sent) if header.get("type") == "RegularExpression" else sent == value


def _matches(pattern: str, text: str) -> bool:
    """A pattern of others: only those are tried that cannot take long."""
    if (
        len(pattern) > 200
        or len(text) > 300
        or pattern.count("*") + pattern.count("+") > 2
        or not _PLAIN.fullmatch(pattern)
    ):
        return False
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
