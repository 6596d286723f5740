"""Is a layer lost: does none of its engines say anything any more?"""

from __future__ import annotations

from pointsman.errors import ClusterError
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.probes.counters import read_all
from pointsman.move.probes.pods import engine_pods

__all__ = ["lost"]

LOOKS, PAUSE = 4, 1.0
"""Looks in a row at which every engine has to be silent, and seconds between two: one may be the road's fault."""


async def lost(context: Context, layer: Layer) -> str:
    """In words, that the layer is lost; empty when one of its engines answers, or when the cluster does not tell."""
    for _ in range(LOOKS):
        try:
            pods = [one for one in await engine_pods(context.cluster, layer, context.model) if one.role == "serve"]
            readings = await read_all(context.cluster, pods)
        except ClusterError:
            return ""
        if any(one.counters is not None for one in readings):
            return ""
        await context.clock.sleep(PAUSE)
    return f"no engine of {layer.title} says anything any more"
