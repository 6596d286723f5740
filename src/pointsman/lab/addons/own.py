"""The objects that are the lab's own: namespaces, gateways, the StorageClass, where webhooks are reached."""

from __future__ import annotations

from typing import Any

from pointsman.lab.addons import names
from pointsman.lab.config import LabConfig

__all__ = ["Manifest", "namespaces", "shared_objects", "webhook_endpoints"]

Manifest = dict[str, Any]

_WEBHOOK_HOST = (255, 1)
_RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
    "pod-security.kubernetes.io/warn": "restricted",
}
"""A pod that wants more than Pod Security "restricted" is refused, as on the platforms that the lab stands for."""


def namespaces() -> list[Manifest]:
    """One namespace per layer, and the tenants' edge."""
    found = [_object("v1", "Namespace", name) for name in names.NAMESPACES]
    for namespace in found:
        namespace["metadata"]["labels"] = dict(_RESTRICTED)
    return found


def shared_objects() -> list[Manifest]:
    """The gateways, their class and the default StorageClass."""
    gateway_class = _object("gateway.networking.k8s.io/v1", "GatewayClass", names.GATEWAY_CLASS)
    gateway_class["spec"] = {"controllerName": names.GATEWAY_CONTROLLER}
    storage = _object("storage.k8s.io/v1", "StorageClass", names.STORAGE_CLASS)
    storage["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    storage |= {
        "provisioner": names.PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
    return [gateway_class, storage, *(_gateway(namespace, name) for namespace, name in names.GATEWAYS)]


def webhook_endpoints(config: LabConfig) -> list[Manifest]:
    """Where the API server finds the controllers' webhooks. Depends on the lab's ports: applied at each start."""
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-lab",
                "namespace": names.CONTROLLER_NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": "lab.pointsman.dev",
                },
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [config.announced(*_WEBHOOK_HOST)], "conditions": {"ready": True}}],
            "ports": [{"name": port_name, "port": config.ports[port], "protocol": "TCP"}],
        }
        for service, (port_name, port) in names.WEBHOOK_SERVICES.items()
    ]


def _gateway(namespace: str, name: str) -> Manifest:
    gateway = _object("gateway.networking.k8s.io/v1", "Gateway", name)
    gateway["metadata"]["namespace"] = namespace
    gateway["spec"] = {
        "gatewayClassName": names.GATEWAY_CLASS,
        "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
        ],
    }
    return gateway


def _object(version: str, kind: str, name: str) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
