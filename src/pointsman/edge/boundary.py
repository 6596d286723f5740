"""The calls an edge makes to the cluster; ``pointsman.kube.client.Client`` satisfies them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pointsman.kube.http import Caller
from pointsman.kube.resources import Kind, Ref

__all__ = ["Cluster", "Object"]

Object = dict[str, Any]


class Cluster(Caller, Protocol):
    """What of the Kubernetes client is used here."""

    async def get(self, ref: Ref) -> Object:
        """The object, or NotFoundError."""

    async def find(self, ref: Ref) -> Object | None:
        """The object, or None."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> list[Object]:
        """All objects of a kind."""

    async def patch(self, ref: Ref, body: Any, *, subresource: str = "", kind: str = "merge") -> Object:
        """Patch; with metadata.resourceVersion in the body, ConflictError when it is old."""
