"""What every engine process has answered so far, read when all is quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointsman.errors import TemporaryError
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Cluster
from pointsman.move.probes.counters import Reading, read_all, whole
from pointsman.move.probes.pods import EnginePod, engine_pods
from pointsman.spec.model import Model

__all__ = ["Count", "quiet_counts"]

PATIENCE = 60.0
"""Seconds that engines have to become quiet; one that is told to end may take a while."""
LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Count:
    """One engine process."""

    layer: str
    answered: int
    """Requests that ended with a whole answer."""


async def quiet_counts(cluster: Cluster, layers: Iterable[Layer], model: Model) -> dict[str, Count]:
    """By process, as receipts name it: engines that answer tenants, when two looks in a row found them idle and alike.

    Raises TemporaryError when that does not happen in time.
    """
    layers, why = tuple(layers), ""
    loop = asyncio.get_running_loop()
    deadline, last = loop.time() + PATIENCE, None
    while loop.time() < deadline:
        found, why = await _look(cluster, layers, model)
        if not why and found == last:
            return found
        last = None if why else found
        await asyncio.sleep(LOOK)
    raise TemporaryError(
        f"the engines did not become quiet within {PATIENCE:g} s: {why or 'they still answer'}",
        next_action="find out who calls them, then run it again",
    )


async def _look(cluster: Cluster, layers: Sequence[Layer], model: Model) -> tuple[dict[str, Count], str]:
    found: dict[str, Count] = {}
    why = ""
    for layer in layers:
        pods = [pod for pod in await engine_pods(cluster, layer, model) if pod.role == "serve"]
        for pod, reading in zip(pods, await read_all(cluster, pods), strict=True):
            why = why or _busy(pod, reading)
            if reading.counters is not None:
                found[pod.process] = Count(layer.id, round(whole(reading.counters.finished)))
    return found, why


def _busy(pod: EnginePod, reading: Reading) -> str:
    """Why the engine is not quiet; one that does not answer yet, or not any more, has no tenants."""
    if reading.counters is None:
        return f"{pod.name} does not say ({reading.why})" if pod.ready or pod.terminating else ""
    return "" if reading.counters.idle else f"{pod.name} is busy"
