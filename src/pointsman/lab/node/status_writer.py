"""Writing a pod's status: only when it differs from what was written last, and never two writes at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pointsman.errors import ClusterError, ConflictError, NotFoundError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of

__all__ = ["StatusWriter"]

_LOG = logging.getLogger(__name__)
_POD = kind_of("Pod")
_RETRY = 1.0

Object = dict[str, Any]


class StatusWriter:
    """Writes what ``current`` returns (the pod, its status) after each ``changed``."""

    def __init__(self, client: Client, current: Callable[[], tuple[Object, Object]]) -> None:
        self._client = client
        self._current = current
        self._dirty = asyncio.Event()
        self._clean = asyncio.Event()
        self._clean.set()
        self._written: Object = {}
        self._stopped = False

    def changed(self) -> None:
        """The status may be another one now."""
        self._dirty.set()
        self._clean.clear()

    def stop(self) -> None:
        """Write no more."""
        self._stopped = True

    async def settle(self) -> None:
        """Until everything that changed has been written."""
        await self._clean.wait()

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if not self._stopped and not await self._write():
                await asyncio.sleep(_RETRY)
                self._dirty.set()
            if not self._dirty.is_set():
                self._clean.set()

    async def _write(self) -> bool:
        pod, status = self._current()
        if not status or _essence(status) == self._written:
            return True
        metadata = pod["metadata"]
        body = {"metadata": {"uid": metadata["uid"]}, "status": _replacing(status)}
        try:
            ref = Ref(_POD, metadata["name"], metadata["namespace"])
            await self._client.patch(ref, body, subresource="status", kind="strategic")
        except (NotFoundError, ConflictError):
            return True
        except ClusterError as error:
            _LOG.warning("status of pod %s/%s: %s", metadata["namespace"], metadata["name"], error)
            return False
        self._written = _essence(status)
        return True


def _replacing(status: Object) -> Object:
    """Address lists would be merged by a strategic patch; a pod may have another address after a restart."""
    lists = {key: [{"$patch": "replace"}, *status[key]] for key in ("podIPs", "hostIPs")}
    return {**status, **lists}


def _essence(status: Object) -> Object:
    """The status without times that follow from the rest of it."""
    bare = [{k: v for k, v in entry.items() if k != "lastTransitionTime"} for entry in status["conditions"]]
    return {**status, "conditions": bare}
