"""The move's own requests, counted where they leave, so that a receipt can tell them from tenants'.

Three ways lead to an engine: through the edge (marked requests), past it to one pod (proofs), and to the address
that tenants use (the path's proof). A request that was answered is counted by the engine too; one that got no
answer may have been: it is unsure, and a receipt that depends on it says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from pointsman.edge.contract import CLOSED, Edge, Member, Observation, Owe, Reason
from pointsman.edge.wrapped import WrappedEdge
from pointsman.kube.http import Response
from pointsman.move.boundary import Cluster, LineStream, Wire
from pointsman.move.journal.tally import EVERY, Tally
from pointsman.spec.apis import APIS

__all__ = ["CountedEdge", "CountedWire", "counted"]

ASKING = tuple(one.path for one in APIS.values())

LayerAt = Callable[[str, str], Awaitable[str]]
"""The layer of a pod, by namespace and name; empty when unknown."""


class _CountedCluster:
    """A cluster whose ways to engines are counted; everything else is the cluster's own."""

    def __init__(self, cluster: Cluster, tally: Tally, layer_at: LayerAt, paths: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._tally = tally
        self._layer_at = layer_at
        self._paths = paths
        self.bases: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def http(self, method: str, path: str, **words: Any) -> Response:
        """A raw call; a completion to the tenants' address of a layer is one of ours."""
        layer = next((one for start, one in self._paths.items() if path.startswith(start)), None)
        if method != "POST" or layer is None or not path.endswith(ASKING):
            return await self._cluster.http(method, path, **words)
        return await _weigh(lambda: self._cluster.http(method, path, **words), self._tally, layer, "path")

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[str]:
        """A way to one pod, remembered by its address."""
        async with self._cluster.port_forward(namespace, pod, port) as base:
            self.bases[base] = await self._layer_at(namespace, pod)
            try:
                yield base
            finally:
                self.bases.pop(base, None)


async def _weigh(ask: Callable[[], Awaitable[Response]], tally: Tally, layer: str, way: str) -> Response:
    async with tally.asking():
        try:
            answer = await ask()
        except BaseException:
            tally.add(layer, "unsure")
            raise
        if answer.status == 200:
            tally.add(layer, way)
        elif answer.status >= 500:
            tally.add(layer, "unsure")
        return answer


class CountedWire:
    """A wire whose completions are counted."""

    def __init__(self, wire: Wire, tally: Tally, bases: Mapping[str, str]) -> None:
        self._wire = wire
        self._tally = tally
        self._bases = bases

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

        def ask() -> Awaitable[Response]:
            return self._wire.request(method, url, body=body, headers=headers, timeout=timeout)

        if method != "POST" or not url.endswith(ASKING):
            return await ask()
        return await _weigh(ask, self._tally, self._layer(url), "direct")

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
        return self._stream(self._wire.stream(method, url, body=body, headers=headers, timeout=timeout), url)

    @asynccontextmanager
    async def _stream(self, opened: AbstractAsyncContextManager[LineStream], url: str) -> AsyncIterator[LineStream]:
        layer, status = self._layer(url), 0
        async with self._tally.asking():
            try:
                async with opened as stream:
                    status = stream.status
                    yield stream
            except BaseException:
                self._tally.add(layer, "unsure")
                raise
            if status == 200:
                self._tally.add(layer, "direct")

    def _layer(self, url: str) -> str:
        return next((layer for base, layer in self._bases.items() if url.startswith(f"{base}/")), "")


class CountedEdge(WrappedEdge):
    """An edge whose marked requests are counted, and that knows which layers it left without tenants."""

    def __init__(self, edge: Edge, tally: Tally, layer_of: Callable[[str], str]) -> None:
        super().__init__(edge)
        self._tally = tally
        self._layer_of = layer_of

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members; until it is confirmed nobody knows who gets tenants."""
        self._tally.named, self._tally.declared = None, True
        self._tally.reopened(_layers(members))
        return await super().write(members, why)

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """Declare what was declared before; until it is confirmed nobody knows who gets tenants."""
        self._tally.named, self._tally.declared = None, True
        self._tally.reopened(_layers(members))
        return await super().put_back(members, why, owe)

    async def remove(self, why: Reason | None = None) -> str:
        """Take the aliases away."""
        self._tally.named, self._tally.declared = None, True
        return await super().remove(why)

    async def confirm(self, members: Sequence[Member], *, timeout: float) -> None:
        """Wait until every replica runs these members; from then on it is known who gets tenants."""
        await super().confirm(members, timeout=timeout)
        self._tally.named = _layers(members)

    async def observe(self, requests: int) -> Observation:
        """Marked requests, each counted to the layer that answered."""
        shut = self._tally.named == frozenset({CLOSED})
        most = requests * len(self.names)
        async with self._tally.asking(most):
            try:
                seen = await super().observe(requests)
            except BaseException:
                self._tally.add(EVERY, "unsure", most)
                raise
            for member, count in seen.answered.items():
                self._tally.add(self._layer_of(member), "edge", count)
            if not shut:  # where nobody stands behind the alias, what failed was counted by nobody
                self._tally.add(EVERY, "unsure", sum(seen.failed.values()) + seen.undelivered)
            return seen


def _layers(members: Sequence[Member]) -> frozenset[str]:
    """The layers that get tenants, as far as they are ours."""
    return frozenset(one.layer for one in members if one.ours)


def counted(
    cluster: Cluster, wire: Wire, tally: Tally, layer_at: LayerAt, paths: Mapping[str, str]
) -> tuple[Cluster, Wire]:
    """Cluster and wire whose ways to engines are counted; ``paths`` maps proxied addresses to layers."""
    watched = _CountedCluster(cluster, tally, layer_at, paths)
    return cast("Cluster", watched), CountedWire(wire, tally, watched.bases)
