"""A live copy of the objects that routing depends on.

Readers ask synchronously, because a routing decision must not wait for the API server; the copy is changed by
watches, one supervised task per kind. Whoever has to act on a change registers a callback, which is called in the
same turn of the loop as the change: an endpoint that left is gone before the next request is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pointsman.errors import PermanentError
from pointsman.kube.client import Client
from pointsman.kube.resources import Kind, kind_of

__all__ = ["CORE_KINDS", "GATEWAY_KINDS", "Key", "Object", "Store", "key_of"]

log = logging.getLogger(__name__)

Object = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""

CORE_KINDS = ("Namespace", "Service", "EndpointSlice", "Pod")
GATEWAY_KINDS = ("GatewayClass", "Gateway", "HTTPRoute", "InferencePool")

_RESTART_PAUSE = 0.5
"""Seconds before a watch that was refused is started again; a CRD may be on its way."""


def key_of(item: Object) -> Key:
    """Namespace and name of an object."""
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Store:
    """Objects by kind and key. ``put`` and ``drop`` are what watches call; tests may call them too."""

    def __init__(self, kinds: Iterable[str] = (*CORE_KINDS, *GATEWAY_KINDS)) -> None:
        self._objects: dict[str, dict[Key, Object]] = {kind: {} for kind in kinds}
        self._synced = {kind: asyncio.Event() for kind in self._objects}
        self._callbacks: dict[str, list[Callable[[Object], None]]] = {kind: [] for kind in self._objects}

    def all(self, kind: str) -> Mapping[Key, Object]:
        """Every known object of ``kind``."""
        return self._objects[kind]

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, or None."""
        return self._objects[kind].get((namespace, name))

    def on_change(self, kinds: Iterable[str], callback: Callable[[Object], None]) -> None:
        """Call ``callback`` with every object of ``kinds`` that appears, changes or goes."""
        for kind in kinds:
            self._callbacks[kind].append(callback)

    def put(self, kind: str, item: Object) -> None:
        """Learn an object."""
        self._objects[kind][key_of(item)] = item
        self._tell(kind, item)

    def drop(self, kind: str, key: Key) -> None:
        """Forget an object; harmless when it is not known."""
        gone = self._objects[kind].pop(key, None)
        if gone is not None:
            self._tell(kind, gone)

    async def wait_synced(self, kinds: Iterable[str]) -> None:
        """Return when everything that existed of ``kinds`` has been told."""
        for kind in kinds:
            await self._synced[kind].wait()

    async def run(self, client: Client) -> None:
        """Follow every kind until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._objects:
                group.create_task(self._follow(client, kind_of(kind)), name=f"watch {kind}")

    async def _follow(self, client: Client, kind: Kind) -> None:
        while True:
            try:
                await self._watch_once(client, kind)
            except PermanentError as error:
                log.debug("watch of %s: %s", kind.plural, error)
                await asyncio.sleep(_RESTART_PAUSE)

    async def _watch_once(self, client: Client, kind: Kind) -> None:
        stale = set(self._objects[kind.name])
        async for event in client.watch(kind):
            if event.type == "SYNCED":
                for key in stale:
                    self.drop(kind.name, key)
                stale.clear()
                self._synced[kind.name].set()
            elif event.type == "DELETED":
                self.drop(kind.name, key_of(event.object))
            else:
                stale.discard(key_of(event.object))
                self.put(kind.name, event.object)

    def _tell(self, kind: str, item: Object) -> None:
        for callback in self._callbacks[kind]:
            callback(item)
