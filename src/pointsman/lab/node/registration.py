"""The Node objects: registered with what they declare, kept Ready, their Leases renewed."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Mapping, Set
from typing import Any

from pointsman.errors import ClusterError, ConflictError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.config import LabConfig, NodeConfig
from pointsman.lab.node.addresses import node_address
from pointsman.lab.node.times import micro_time, now, rfc3339

__all__ = ["Registration"]

_LOG = logging.getLogger(__name__)
_NODE, _LEASE = kind_of("Node"), kind_of("Lease")
_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_RENEW_EVERY = 10.0
_REPORT_EVERY = 300.0
_PODS = "250"
_KUBELET_VERSION = "v1.34.4"

_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Registration:
    """One node's own objects."""

    def __init__(self, client: Client, config: LabConfig, index: int, off: Set[str]) -> None:
        """``off`` are the names of nodes that say nothing at the moment."""
        self._client = client
        self._config = config
        self._index = index
        self._node: NodeConfig = config.nodes[index]
        self._ref = Ref(_NODE, self._node.name)
        self._off = off

    async def register(self) -> None:
        """Make the Node, or take over the one from before, and say that it is Ready."""
        manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._node.name, "labels": self._labels()}}
        try:
            await self._client.create(manifest)
        except ConflictError:
            await self._client.patch(self._ref, {"metadata": {"labels": self._labels()}})
        await self._report()
        await self._renew()

    async def keep(self) -> None:
        """Renew the Lease and, now and then, the status; for ever."""
        clock = asyncio.get_running_loop().time
        reported = clock()
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            if self._node.name in self._off:
                continue
            try:
                await self._renew()
                if clock() - reported > _REPORT_EVERY:
                    await self._report()
                    reported = clock()
            except ClusterError as error:
                _LOG.warning("node %s: %s", self._node.name, error)

    def _labels(self) -> dict[str, str]:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        labels = {
            "kubernetes.io/hostname": self._node.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": machine,
            "node.kubernetes.io/instance-type": "pointsman-lab",
        }
        if self._node.gpus:
            labels |= {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": str(self._node.gpus)}
        return labels

    async def _report(self) -> None:
        found = await self._client.find(self._ref)
        before = {entry["type"]: entry for entry in (found or {}).get("status", {}).get("conditions") or []}
        address = node_address(self._config, self._index)
        capacity = {
            "cpu": self._node.cpu,
            "memory": self._node.memory,
            "pods": _PODS,
            "ephemeral-storage": "200Gi",
            **({"nvidia.com/gpu": str(self._node.gpus)} if self._node.gpus else {}),
        }
        status = {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [_condition(entry, before) for entry in _CONDITIONS],
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": self._node.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._config.ports["kubelet"]}},
            "nodeInfo": self._info(),
        }
        await self._client.patch(self._ref, {"status": status}, subresource="status", kind="strategic")

    def _info(self) -> dict[str, str]:
        return {
            "architecture": self._labels()["kubernetes.io/arch"],
            "bootID": self._config.name,
            "containerRuntimeVersion": "pointsman://0.1.0",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": _KUBELET_VERSION,
            "kubeletVersion": _KUBELET_VERSION,
            "machineID": f"{self._config.name}-{self._node.name}",
            "operatingSystem": "linux",
            "osImage": "pointsman lab (processes of this machine)",
            "systemUUID": f"{self._config.name}-{self._node.name}",
        }

    async def _renew(self) -> None:
        moment = micro_time(now())
        ref = Ref(_LEASE, self._node.name, _LEASE_NAMESPACE)
        spec: dict[str, Any] = {
            "holderIdentity": self._node.name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": moment,
        }
        if await self._client.find(ref) is None:
            metadata = {"name": self._node.name, "namespace": _LEASE_NAMESPACE}
            manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            await self._client.create(manifest)
        else:
            await self._client.patch(ref, {"spec": spec})


def _condition(entry: tuple[str, str, str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    name, status, reason, message = entry
    moment = rfc3339(now())
    known = before.get(name, {})
    since = known["lastTransitionTime"] if known.get("status") == status else moment
    return {
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": moment,
        "lastTransitionTime": since,
    }
