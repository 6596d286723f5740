"""How many requests of its own a process of ours has sent, and how many it may have sent when it dies.

Before own requests leave, an *allowance* is written on the move's ConfigMap: what was counted so far, and how many more
there may be. Nobody asks beyond it, so whoever takes the move over from a dead process knows both bounds. A record of
the journal that was written while nothing was under way takes the place of every allowance before it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json

from pointsman.kube.resources import Ref
from pointsman.move.boundary import Cluster, Object

__all__ = ["ANNOTATION", "EVERY", "OTHERS", "Counts", "Tally", "allowances", "keep_on", "total"]

EVERY = "*"
"""In the place of a layer: nobody knows which one was asked."""
OTHERS = "others"
"""In the place of a layer: a member of the alias that is none of ours."""
CHUNK = 16
"""Requests one allowance is good for: few, since so many are uncertain after a death; each one costs a write."""
ANNOTATION = "pointsman.dev/own-"
"""Begins the name of the annotation that holds an allowance; the epoch of its process ends it."""

Counts = Mapping[str, Mapping[str, int]]
"""Own requests by layer and way."""


class Tally:
    """Counts of one process."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.named: frozenset[str] | None = None
        """Layers that the alias names, as confirmed last; None while nobody knows."""
        self.declared = False
        """Has this process declared an alias? From then on only a confirmation tells what it names."""
        self.leaky: set[str] = set()
        """Layers that somebody reaches past the aliases: nobody can tell when they are asked for the last time."""
        self.reopened: Callable[[frozenset[str]], None] = lambda layers: None
        """Told which layers are asked again: by tenants, when an alias is written that names them, or by us."""
        self.keep: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None
        """Writes an allowance; None before there is a journal."""
        self._serial = 0
        self._left = 0
        self._under_way = 0
        self._keeping = asyncio.Lock()

    def add(self, layer: str, way: str, count: int = 1) -> None:
        """Count own requests to a layer; of one that nobody knows they are unsure, whatever became of them."""
        if count:
            self.reopened(frozenset({layer.partition("/")[0] or EVERY}))
            by_way = self.counts.setdefault(layer or EVERY, {})
            way = way if layer not in ("", EVERY) else "unsure"
            by_way[way] = by_way.get(way, 0) + count

    def takes_no_tenants(self, layer: str) -> bool:
        """Is the layer out of the alias on every replica of the edge, as far as this process saw it confirmed?"""
        return self.named is not None and layer not in self.named and layer not in self.leaky

    @asynccontextmanager
    async def asking(self, count: int = 1) -> AsyncIterator[None]:
        """While the block runs, so many own requests are under way, and allowed."""
        await self.allow(count)
        self._left -= count
        self._under_way += count
        try:
            yield
        finally:
            self._under_way -= count

    async def allow(self, count: int) -> None:
        """See to it that so many more may be sent, so that sending them costs no write."""
        if self.keep is None:
            self._left = max(self._left, count)
            return
        async with self._keeping:
            if self._left >= count:
                return
            self._serial += 1
            room = max(count, CHUNK)
            await self.keep({"serial": self._serial, "own": self._copy(), "open": self._under_way + room})
            self._left = room

    def news(self) -> dict[str, Any]:
        """For a record: the counts; with nothing under way it also takes the place of the allowance so far."""
        if self._under_way or self._keeping.locked():
            return {"own": self._copy()}
        self._left = 0
        return {"own": self._copy(), "allowance": self._serial}

    def _copy(self) -> dict[str, dict[str, int]]:
        return {layer: dict(ways) for layer, ways in self.counts.items()}


def keep_on(cluster: Cluster, ref: Ref, epoch: int) -> Callable[[Mapping[str, Any]], Awaitable[None]]:
    """Allowances of the process of an epoch, kept on a move's ConfigMap. ``cluster`` is one that fences."""

    async def keep(allowance: Mapping[str, Any]) -> None:
        await cluster.patch(ref, {"metadata": {"annotations": {f"{ANNOTATION}{epoch}": json.dumps(allowance)}}})

    return keep


def allowances(found: Object) -> dict[str, Mapping[str, Any]]:
    """The last allowance of every process that carried a move, by epoch. One that cannot be read bounds nothing."""
    told: dict[str, Mapping[str, Any]] = {}
    for name, text in (found["metadata"].get("annotations") or {}).items():
        if name.startswith(ANNOTATION):
            told[name.removeprefix(ANNOTATION)] = _read(text)
    return told


def _read(text: str) -> Mapping[str, Any]:
    try:
        said = from_json(text)
        return {"serial": int(said["serial"]), "own": dict(said["own"]), "open": int(said["open"])}
    except (ValueError, KeyError, TypeError):
        return {"torn": True}


def total(counts: Counts) -> int:
    """All of them."""
    return sum(sum(ways.values()) for ways in counts.values())
