"""The objects a Gateway gets so that clusters' own means reach it: a Service, and where it leads.

Both Endpoints and an EndpointSlice are written: the API server's service proxy still reads the former, everything
else the latter. Mirroring is switched off, it would make a second slice. That proxy also refuses addresses that no
Pod has, so a Pod stands in for the gateway's process; no scheduler knows its name, so no node runs it.
Everything goes with the Gateway.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pointsman.lab.network.gateway.attachment import CONTROLLER, is_served
from pointsman.lab.network.resolver import GATEWAY_LABEL
from pointsman.lab.network.store import Object, key_of

__all__ = ["gateway_objects", "pod_status"]

Manifest = dict[str, Any]

_IMAGE = "pointsman.dev/lab-network"


def gateway_objects(gateway: Object, address: str, listen_port: int) -> list[Manifest]:
    """Pod, Service, Endpoints and EndpointSlice of a Gateway, for server-side apply."""
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
    pod = _pod(gateway, listen_port)
    reference = {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
    endpoints["subsets"] = [{"addresses": [{"ip": address, "targetRef": reference}], "ports": targets}]
    labels = {
        "kubernetes.io/service-name": gateway["metadata"]["name"],
        "endpointslice.kubernetes.io/managed-by": CONTROLLER.replace("/", "-"),
    }
    endpoint_slice = _manifest(gateway, "discovery.k8s.io/v1", "EndpointSlice", labels)
    endpoint_slice["addressType"] = "IPv4"
    endpoint_slice["ports"] = targets
    endpoint_slice["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}, "targetRef": reference}]
    return [pod, service, endpoints, endpoint_slice]


def pod_status(address: str) -> Manifest:
    """What a kubelet would say of the stand-in."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    types = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [{"type": name, "status": "True", "lastTransitionTime": now} for name in types],
        "containerStatuses": [
            {
                "name": "gateway",
                "image": _IMAGE,
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
        ],
    }


def _pod(gateway: Object, listen_port: int) -> Manifest:
    pod = _manifest(gateway, "v1", "Pod")
    pod["spec"] = {
        "schedulerName": "lab-network",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "gateway",
                "image": _IMAGE,
                "ports": [{"containerPort": listen_port}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    return pod


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
