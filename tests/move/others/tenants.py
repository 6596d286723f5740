"""Tenants of every alias of the platform that others wrote, each with its own ledger, and a client that goes past it.

What is right needs no asking: the engines are simulators, whose text is known from the weights and the question.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from pointsman.demo.call import Alias
from pointsman.demo.counts import Count, quiet_counts
from pointsman.demo.door import Door, door
from pointsman.demo.ledger import Entry
from pointsman.demo.load import Load
from pointsman.demo.reconcile import reconcile
from pointsman.demo.reconciliation import Reconciliation
from pointsman.demo.tenants import PROMPTS, Case, Traffic, cases
from pointsman.kube.client import Client
from pointsman.lab.engine.text import answer
from pointsman.layers.registry import LAYERS
from tests.conftest import RunningLab
from tests.move.others.scene import CLOUD, engines_of, model

__all__ = ["LEFT", "PAST", "RATES", "Tenants", "calling"]

RATES = {"qwen-local": 4.0, "chat-mini": 1.0, "team-a/summaries": 1.0, "cloud-large": 0.5}
"""Requests a second by what tenants call: our alias, one behind a router's alias, one behind a wildcard, a stranger."""
LEFT = ("chat-mini", "team-a/summaries")
"""Those that stand on the model's engines without being its alias."""
PAST, PAST_RATE = "past the edge", 2.0
SECONDS = 900.0


@dataclass(slots=True)
class Tenants:
    """Who calls, by what they call; ``PAST`` calls the Service of the source itself."""

    loads: Mapping[str, Load]
    source: str
    """The layer whose Service is called past the edge."""
    client: Client
    before: Mapping[str, Count]
    after: Mapping[str, Count] | None = None

    async def leave(self, *names: str) -> None:
        """These stop calling, and have their answers."""
        await asyncio.gather(*(self.loads[name].stop() for name in names))

    async def close(self) -> None:
        """All leave; when it is quiet, the engines are counted."""
        await self.leave(*self.loads)
        self.after = await quiet_counts(self.client, LAYERS, model())

    def entries(self, name: str) -> Sequence[Entry]:
        """The ledger of those who call this."""
        return self.loads[name].ledger.entries

    def lost(self, name: str) -> list[str]:
        """What became of the requests that had no whole right answer."""
        bad = [one for one in self.entries(name) if not one.answered]
        return [f"{one.sent:.1f} s: {one.failure} {one.status} {one.detail}" for one in bad]

    def unlike(self, *names: str) -> float:
        """The share of our engines' answers with other words than the exact ones: some; of other weights all."""
        entries = [one for name in names for one in self.entries(name)]
        told = [one for one in entries if one.answered and one.base.rstrip("/") != CLOUD]
        return sum(one.unlike for one in told) / len(told)

    def reconcile(self, receipts: Sequence[Mapping[str, Any]]) -> Reconciliation:
        """All ledgers against the receipts of all moves since; answers of the cloud are not the model's."""
        assert self.after is not None, "tenants still call"
        layers = {engines_of(one.id): one.id for one in LAYERS}
        straight = self.entries(PAST) if PAST in self.loads else ()
        through = [one for name, load in self.loads.items() if name != PAST for one in load.ledger.entries]
        told = [*straight, *(one for one in through if one.base.rstrip("/") != CLOUD)]
        past = {id(one) for one in straight}

        def layer_of(one: Entry) -> str:
            return self.source if id(one) in past else layers.get(one.base.rstrip("/"), "")

        return reconcile(self.before, self.after, receipts, told, layer_of)


@asynccontextmanager
async def calling(lab: RunningLab, source: str, *, past: bool = True) -> AsyncIterator[Tenants]:
    """All of them call while the block runs, or until they leave; ``past`` too."""
    edge = model().spec.tenant.edge
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client.from_kubeconfig(lab.kubeconfig))
        key = _secret(lab, edge.namespace, edge.master_key.secret, edge.master_key.key)
        way = await stack.enter_async_context(door(client, edge, key, lab.config.proxy_url))
        loads = {
            name: Load(way, _alias(name), Traffic(rate=rate, seed=number, seconds=SECONDS))
            for number, (name, rate) in enumerate(RATES.items())
        }
        if past:
            straight = await stack.enter_async_context(_past_the_edge(lab, source))
            traffic = Traffic(rate=PAST_RATE, seed=9, seconds=SECONDS)
            loads[PAST] = Load(straight, _alias(model().spec.served_model_name), traffic)
        tenants = Tenants(loads, source, client, await quiet_counts(client, LAYERS, model()))
        for load in loads.values():
            await stack.enter_async_context(load)
        yield tenants


@asynccontextmanager
async def _past_the_edge(lab: RunningLab, source: str) -> AsyncIterator[Door]:
    """A way to the source's Service with the engines' key, as a batch job has it that somebody wrote long ago."""
    namespace = next(one for one in LAYERS if one.id == source).namespace(model())
    auth = model().spec.contract.auth
    assert auth is not None
    key = _secret(lab, namespace, auth.secret, auth.key)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False) as session:
        base = engines_of(source).removesuffix("/v1")
        yield Door(session, base, {"Authorization": f"Bearer {key}"}, lab.config.proxy_url)


def _alias(name: str) -> Alias:
    """Which answers are right for those who call this; LiteLLM puts several names into an answer's ``model``."""
    ours, cloud = _texts(model().spec.weights.hugging_face.repo), _texts("Qwen/Qwen2.5-7B-Instruct")
    names = frozenset({name, "gpt-4o-mini", model().spec.served_model_name, "cloud-large"})
    if name == "cloud-large":
        return Alias(name, names, frozenset(), cloud)
    return Alias(name, names, frozenset(), ours, cloud if name == "qwen-local" else {}, exact=False)


def _texts(repo: str) -> dict[Case, str]:
    asked = {case: [{"role": "user", "content": PROMPTS[case.prompt]}] for case in cases()}
    return {case: "".join(answer(repo, "", messages, case.max_tokens)) for case, messages in asked.items()}


def _secret(lab: RunningLab, namespace: str, name: str, key: str) -> str:
    found = lab.kubectl("get", "secret", name, "-n", namespace, "-o", "json")
    return base64.b64decode(json.loads(found.stdout)["data"][key]).decode()
