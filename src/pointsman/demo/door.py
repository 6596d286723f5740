"""How tenants reach the edge: through the lab's forward proxy, or through the API server of any cluster.

The second way is for a cluster of one's own, from a machine that its network does not know: the API server's
service proxy picks a ready replica for each request, so that it goes on through a roll, which a port-forward to
one pod would not. It strips Authorization; LiteLLM takes ``x-litellm-api-key`` in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from pointsman.kube.client import Client
from pointsman.kube.http import IDLE
from pointsman.kube.resources import Ref, kind_of
from pointsman.spec.tenant import Edge

__all__ = ["Door", "door"]


@dataclass(frozen=True, slots=True)
class Door:
    """An open session to the edge."""

    session: aiohttp.ClientSession
    base: str
    """Base URL, without ``/v1``."""
    headers: Mapping[str, str]
    proxy: str | None = None


@asynccontextmanager
async def door(client: Client, edge: Edge, key: str, proxy: str | None) -> AsyncIterator[Door]:
    """A way in with a tenant's key; ``proxy`` is the lab's, None goes through the API server."""
    grant = await client.access.credentials.grant()
    tls = grant.tls if proxy is None and grant.tls is not None else True
    connector = aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=IDLE)
    headers = {} if proxy else dict(grant.headers)
    async with aiohttp.ClientSession(connector=connector, headers=headers, trust_env=False) as session:
        if proxy:
            host = f"http://{edge.service}.{edge.namespace}.svc.cluster.local:{edge.port}"
            yield Door(session, host, {"Authorization": f"Bearer {key}"}, proxy)
        else:
            service = Ref(kind_of("Service"), f"http:{edge.service}:{edge.port}", edge.namespace)
            base = f"{client.access.server}{service.path('proxy')}"
            yield Door(session, base, {"x-litellm-api-key": f"Bearer {key}"})
