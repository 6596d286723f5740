"""From objects to what the data plane serves and what status says: one pure pass over everything.

The lab has few routes, so every change recomputes all of it; nothing can be forgotten by an incremental update.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pointsman.lab.network.gateway.attachment import (
    CONTROLLER,
    Attachment,
    attach,
    common_hostnames,
    parent_key,
)
from pointsman.lab.network.gateway.filters import SUPPORTED
from pointsman.lab.network.gateway.matching import Backend, Entry, Rule, Table, duration
from pointsman.lab.network.gateway.status import Verdict
from pointsman.lab.network.store import Key, Object, Store, key_of

__all__ = ["RouteVerdict", "Routing", "compute"]

_POOL_GROUP = "inference.networking.k8s.io"
_RESOLVED: Verdict = ("ResolvedRefs", "True", "ResolvedRefs", "every backend exists")


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """One HTTPRoute, judged."""

    attachments: tuple[Attachment, ...]
    refs: Verdict
    unsupported: str


@dataclass(slots=True)
class Routing:
    """Everything one pass finds out."""

    classes: list[Object] = field(default_factory=list)
    gateways: dict[Key, Object] = field(default_factory=dict)
    tables: dict[Key, Table] = field(default_factory=dict)
    attached: dict[tuple[Key, str], int] = field(default_factory=dict)
    """Routes by Gateway and listener."""
    routes: dict[Key, RouteVerdict] = field(default_factory=dict)
    pools: dict[Key, set[Key]] = field(default_factory=dict)
    """Gateways by the InferencePool that their routes use."""
    hostnames: dict[str, Key] = field(default_factory=dict)


def compute(store: Store) -> Routing:
    """Judge every object and compile every table."""
    found = Routing()
    found.classes = [
        item for item in store.all("GatewayClass").values() if item["spec"]["controllerName"] == CONTROLLER
    ]
    names = {item["metadata"]["name"] for item in found.classes}
    found.gateways = {
        key: item for key, item in store.all("Gateway").items() if item["spec"]["gatewayClassName"] in names
    }
    found.tables = {key: Table() for key in found.gateways}
    for key, route in store.all("HTTPRoute").items():
        verdict = _judge(route, found.gateways, store)
        if verdict.attachments:
            found.routes[key] = verdict
            _program(found, route, verdict, store)
    for table in found.tables.values():
        table.sort()
    return found


def _judge(route: Object, gateways: Mapping[Key, Object], store: Store) -> RouteVerdict:
    attachments = []
    for ref in route["spec"].get("parentRefs") or ():
        key = parent_key(route, ref)
        if key is not None and key in gateways:
            attachments.append(attach(route, ref, gateways[key], store.all("Namespace")))
    return RouteVerdict(tuple(attachments), _judge_refs(route, store), _unsupported(route))


def _program(found: Routing, route: Object, verdict: RouteVerdict, store: Store) -> None:
    if verdict.unsupported:
        return
    entries = list(_entries(route, store))
    for attachment in verdict.attachments:
        for listener in attachment.listeners:
            counted = (attachment.gateway, listener["name"])
            found.attached[counted] = found.attached.get(counted, 0) + 1
            for hostname in common_hostnames(listener.get("hostname", ""), route["spec"].get("hostnames") or ()):
                found.tables[attachment.gateway].add(listener["port"], hostname, entries)
                if hostname and not hostname.startswith("*"):
                    found.hostnames[hostname.lower()] = attachment.gateway
        if attachment.accepted:
            for entry in entries:
                for backend in entry.rule.backends:
                    if backend.kind == "InferencePool":
                        found.pools.setdefault(backend.key, set()).add(attachment.gateway)


def _entries(route: Object, store: Store) -> Iterator[Entry]:
    for index, spec in enumerate(route["spec"].get("rules") or ()):
        timeouts = spec.get("timeouts") or {}
        limits = [duration(timeouts.get(name)) for name in ("request", "backendRequest")]
        rule = Rule(
            key_of(route),
            tuple(spec.get("filters") or ()),
            tuple(_backend(route, ref, store) for ref in spec.get("backendRefs") or ()),
            min((limit for limit in limits if limit is not None), default=None),
        )
        for match in spec.get("matches") or [{}]:
            yield Entry.of(route, index, match, rule)


def _backend(route: Object, ref: Object, store: Store) -> Backend:
    verdict = _judge_ref(route, ref, store)
    return Backend(
        ref.get("kind", "Service"),
        (ref.get("namespace") or route["metadata"]["namespace"], ref["name"]),
        ref.get("port", 0),
        ref.get("weight", 1),
        tuple(ref.get("filters") or ()),
        "" if verdict is _RESOLVED else verdict[3],
    )


def _judge_refs(route: Object, store: Store) -> Verdict:
    for rule in route["spec"].get("rules") or ():
        for ref in rule.get("backendRefs") or ():
            verdict = _judge_ref(route, ref, store)
            if verdict is not _RESOLVED:
                return verdict
    return _RESOLVED


def _judge_ref(route: Object, ref: Object, store: Store) -> Verdict:
    group, kind = ref.get("group", ""), ref.get("kind", "Service")
    namespace = route["metadata"]["namespace"]
    shown = f"{kind} {ref.get('namespace') or namespace}/{ref['name']}"
    if (group, kind) not in (("", "Service"), (_POOL_GROUP, "InferencePool")):
        return "ResolvedRefs", "False", "InvalidKind", f"{group}/{kind} is not a kind the lab's gateway routes to"
    if ref.get("namespace") not in (None, "", namespace):
        return "ResolvedRefs", "False", "RefNotPermitted", f"{shown} is in another namespace"
    if store.get(kind, namespace, ref["name"]) is None:
        return "ResolvedRefs", "False", "BackendNotFound", f"{shown} does not exist"
    return _RESOLVED


def _unsupported(route: Object) -> str:
    for rule in route["spec"].get("rules") or ():
        used: list[Object] = list(rule.get("filters") or ())
        for ref in rule.get("backendRefs") or ():
            used += ref.get("filters") or ()
        for item in used:
            if item["type"] not in SUPPORTED:
                return f"the lab's gateway has no filter {item['type']}"
        problem = _bad_expression(rule.get("matches") or ())
        if problem:
            return problem
    return ""


def _bad_expression(matches: Iterable[Object]) -> str:
    for match in matches:
        for item in (match.get("path") or {}, *(match.get("headers") or ()), *(match.get("queryParams") or ())):
            if item.get("type") == "RegularExpression":
                try:
                    re.compile(item["value"])
                except re.error as error:
                    return f"{item['value']!r} is not a regular expression: {error}"
    return ""
