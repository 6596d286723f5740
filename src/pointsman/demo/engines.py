"""What the engines counted, remembered while their pods come and go.

A parked layer takes its counters along, so they are read once a second; what a pod said last stays. Requests that
clients know and engines do not, or the other way round beyond the move's own probes, mean that one of them lies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.errors import ClusterError
from pointsman.kube.client import Client
from pointsman.layers.contract import Layer
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods
from pointsman.spec.model import Model

__all__ = ["EngineCounts", "agreement"]

LOOK = 1.0


class EngineCounts:
    """Requests finished by layer, cumulative over every pod there ever was."""

    def __init__(self, client: Client, model: Model, layers: Sequence[Layer]) -> None:
        self._client = client
        self._model = model
        self._layers = layers
        self._last: dict[str, dict[str, float]] = {}

    async def follow(self) -> None:
        """Read for ever; a layer that cannot be read now is read next time."""
        while True:
            with contextlib.suppress(ClusterError):
                await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> dict[str, int]:
        """Read now, and return the sum of each layer."""
        for layer in self._layers:
            pods = [pod for pod in await engine_pods(self._client, layer, self._model) if pod.role == "serve"]
            for reading in await read_all(self._client, pods):
                if reading.counters is not None:
                    counted = self._last.setdefault(layer.id, {})
                    done = reading.counters.work[0]
                    counted[reading.pod] = max(done, counted.get(reading.pod, 0.0))
        return self.totals

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each layer, as last read."""
        return {layer: round(sum(pods.values())) for layer, pods in self._last.items()}


def agreement(
    before: Mapping[str, int],
    after: Mapping[str, int],
    answered: Mapping[str, int],
    probes: Mapping[str, int],
    *,
    moves: int = 1,
    slack: int = 0,
) -> dict[str, Any]:
    """Engines against clients, by layer: what is left over are the probes of ``moves`` moves that went past the edge.

    ``slack`` is for a count taken while requests are under way.
    """
    rows = {}
    for layer in sorted({*after, *answered}):
        engines = after.get(layer, 0) - before.get(layer, 0)
        clients, ours = answered.get(layer, 0), probes.get(layer, 0)
        rows[layer] = {"engines": engines, "clients": clients, "probes": ours, "direct": engines - clients - ours}
    limit = DIRECT * max(1, moves) + slack
    return {"layers": rows, "agree": all(-slack <= row["direct"] <= limit for row in rows.values())}


DIRECT = 40
"""Requests that one move may send to engines past the edge: completions, the contract's checks, parity."""
