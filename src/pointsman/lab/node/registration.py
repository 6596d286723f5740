"""Nodes and their Leases: what makes the scheduler and the controllers believe in a machine."""

from __future__ import annotations

import asyncio
import logging
import platform
from typing import Any

from pointsman.errors import ClusterError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.config import LabConfig, NodeConfig
from pointsman.lab.node.addresses import node_address
from pointsman.lab.node.times import micro_time, now, rfc3339

__all__ = ["KUBELET_VERSION", "keep_registered", "register"]

log = logging.getLogger(__name__)

KUBELET_VERSION = "v1.34.4"
LEASE_SECONDS = 40
RENEW_EVERY = 10.0
"""Seconds between renewals; a kubelet's default. The controller manager gives up on a node after 40."""
STATUS_EVERY = 30
"""Renewals between two full status reports: five minutes, a kubelet's default."""


async def register(client: Client, config: LabConfig) -> None:
    """Create every node of the lab and report it Ready."""
    for index, node in enumerate(config.nodes):
        await client.apply(_node(node))
        await _report(client, config, index, node)
        await client.apply(_lease(node))


async def keep_registered(client: Client, config: LabConfig) -> None:
    """Renew the Leases for ever, and report the whole status now and then. Survives a cluster that is away."""
    beat = 0
    while True:
        await asyncio.sleep(RENEW_EVERY)
        beat += 1
        try:
            for index, node in enumerate(config.nodes):
                await client.apply(_lease(node))
                if beat % STATUS_EVERY == 0:
                    await _report(client, config, index, node)
        except ClusterError as error:
            log.warning("cannot renew the nodes' leases: %s", error.what)


def _node(node: NodeConfig) -> dict[str, Any]:
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64" if platform.machine() == "x86_64" else "arm64",
        "node.kubernetes.io/instance-type": "pointsman-lab",
    }
    if node.gpus:
        labels["nvidia.com/gpu.present"] = "true"
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name, "labels": labels}}


async def _report(client: Client, config: LabConfig, index: int, node: NodeConfig) -> None:
    ref = Ref(kind_of("Node"), node.name)
    await client.patch(ref, {"status": _status(config, index, node)}, subresource="status", kind="strategic")
    await client.patch(ref, {"spec": {"taints": None}})


def _status(config: LabConfig, index: int, node: NodeConfig) -> dict[str, Any]:
    capacity = {"cpu": node.cpu, "memory": node.memory, "pods": "250", "ephemeral-storage": "100Gi"}
    if node.gpus:
        capacity["nvidia.com/gpu"] = str(node.gpus)
    return {
        "capacity": capacity,
        "allocatable": capacity,
        "addresses": [
            {"type": "InternalIP", "address": node_address(config, index)},
            {"type": "Hostname", "address": node.name},
        ],
        "conditions": _conditions(),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.ports["kubelet"]}},
        "nodeInfo": {
            "architecture": "amd64" if platform.machine() == "x86_64" else "arm64",
            "bootID": "",
            "containerRuntimeVersion": "pointsman-lab://1",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": KUBELET_VERSION,
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "pointsman lab",
            "systemUUID": "",
        },
    }


def _conditions() -> list[dict[str, str]]:
    moment = rfc3339(now())
    said = {
        "Ready": ("True", "KubeletReady", "the lab's node process is running"),
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "not measured in the lab"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "not measured in the lab"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "not measured in the lab"),
    }
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
        }
        for kind, (status, reason, message) in said.items()
    ]


def _lease(node: NodeConfig) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node.name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": node.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": micro_time(now()),
        },
    }
