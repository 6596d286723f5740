"""What a move needs from outside: a cluster, a wire, a clock.

Protocols with just the calls that are made. ``pointsman.kube`` satisfies them against a real cluster; the world in
memory of the tests satisfies them too, and the same contract tests hold both to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pointsman.edge.boundary import Cluster as EdgeCluster
from pointsman.edge.boundary import Object
from pointsman.kube.http import Response
from pointsman.kube.resources import Kind, Ref
from pointsman.kube.watch import Event

__all__ = ["Clock", "Cluster", "LineStream", "Object", "SystemClock", "Wire"]


class Cluster(EdgeCluster, Protocol):
    """The calls of ``pointsman.kube.client.Client`` that a move makes: the edge's, and these."""

    def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[Object]]:
        """All objects of a kind, a page at a time; of one that comes twice the later counts."""

    async def names(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[str]:
        """The names of a kind's objects; a label that begins with ``!`` must not be there."""

    async def apply(self, manifest: Object, *, force: bool = True, dry_run: bool = False) -> Object:
        """Server-side apply."""

    async def create(self, manifest: Object) -> Object:
        """Create, or ConflictError."""

    async def replace(self, manifest: Object, *, subresource: str = "") -> Object:
        """Replace, or ConflictError when its resourceVersion is old."""

    async def delete(
        self, ref: Ref, *, propagation: str = "Background", missing_ok: bool = True, grace: int | None = None
    ) -> None:
        """Delete."""

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: str = "",
        name: str | None = None,
    ) -> AsyncIterator[Event]:
        """List, then follow for ever."""

    async def wait_gone(self, ref: Ref, timeout: float) -> None:
        """Wait until the object is gone, or TemporaryError."""

    async def proxy_get(self, namespace: str, pod: str, port: int, path: str, timeout: float = 10.0) -> Response:
        """GET from a pod through the API server."""

    async def service_get(self, namespace: str, service: str, port: int, path: str, timeout: float = 10.0) -> Response:
        """GET from a Service through the API server."""

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[str]:
        """A local base URL that ends in the pod."""


class LineStream(Protocol):
    """An answer that is still arriving."""

    @property
    def status(self) -> int:
        """HTTP status."""

    def lines(self) -> AsyncIterator[bytes]:
        """Lines as they come."""

    async def read(self) -> bytes:
        """The rest."""


class Wire(Protocol):
    """Plain HTTP to an engine, by a base URL that ``Cluster.port_forward`` gave."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        """One request and its whole answer."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> AbstractAsyncContextManager[LineStream]:
        """One request whose answer is read as it comes."""


class Clock(Protocol):
    """Time, so that tests need not spend it."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def now(self) -> datetime:
        """The time of day, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
