"""Which routes attach to which listeners, and why not. Pure functions over objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pointsman.lab.addons.names import GATEWAY_CONTROLLER
from pointsman.lab.network.store import Key, Object, key_of

__all__ = ["CONTROLLER", "GROUP", "Attachment", "attach", "common_hostnames", "is_served", "parent_key"]

CONTROLLER = GATEWAY_CONTROLLER
GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One parent reference of a route, judged."""

    ref: Object
    gateway: Key
    listeners: tuple[Object, ...]
    """The listeners that take the route; empty when none does."""
    reason: str
    message: str

    @property
    def accepted(self) -> bool:
        """Whether some listener takes the route."""
        return bool(self.listeners)


def attach(route: Object, ref: Object, gateway: Object, namespaces: Mapping[Key, Object]) -> Attachment:
    """Judge one parent reference against the Gateway that it names."""
    key = key_of(gateway)
    named = [item for item in gateway["spec"]["listeners"] if is_served(item) and _is_named(item, ref)]
    if not named:
        return Attachment(ref, key, (), "NoMatchingParent", "no HTTP listener has that section name and port")
    allowed = [item for item in named if _is_allowed(item, route, key[0], namespaces)]
    if not allowed:
        return Attachment(ref, key, (), "NotAllowedByListeners", "the listener does not take this namespace or kind")
    hosts = route["spec"].get("hostnames") or ()
    matching = tuple(item for item in allowed if common_hostnames(item.get("hostname", ""), hosts))
    if not matching:
        return Attachment(ref, key, (), "NoMatchingListenerHostname", "no host name is common to route and listener")
    return Attachment(ref, key, matching, "Accepted", "the route is attached")


def parent_key(route: Object, ref: Object) -> Key | None:
    """The Gateway that a parent reference names; None when it names something else."""
    if ref.get("kind", "Gateway") != "Gateway" or ref.get("group", GROUP) != GROUP:
        return None
    return ref.get("namespace") or route["metadata"]["namespace"], ref["name"]


def is_served(listener: Object) -> bool:
    """Whether the data plane can serve a listener."""
    return bool(listener["protocol"] == "HTTP")


def common_hostnames(listener: str, route: Iterable[str]) -> list[str]:
    """The host names under which a route is served on a listener; ``""`` stands for any."""
    wanted = list(route)
    if not wanted:
        return [listener]
    if not listener:
        return wanted
    return [common for name in wanted if (common := _common(listener, name))]


def _common(left: str, right: str) -> str:
    if left == right or _covers(left, right):
        return right
    return left if _covers(right, left) else ""


def _covers(pattern: str, name: str) -> bool:
    return pattern.startswith("*.") and name.removeprefix("*").endswith(pattern[1:])


def _is_named(listener: Object, ref: Object) -> bool:
    section, port = ref.get("sectionName"), ref.get("port")
    return section in (None, listener["name"]) and port in (None, listener["port"])


def _is_allowed(listener: Object, route: Object, home: str, namespaces: Mapping[Key, Object]) -> bool:
    allowed = listener.get("allowedRoutes") or {}
    kinds = allowed.get("kinds")
    if kinds and not any(kind["kind"] == "HTTPRoute" and kind.get("group", GROUP) == GROUP for kind in kinds):
        return False
    rule = allowed.get("namespaces") or {}
    namespace = route["metadata"]["namespace"]
    source = rule.get("from", "Same")
    if source == "Selector":
        labels = (namespaces.get(("", namespace)) or {}).get("metadata", {}).get("labels") or {}
        return _selects(rule.get("selector") or {}, labels)
    return bool(source == "All" or (source == "Same" and namespace == home))


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(item, labels) for item in selector.get("matchExpressions") or ())


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    name, values = expression["key"], expression.get("values") or ()
    return {
        "In": labels.get(name) in values,
        "NotIn": labels.get(name) not in values,
        "Exists": name in labels,
        "DoesNotExist": name not in labels,
    }.get(expression["operator"], False)
