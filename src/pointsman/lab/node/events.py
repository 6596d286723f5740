"""Events, as a kubelet records them: written in the background, repeats counted instead of repeated."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pointsman.errors import ClusterError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.node.times import now, rfc3339

__all__ = ["Recorder"]

_LOG = logging.getLogger(__name__)
_EVENT = kind_of("Event")
_REMEMBERED = 1024
_COUNT_EVERY = 5.0
"""Seconds between two updates of one event's count: a probe that fails each second is not worth a write each."""


@dataclass(slots=True)
class _Told:
    name: str
    count: int
    written_at: float


class Recorder:
    """Records events about objects, from one node. Events are dropped rather than waited for."""

    def __init__(self, client: Client, host: str) -> None:
        self._client = client
        self._host = host
        self._queue: asyncio.Queue[tuple[dict[str, Any], str]] = asyncio.Queue(maxsize=2000)
        self._told: OrderedDict[tuple[str, str, str], _Told] = OrderedDict()

    def say(
        self,
        about: Mapping[str, Any],
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        *,
        container: str = "",
    ) -> None:
        """Record ``reason`` about an object (with ``container``: about one container of it)."""
        metadata = about["metadata"]
        involved = {
            "kind": about.get("kind", "Pod"),
            "apiVersion": about.get("apiVersion", "v1"),
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            **({"namespace": metadata["namespace"]} if "namespace" in metadata else {}),
            **({"fieldPath": container} if container else {}),
        }
        event = {
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message[:1000],
            "source": {"component": "kubelet", "host": self._host},
            "reportingComponent": "kubelet",
            "reportingInstance": self._host,
        }
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait((event, rfc3339(now())))

    async def run(self) -> None:
        """Write what is said, for ever."""
        while True:
            event, moment = await self._queue.get()
            try:
                await self._write(event, moment)
            except ClusterError as error:
                _LOG.debug("an event was not written: %s", error)

    async def _write(self, event: dict[str, Any], moment: str) -> None:
        involved = event["involvedObject"]
        key = (f"{involved['uid']}{involved.get('fieldPath', '')}", event["reason"], event["message"])
        namespace = involved.get("namespace", "default")
        clock = asyncio.get_running_loop().time()
        told = self._told.get(key)
        if told is None:
            name = f"{involved['name']}.{uuid.uuid4().hex[:16]}"
            self._remember(key, _Told(name, 1, clock))
            await self._client.create(
                {
                    "apiVersion": "v1",
                    "kind": "Event",
                    "metadata": {"name": name, "namespace": namespace},
                    **event,
                    "firstTimestamp": moment,
                    "lastTimestamp": moment,
                    "count": 1,
                }
            )
            return
        told.count += 1
        if clock - told.written_at >= _COUNT_EVERY:
            told.written_at = clock
            await self._client.patch(Ref(_EVENT, told.name, namespace), {"count": told.count, "lastTimestamp": moment})

    def _remember(self, key: tuple[str, str, str], told: _Told) -> None:
        self._told[key] = told
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
