"""The objects a Gateway gets so that clusters' own means reach it: a Service, and where it leads.

Both Endpoints and an EndpointSlice are written: the API server's service proxy still reads the former, everything
else the latter. Mirroring is switched off, it would make a second slice. They go with the Gateway.
"""

from __future__ import annotations

from typing import Any

from pointsman.lab.network.gateway.attachment import CONTROLLER, is_served
from pointsman.lab.network.resolver import GATEWAY_LABEL
from pointsman.lab.network.store import Object, key_of

__all__ = ["gateway_objects"]

Manifest = dict[str, Any]


def gateway_objects(gateway: Object, address: str, listen_port: int) -> list[Manifest]:
    """Service, Endpoints and EndpointSlice of a Gateway, for server-side apply."""
    ports = sorted({item["port"] for item in gateway["spec"]["listeners"] if is_served(item)})
    if not ports:
        return []
    named = [(f"http-{port}", port) for port in ports]
    service = _manifest(gateway, "v1", "Service")
    service["spec"] = {
        "type": "ClusterIP",
        "ports": [{"name": name, "port": port, "targetPort": listen_port} for name, port in named],
    }
    targets = [{"name": name, "port": listen_port, "protocol": "TCP"} for name, _ in named]
    endpoints = _manifest(gateway, "v1", "Endpoints", {"endpointslice.kubernetes.io/skip-mirror": "true"})
    endpoints["subsets"] = [{"addresses": [{"ip": address}], "ports": targets}]
    labels = {
        "kubernetes.io/service-name": gateway["metadata"]["name"],
        "endpointslice.kubernetes.io/managed-by": CONTROLLER.replace("/", "-"),
    }
    endpoint_slice = _manifest(gateway, "discovery.k8s.io/v1", "EndpointSlice", labels)
    endpoint_slice["addressType"] = "IPv4"
    endpoint_slice["ports"] = targets
    endpoint_slice["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}}]
    return [service, endpoints, endpoint_slice]


def _manifest(gateway: Object, api_version: str, kind: str, labels: dict[str, str] | None = None) -> Manifest:
    namespace, name = key_of(gateway)
    owner = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "name": name,
        "uid": gateway["metadata"]["uid"],
        "controller": True,
    }
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {GATEWAY_LABEL: name, **(labels or {})},
            "ownerReferences": [owner],
        },
    }
