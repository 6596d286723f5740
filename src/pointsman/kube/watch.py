"""Following a collection: list, then watch, for ever.

What happens on each kind of failure is a table, not branches: a closed or expired watch re-lists, a refusal that
will not change is raised, everything else waits and tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.errors import TemporaryError
from pointsman.kube.answers import error_for
from pointsman.kube.resources import Kind

__all__ = ["Event", "Source", "WatchError", "follow"]

_RELIST, _RAISE, _RETRY = "relist", "raise", "retry"
_POLICY = {400: _RAISE, 401: _RAISE, 403: _RAISE, 404: _RETRY, 410: _RELIST}
"""What a watch does about a status; anything else: retry. 404 is retried, a CRD may be about to be installed."""


class WatchError(Exception):
    """A watch ended badly; ``status`` 0 means that the connection broke. Never leaves this package."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Event:
    """A change. ``SYNCED`` (with an empty object) says that everything that existed has been told."""

    type: str
    object: dict[str, Any]


class Source(Protocol):
    """Whoever lists a collection and opens one watch of it."""

    @property
    def watch_seconds(self) -> int:
        """How long the server is asked to keep one watch open."""

    async def listed(
        self, kind: Kind, path: str, params: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The objects of a collection, and the list's metadata."""

    def events(self, path: str, params: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """One watch connection, as raw events; raises WatchError."""


async def follow(client: Source, kind: Kind, path: str, params: Mapping[str, str]) -> AsyncIterator[Event]:
    """Yield ADDED, MODIFIED, DELETED and, after each full list, SYNCED. Never returns.

    After a re-list, objects that vanished meanwhile are told as DELETED, so a caller's copy stays true.
    Raises PermanentError when the server refuses for a reason that waiting will not change.
    """
    known: dict[tuple[str, str], dict[str, Any]] = {}
    version = ""
    pause = 0.1
    while True:
        try:
            if not version:
                items, metadata = await client.listed(kind, path, params)
                for event in _differences(known, items):
                    yield event
                version = str(metadata.get("resourceVersion") or "")
                yield Event("SYNCED", {})
            watch = {
                **params,
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": str(client.watch_seconds),
            }
            async for raw in client.events(path, watch):
                pause = 0.1
                version = raw["object"].get("metadata", {}).get("resourceVersion", version)
                if raw["type"] == "ERROR":
                    raise WatchError(int(raw["object"].get("code", 500)), b"")
                if raw["type"] != "BOOKMARK":
                    yield _learn(known, Event(raw["type"], raw["object"]))
        except (WatchError, TemporaryError) as error:
            status = error.status if isinstance(error, WatchError) else 0
            policy = _POLICY.get(status, _RETRY)
            if policy == _RAISE and isinstance(error, WatchError):
                raise error_for(status, error.body, kind.plural) from error
            if policy == _RELIST or status:
                version = ""
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _learn(known: dict[tuple[str, str], dict[str, Any]], event: Event) -> Event:
    if event.type == "DELETED":
        known.pop(_key(event.object), None)
    else:
        known[_key(event.object)] = event.object
    return event


def _differences(known: dict[tuple[str, str], dict[str, Any]], items: list[dict[str, Any]]) -> list[Event]:
    """Events that turn ``known`` into ``items``; updates ``known``."""
    events = []
    present = set()
    for item in items:
        key = _key(item)
        present.add(key)
        before = known.get(key)
        if before is None:
            events.append(Event("ADDED", item))
        elif before["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
            events.append(Event("MODIFIED", item))
    events += [Event("DELETED", item) for key, item in known.items() if key not in present]
    for event in events:
        _learn(known, event)
    return events
