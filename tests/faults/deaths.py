"""When an engine of the target died by itself, on the tenants' clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime

from pointsman.demo.ledger import Window
from pointsman.kube.client import Client
from pointsman.kube.resources import kind_of
from pointsman.move.boundary import Object

__all__ = ["deaths_of"]

RESOLUTION = 1.0
"""Pods tell whole seconds."""


@asynccontextmanager
async def deaths_of(client: Client, namespace: str, now: Callable[[], float]) -> AsyncIterator[list[Window]]:
    """Each death in the block, as the span in which it lies."""
    found: dict[float, Window] = {}
    told: list[Window] = []

    async def follow() -> None:
        async for event in client.watch(kind_of("Pod"), namespace):
            for at in _deaths(event.object):
                begin = now() + (at - time.time())
                found.setdefault(at, Window(begin, begin + RESOLUTION))

    watching = asyncio.create_task(follow())
    try:
        yield told
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        told += found.values()


def _deaths(pod: Object) -> Iterator[float]:
    """Ends of containers that nobody asked to end."""
    if "deletionTimestamp" in pod.get("metadata", {}):
        return
    for container in pod.get("status", {}).get("containerStatuses", []):
        for state in (container.get("state", {}), container.get("lastState", {})):
            ended = state.get("terminated") or {}
            if ended.get("exitCode") and ended.get("finishedAt"):
                yield datetime.fromisoformat(ended["finishedAt"]).timestamp()
