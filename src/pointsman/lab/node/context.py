"""What the pods of one node share."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.errors import ConflictError, NotFoundError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.config import LabConfig, NodeConfig
from pointsman.lab.node.addresses import Addresses
from pointsman.lab.node.events import Recorder
from pointsman.lab.node.probing import Prober
from pointsman.lab.node.sources import Sources
from pointsman.lab.node.zygotes import Zygotes

__all__ = ["NodeContext"]

_POD = kind_of("Pod")


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node, and the means its pods are run with."""

    config: LabConfig
    node: NodeConfig
    host: str
    """The node's announced address."""
    client: Client
    sources: Sources
    prober: Prober
    events: Recorder
    addresses: Addresses
    zygotes: Zygotes

    @property
    def capacity(self) -> Mapping[str, str]:
        """What a container without limits may use, by resource."""
        return {"cpu": self.node.cpu, "memory": self.node.memory}

    async def delete_pod(self, pod: Mapping[str, Any]) -> None:
        """Take the object of a pod away that has ended here; only that very pod."""
        metadata = pod["metadata"]
        path = Ref(_POD, metadata["name"], metadata["namespace"]).path()
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": metadata["uid"]},
        }
        with contextlib.suppress(NotFoundError, ConflictError):
            await self.client.call("DELETE", path, where=f"Pod {metadata['namespace']}/{metadata['name']}", body=body)
