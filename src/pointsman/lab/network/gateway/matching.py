"""Which rule of which HTTPRoute answers a request: the precedence of the Gateway API, compiled to sorted lists.

The most specific host name is chosen first, and only its rules are looked at, as a virtual host would be. Among
them: exact path, regular expression (its rank is the implementation's choice), longest prefix; then method, number
of headers, number of query parameters; then the oldest route, its name, and the order of its rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from multidict import CIMultiDict

from pointsman.lab.network.store import Key, Object, key_of

__all__ = ["ANY_PORT", "Backend", "Entry", "Match", "Rule", "Table", "duration"]

ANY_PORT = 0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PATH_RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}
_EVERYTHING: Object = {"path": {"type": "PathPrefix", "value": "/"}}

SortKey = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Backend:
    """One weighted backend. ``problem`` says why it cannot be used; such requests are answered with 500."""

    kind: str
    key: Key
    port: int
    weight: int
    filters: tuple[Object, ...]
    problem: str = ""


@dataclass(slots=True)
class Rule:
    """What happens to a matched request."""

    route: Key
    filters: tuple[Object, ...]
    backends: tuple[Backend, ...]
    timeout: float | None
    _credit: dict[int, int] = field(default_factory=dict)

    def choose(self) -> Backend | None:
        """The next backend in proportion to the weights, evenly interleaved; None when there is none."""
        total = sum(backend.weight for backend in self.backends)
        if not total:
            return None
        for index, backend in enumerate(self.backends):
            self._credit[index] = self._credit.get(index, 0) + backend.weight
        chosen = max(range(len(self.backends)), key=lambda index: self._credit[index])
        self._credit[chosen] -= total
        return self.backends[chosen]


class Match:
    """One compiled HTTPRouteMatch."""

    def __init__(self, spec: Object) -> None:
        path = spec.get("path") or _EVERYTHING["path"]
        self.path_type: str = path.get("type", "PathPrefix")
        self.path: str = path.get("value", "/")
        self._prefix = self.path.rstrip("/")
        self._regex = re.compile(self.path) if self.path_type == "RegularExpression" else None
        self._method = spec.get("method")
        self._headers = _value_matches(spec.get("headers"))
        self._query = _value_matches(spec.get("queryParams"))

    @property
    def rank(self) -> SortKey:
        """Sorts the more specific match first."""
        method = 0 if self._method else 1
        return _PATH_RANK[self.path_type], -len(self.path), method, -len(self._headers), -len(self._query)

    def holds(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> bool:
        """Whether a request matches."""
        if self._method and self._method != method:
            return False
        if not self._path_holds(path):
            return False
        if not all(_value_holds(value, headers.get(name)) for name, value in self._headers):
            return False
        if not self._query:
            return True
        given = dict(reversed(parse_qsl(query, keep_blank_values=True)))
        return all(_value_holds(value, given.get(name)) for name, value in self._query)

    def _path_holds(self, path: str) -> bool:
        if self._regex is not None:
            return self._regex.fullmatch(path) is not None
        if self.path_type == "Exact":
            return path == self.path
        return path == self._prefix or path.startswith(f"{self._prefix}/")


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule under one of its matches."""

    match: Match
    rule: Rule
    order: SortKey

    @classmethod
    def of(cls, route: Object, index: int, spec: Object, rule: Rule) -> Entry:
        """Compile one match of rule number ``index``."""
        match = Match(spec)
        created = route["metadata"].get("creationTimestamp", "")
        return cls(match, rule, (*match.rank, created, key_of(route), index))


class Table:
    """All entries of one Gateway, by listener port and host name."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[str, list[Entry]]] = {}

    def add(self, port: int, hostname: str, entries: Iterable[Entry]) -> None:
        """Serve ``entries`` for a host name (``""`` for any) on a listener port."""
        added = list(entries)
        for number in (port, ANY_PORT):
            self._entries.setdefault(number, {}).setdefault(hostname.lower(), []).extend(added)

    def sort(self) -> None:
        """Bring every list into order of precedence; call once after the last ``add``."""
        for hosts in self._entries.values():
            for entries in hosts.values():
                entries.sort(key=lambda entry: entry.order)

    def find(self, port: int, host: str, method: str, target: str, headers: CIMultiDict[str]) -> Entry | None:
        """The entry that answers; ``target`` is path and query as on the wire."""
        path, _, query = target.partition("?")
        for entry in self._candidates(port, host.lower()):
            if entry.match.holds(method, path, query, headers):
                return entry
        return None

    def _candidates(self, port: int, host: str) -> list[Entry]:
        hosts = self._entries.get(port, {})
        if host in hosts:
            return hosts[host]
        rest = host
        while "." in rest:
            rest = rest.partition(".")[2]
            if f"*.{rest}" in hosts:
                return hosts[f"*.{rest}"]
        return hosts.get("", [])


def duration(text: str | None) -> float | None:
    """Seconds of a Gateway API duration (``1h30m``, ``500ms``); None for absent and for ``0s``."""
    if not text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(h|ms|m|s)", text)) or None


def _value_matches(specs: Iterable[Object] | None) -> tuple[tuple[str, str | re.Pattern[str]], ...]:
    return tuple(
        (item["name"], re.compile(item["value"]) if item.get("type") == "RegularExpression" else item["value"])
        for item in specs or ()
    )


def _value_holds(wanted: str | re.Pattern[str], given: str | None) -> bool:
    if given is None:
        return False
    return given == wanted if isinstance(wanted, str) else wanted.fullmatch(given) is not None
