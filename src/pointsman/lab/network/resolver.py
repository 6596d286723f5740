"""From a name and a port to one ready endpoint: what cluster DNS and kube-proxy do together.

Endpoints are read from EndpointSlices, with the port numbers that they give, and taken in turn. Only ready ones
count. What is computed for a Service is kept until that Service or one of its slices changes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from pointsman.errors import LabError
from pointsman.lab.network.store import Key, Object, Store

__all__ = ["Address", "Resolver", "Target", "UnreachableError"]

CLUSTER_SUFFIX = ".svc.cluster.local"
GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"
_SERVICE_LABEL = "kubernetes.io/service-name"
_API_SERVER: Key = ("default", "kubernetes")

Address = tuple[str, int]
"""An announced address and a port."""


class UnreachableError(LabError):
    """There is no way to a name; ``status`` is what an HTTP client is told."""

    default_code = "lab-unreachable"

    def __init__(self, status: int, what: str, *, code: str = "") -> None:
        super().__init__(what, code=code)
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    host: str
    """Loopback address to connect to."""
    port: int
    shown: str
    """What a person should read: ``10.244.0.5:8000 (Service serving/raw-vllm)``."""
    gateway: Key | None = None
    """The Gateway behind the address, when the data plane answers itself."""
    gateway_port: int = 0
    """The Gateway listener's port that was asked for."""


class Resolver:
    """Names to targets. Synchronous: everything it needs is in the store."""

    def __init__(self, store: Store, *, octet: int, gateway_port: int, api_server_port: int = 0) -> None:
        self._store = store
        self._octet = octet
        self._gateway_port = gateway_port
        self._api_server_port = api_server_port
        self._slices: dict[Key, dict[str, Object]] = {}
        self._ready: dict[Key, dict[str, list[Address]]] = {}
        self._turns: dict[tuple[Key, str], count[int]] = {}
        self._by_cluster_ip: dict[str, Key] = {}
        self.gateways: Mapping[str, Key] = {}
        """Announced gateway address to Gateway; kept by the gateway controller."""
        self.hostnames: Mapping[str, Key] = {}
        """Host name of an attached HTTPRoute to its Gateway: what public DNS would answer."""
        store.on_change(["EndpointSlice"], self._slice_changed)
        store.on_change(["Service"], self._service_changed)

    def resolve(self, host: str, port: int) -> Target:
        """One ready endpoint for ``host:port``; raises UnreachableError."""
        name = host.lower().rstrip(".").strip("[]")
        if name == "localhost" or name.startswith("127."):
            return Target("127.0.0.1" if name == "localhost" else name, port, f"{name}:{port}")
        if _is_address(name):
            return self._address(name, port)
        return self._name(name, port)

    def service(self, key: Key, port: int) -> Target:
        """One ready endpoint of a Service's port."""
        service = self._store.get("Service", *key)
        if service is None:
            raise UnreachableError(502, f"unknown name: there is no Service {'/'.join(key)}", code="lab-unknown-name")
        if key == _API_SERVER and self._api_server_port:
            return Target("127.0.0.1", self._api_server_port, "the API server")
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return self.resolve(spec["externalName"], port)
        gateway = service["metadata"].get("labels", {}).get(GATEWAY_LABEL)
        if gateway:
            return self._gateway((key[0], gateway), port)
        if spec.get("clusterIP") == "None":
            return self._pick(key, None, port)
        for declared in spec.get("ports", ()):
            if declared["port"] == port:
                return self._pick(key, declared.get("name", ""), port)
        raise UnreachableError(503, f"Service {'/'.join(key)} has no port {port}", code="lab-no-port")

    def endpoints(self, key: Key, port_name: str) -> list[Address]:
        """Ready endpoints of one named port of a Service."""
        if key not in self._ready:
            self._ready[key] = _ready_endpoints(self._slices.get(key, {}).values())
        return self._ready[key].get(port_name, [])

    def local(self, address: str) -> str:
        """The loopback address behind an announced one."""
        prefix = f"10.{self._octet}."
        return f"127.{self._octet}.{address.removeprefix(prefix)}" if address.startswith(prefix) else address

    def target(self, address: Address, owner: str = "") -> Target:
        """A target for an announced address."""
        host, port = address
        return Target(self.local(host), port, f"{host}:{port} ({owner})" if owner else f"{host}:{port}")

    def _address(self, address: str, port: int) -> Target:
        if address in self.gateways:
            return self._gateway(self.gateways[address], port)
        if address.startswith(f"10.{self._octet}."):
            return self.target((address, port))
        if address in self._by_cluster_ip:
            return self.service(self._by_cluster_ip[address], port)
        raise UnreachableError(502, f"no route out of the lab: {address} is not an address of it", code="lab-outside")

    def _name(self, name: str, port: int) -> Target:
        if name in self.hostnames:
            return self._gateway(self.hostnames[name], port)
        in_cluster = name.endswith((CLUSTER_SUFFIX, ".svc"))
        parts = name.removesuffix(CLUSTER_SUFFIX).removesuffix(".svc").split(".")
        if len(parts) == 2 and (in_cluster or self._is_namespace(parts[1])):
            return self.service((parts[1], parts[0]), port)
        if len(parts) == 3 and (in_cluster or self._is_namespace(parts[2])):
            return self._headless_host(parts[0], (parts[2], parts[1]), port)
        if in_cluster or len(parts) == 1:
            raise UnreachableError(502, f"unknown name {name}: write it as service.namespace", code="lab-unknown-name")
        raise UnreachableError(502, f"no route out of the lab: {name} is not a name of it", code="lab-outside")

    def _is_namespace(self, name: str) -> bool:
        return self._store.get("Namespace", "", name) is not None

    def _headless_host(self, hostname: str, key: Key, port: int) -> Target:
        for item in self._slices.get(key, {}).values():
            for endpoint in item.get("endpoints") or ():
                if endpoint.get("hostname") == hostname and _is_ready(endpoint):
                    return self.target((endpoint["addresses"][0], port), f"Service {'/'.join(key)}")
        raise UnreachableError(
            502, f"unknown name: Service {'/'.join(key)} has no ready endpoint {hostname}", code="lab-unknown-name"
        )

    def _pick(self, key: Key, port_name: str | None, port: int) -> Target:
        """The next ready endpoint; without a port name (headless) the port is the caller's."""
        if port_name is None:
            self.endpoints(key, "")
            hosts = sorted({host for addresses in self._ready[key].values() for host, _ in addresses})
            ready = [(host, port) for host in hosts]
        else:
            ready = self.endpoints(key, port_name)
        if not ready:
            raise UnreachableError(
                503, f"Service {'/'.join(key)} has no ready endpoint for port {port}", code="lab-no-endpoint"
            )
        turn = next(self._turns.setdefault((key, port_name or ""), count()))
        return self.target(ready[turn % len(ready)], f"Service {'/'.join(key)}")

    def _gateway(self, key: Key, port: int) -> Target:
        for address, known in self.gateways.items():
            if known == key:
                listen = self._gateway_port
                return Target(self.local(address), listen, f"Gateway {'/'.join(key)}", gateway=key, gateway_port=port)
        raise UnreachableError(503, f"Gateway {'/'.join(key)} is not programmed", code="lab-no-gateway")

    def _slice_changed(self, item: Object) -> None:
        metadata = item["metadata"]
        service = metadata.get("labels", {}).get(_SERVICE_LABEL)
        if not service:
            return
        key = (metadata["namespace"], service)
        current = self._store.get("EndpointSlice", metadata["namespace"], metadata["name"])
        if current is None:
            self._slices.get(key, {}).pop(metadata["name"], None)
        else:
            self._slices.setdefault(key, {})[metadata["name"]] = current
        self._ready.pop(key, None)

    def _service_changed(self, item: Object) -> None:
        key = (item["metadata"]["namespace"], item["metadata"]["name"])
        known = self._store.get("Service", *key) is not None
        for address in item["spec"].get("clusterIPs") or [item["spec"].get("clusterIP")]:
            if address and address != "None":
                if known:
                    self._by_cluster_ip[address] = key
                elif self._by_cluster_ip.get(address) == key:
                    del self._by_cluster_ip[address]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_ready(endpoint: Object) -> bool:
    ready = (endpoint.get("conditions") or {}).get("ready")
    return ready is None or bool(ready)


def _ready_endpoints(slices: Iterable[Object]) -> dict[str, list[Address]]:
    found: dict[str, set[Address]] = {}
    for item in slices:
        hosts = [endpoint["addresses"][0] for endpoint in item.get("endpoints") or () if _is_ready(endpoint)]
        for port in item.get("ports") or ():
            found.setdefault(port.get("name") or "", set()).update((host, port["port"]) for host in hosts)
    return {name: sorted(addresses) for name, addresses in found.items()}
