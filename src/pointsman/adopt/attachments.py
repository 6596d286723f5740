"""What names what on a road: hosts and Services, selectors and pods, routes and Gateways."""

from __future__ import annotations

import re
from typing import Any

from pointsman.adopt.edges import Member
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing

__all__ = [
    "gateways_named",
    "gateways_of",
    "headers_sent",
    "hosts_of",
    "named_port",
    "selects",
    "service_of",
    "value_at",
]


def service_of(host: str, own: str) -> tuple[str, str]:
    """Name and namespace of the Service a host is; empty when it is none."""
    parts = host.split(".")
    if len(parts) == 1 and host != "localhost":
        return host, own
    if len(parts) == 2 and not re.search(r"\.(?:com|org|net|io|ai|dev|co|eu|local|internal|example|test)$", host):
        return parts[0], parts[1]
    return (parts[0], parts[1]) if len(parts) >= 3 and parts[2] == "svc" else ("", "")


def selects(selector: Any, labels: Any, namespace: str, own: str) -> bool:
    """Does a selector lead to pods with these labels?"""
    return bool(selector) and namespace == own and all(labels.get(key) == str(value) for key, value in selector.items())


def value_at(data: Any, *place: str) -> Any:
    """What stands at a place; None when nothing does."""
    for part in place:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def named_port(engine: Engine, name: str) -> int | None:
    """The number of a port of an engine's container."""
    data: Any = engine.standing.data
    for part in engine.container:
        data = data[part]
    ports = [one for one in data.get("ports") or [] if isinstance(one, dict) and one.get("name") == name]
    found = ports[0].get("containerPort") if ports else None
    return found if isinstance(found, int) else None


def headers_sent(member: Member) -> dict[str, str]:
    """Headers that a member sends with every request, in small letters."""
    found = member.params.get("extra_headers")
    return {str(key).lower(): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def hosts_of(route: Standing) -> list[str]:
    """The host names of a route."""
    found = (route.data.get("spec") or {}).get("hostnames")
    return [str(one) for one in found] if isinstance(found, list) else []


def gateways_of(route: Standing) -> list[tuple[str, str]]:
    """The Gateways that a route is attached to."""
    found = (route.data.get("spec") or {}).get("parentRefs")
    return [
        (str(one.get("namespace") or route.namespace), str(one.get("name")))
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and one.get("kind", "Gateway") == "Gateway"
    ]


def gateways_named(engine: Engine) -> list[tuple[str, str]]:
    """The Gateways that an LLMInferenceService names."""
    data = value_at(engine.standing.data, "spec", "router", "gateway", "refs")
    return [
        (str(one.get("namespace") or engine.namespace), str(one.get("name")))
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, dict)
    ]
