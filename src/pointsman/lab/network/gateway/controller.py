"""The Gateway API controller: programs the data plane, then says in status that it did.

One pass over everything per burst of changes. Status is written with the version that was judged, so that a
stale verdict is refused by the API server and made again from the newer object.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.errors import ClusterError, ConflictError, NotFoundError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.lab.network.gateway.dataplane import DataPlane
from pointsman.lab.network.gateway.objects import gateway_objects, pod_status
from pointsman.lab.network.gateway.routing import Routing, compute
from pointsman.lab.network.gateway.status import class_status, gateway_status, pool_status, route_status
from pointsman.lab.network.resolver import Resolver
from pointsman.lab.network.store import CORE_KINDS, GATEWAY_KINDS, Key, Object, Store, key_of

__all__ = ["Controller", "assign"]

log = logging.getLogger(__name__)

_SETTLE = 0.01
"""Seconds in which changes are gathered before a pass."""
_RETRY = 0.5
"""Seconds before a pass is made again that the API server did not take."""


class Controller:
    """Owns gateway addresses, their listeners, the routing tables, and status."""

    def __init__(
        self, store: Store, resolver: Resolver, plane: DataPlane, client: Client, *, octet: int, port: int
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._plane = plane
        self._client = client
        self._octet = octet
        self._port = port
        self._changed = asyncio.Event()
        self.programmed = asyncio.Event()
        """Set once the data plane serves what the cluster asks for."""
        self._servers: dict[str, asyncio.Server] = {}
        self._written: dict[tuple[str, Key], object] = {}
        self._services: frozenset[Key] = frozenset()
        store.on_change([*GATEWAY_KINDS, "Namespace"], lambda _: self._changed.set())
        store.on_change(["Service"], self._service_changed)

    async def run(self) -> None:
        """Make a pass after every change, until cancelled.

        The first waits for the whole picture: a verdict on half of it would take back what status said before
        a restart, and with it the readiness of everything behind the gateways.
        """
        await self._store.wait_synced((*CORE_KINDS, *GATEWAY_KINDS))
        self._changed.set()
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(_SETTLE)
                self._changed.clear()
                try:
                    await self._pass()
                except (ConflictError, NotFoundError) as error:
                    log.debug("a newer version is on its way: %s", error)
                except (ClusterError, OSError) as error:
                    log.warning("%s", error)
                    self._changed.set()
                    await asyncio.sleep(_RETRY)
        finally:
            for server in self._servers.values():
                server.close()

    async def _pass(self) -> None:
        """All that is read from the store is read before the first wait: watches change it meanwhile."""
        routing = compute(self._store)
        addresses = assign(routing.gateways, self._octet)
        statuses = list(self._statuses(routing, addresses))
        self._resolver.gateways = {address: key for key, address in addresses.items()}
        self._resolver.hostnames = routing.hostnames
        self._plane.tables = routing.tables
        await self._listen(addresses)
        self.programmed.set()
        for key, gateway in routing.gateways.items():
            await self._own(gateway, addresses[key])
        for item, status in statuses:
            if _differs(item.get("status") or {}, status):
                await self._write(item, status)

    async def _listen(self, addresses: Mapping[Key, str]) -> None:
        wanted = {self._resolver.local(address): key for key, address in addresses.items()}
        for local in self._servers.keys() - wanted.keys():
            self._servers.pop(local).close()
        for local, key in wanted.items():
            if local not in self._servers:
                self._servers[local] = await self._plane.listen(local, self._port, key)

    async def _own(self, gateway: Object, address: str) -> None:
        """Apply the Gateway's Service and endpoints once per address and generation."""
        mark = (gateway["metadata"]["uid"], gateway["metadata"].get("generation"), address)
        memory = ("Gateway", key_of(gateway))
        existing = self._store.get("Service", *key_of(gateway))
        if existing is not None and not _owned_by(existing, gateway):
            log.warning("Service %s is not the Gateway's own: left alone", "/".join(key_of(gateway)))
            return
        if self._written.get(memory) != mark or existing is None:
            for manifest in gateway_objects(gateway, address, self._port):
                applied = await self._client.apply(manifest)
                if manifest["kind"] == "Pod" and (applied.get("status") or {}).get("podIP") != address:
                    await self._client.patch(ref_of(manifest), {"status": pod_status(address)}, subresource="status")
            self._written[memory] = mark

    def _statuses(self, routing: Routing, addresses: Mapping[Key, str]) -> Iterator[tuple[Object, dict[str, Any]]]:
        for item in routing.classes:
            yield item, class_status(item)
        for key, gateway in routing.gateways.items():
            counts = {name: count for (owner, name), count in routing.attached.items() if owner == key}
            yield gateway, gateway_status(gateway, addresses[key], counts)
        for key, verdict in routing.routes.items():
            route = self._store.all("HTTPRoute")[key]
            yield route, route_status(route, verdict.attachments, verdict.refs, verdict.unsupported)
        for key, pool in self._store.all("InferencePool").items():
            picker = pool["spec"].get("endpointPickerRef") or {}
            exists = not picker or self._store.get("Service", key[0], picker["name"]) is not None
            users = sorted(routing.pools.get(key, ()))
            if users or (pool.get("status") or {}).get("parents"):
                yield pool, pool_status(pool, users, exists)

    async def _write(self, item: Object, status: dict[str, Any]) -> None:
        ref = Ref(
            kind_of(item["kind"], item["apiVersion"]), item["metadata"]["name"], item["metadata"].get("namespace")
        )
        version = {"resourceVersion": item["metadata"]["resourceVersion"]}
        try:
            await self._client.patch(ref, {"metadata": version, "status": status}, subresource="status")
        except (ConflictError, NotFoundError):
            log.debug("%s changed meanwhile", ref)

    def _service_changed(self, _item: Object) -> None:
        """Only which Services exist matters here; their frequent updates do not."""
        now = frozenset(self._store.all("Service"))
        if now != self._services:
            self._services = now
            self._changed.set()


def assign(gateways: Mapping[Key, Object], octet: int) -> dict[Key, str]:
    """An address per Gateway: the one its status already has, else the lowest that is free."""
    prefix = f"10.{octet}.254."
    assigned: dict[Key, str] = {}
    for key, gateway in sorted(gateways.items()):
        for known in (gateway.get("status") or {}).get("addresses") or ():
            if known["value"].startswith(prefix) and known["value"] not in assigned.values():
                assigned[key] = known["value"]
                break
    free = (f"{prefix}{number}" for number in range(1, 255) if f"{prefix}{number}" not in assigned.values())
    return {key: assigned.get(key) or next(free) for key in sorted(gateways)}


def _owned_by(item: Object, gateway: Object) -> bool:
    owners = item["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == gateway["metadata"]["uid"] for owner in owners)


def _differs(before: Object, after: Mapping[str, Any]) -> bool:
    return any(before.get(name) != value for name, value in after.items())
