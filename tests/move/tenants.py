"""Tenants in the shared lab who call the model all the time, and what each of their requests came to.

``accounts`` also counts the engines before the first request and after the last, so that a test can hold the
receipts of all moves in between against the tenants' ledger, to the request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pointsman.demo.baseline import collect
from pointsman.demo.call import Alias
from pointsman.demo.counts import Count, quiet_counts
from pointsman.demo.door import door
from pointsman.demo.load import Load
from pointsman.demo.platform import example_model
from pointsman.demo.reconcile import reconcile
from pointsman.demo.reconciliation import Reconciliation
from pointsman.demo.tenants import Traffic
from pointsman.kube.client import Client
from pointsman.layers.registry import LAYERS
from pointsman.spec.model import Model
from tests.conftest import RunningLab
from tests.move.platform import moves, receipts_since

__all__ = ["Books", "accounts", "calling"]


@asynccontextmanager
async def calling(lab: RunningLab, *, rate: float, seed: int) -> AsyncIterator[Load]:
    """Tenants call while the block runs; every answer is held against what the model said before."""
    async with _ready(lab, Traffic(rate=rate, streams=0.4, seed=seed)) as (_, load), load:
        yield load


@asynccontextmanager
async def accounts(lab: RunningLab, *, rate: float, seed: int, model: Model | None = None) -> AsyncIterator[Books]:
    """Like ``calling``; afterwards, or after ``close``, its ledger can be held against the moves' receipts.

    ``model`` is the one that moves, where its engines are others than the example's.
    """
    model = model or example_model()
    async with _ready(lab, Traffic(rate=rate, streams=0.4, seed=seed, seconds=3600.0)) as (client, load):
        books = Books(lab, load, client, frozenset(moves(lab)), model, await _count(client, model))
        async with load:
            yield books
        await books.close()


@dataclass(slots=True)
class Books:
    """What tenants counted, and what engines counted before and after them."""

    lab: RunningLab
    load: Load
    client: Client
    known: frozenset[str]
    """Moves that had begun before."""
    model: Model
    before: Mapping[str, Count]
    after: Mapping[str, Count] = field(default_factory=dict)
    closed: bool = False

    async def close(self) -> None:
        """Tenants leave; when all is quiet, the engines are counted."""
        if not self.closed:
            await self.load.stop()
            self.after = await _count(self.client, self.model)
            self.closed = True

    def receipts(self) -> list[dict[str, Any]]:
        """Of all moves begun since tenants came, the oldest first."""
        return receipts_since(self.lab, self.known)

    def reconcile(self, receipts: Sequence[Mapping[str, Any]] | None = None) -> Reconciliation:
        """The ledger against these receipts, which must be those of all moves begun since; None: fetch them."""
        assert self.closed, "tenants still call"
        told = self.receipts() if receipts is None else receipts
        begin = f"{example_model().name}-"
        entries = self.load.ledger.entries
        return reconcile(self.before, self.after, told, entries, lambda entry: entry.member.removeprefix(begin))


@asynccontextmanager
async def _ready(lab: RunningLab, traffic: Traffic) -> AsyncIterator[tuple[Client, Load]]:
    """A load that has not begun; the right answers are known."""
    model = example_model()
    edge = model.spec.tenant.edge
    async with (
        Client.from_kubeconfig(lab.kubeconfig) as client,
        door(client, edge, _key(lab), lab.config.proxy_url) as way,
    ):
        names = frozenset({model.spec.served_model_name, model.spec.tenant.alias})
        members = frozenset(f"{model.name}-{layer.id}" for layer in LAYERS)
        alias = Alias(model.spec.tenant.alias, names, members)
        alias = Alias(alias.name, names, members, await collect(way, alias))
        yield client, Load(way, alias, traffic)


async def _count(client: Client, model: Model) -> dict[str, Count]:
    return await quiet_counts(client, LAYERS, model)


def _key(lab: RunningLab) -> str:
    found = lab.kubectl("get", "secret", "litellm", "-n", "llm-gateway", "-o", "json")
    return base64.b64decode(json.loads(found.stdout)["data"]["master-key"]).decode()
