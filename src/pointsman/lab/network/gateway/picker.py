"""Which pod of an InferencePool takes a request: short queues first, and the pod that knows the prompt's beginning.

This stands in for the endpoint picker extension. Load is what the engines' own metrics say, asked for only while
a pool has traffic, or what this process has under way there, whichever is more. Pods whose load is within a small
tolerance of the least are compared by how many leading blocks of the prompt they were given before.

With disaggregation, prefill pods carry the same labels as decode pods: a request goes to a decode pod, and the
header that llm-d's routing sidecar reads names the prefill pod.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import aiohttp

from pointsman.lab.network.exchange import Carrier
from pointsman.lab.network.resolver import Address, Resolver, Target, UnreachableError
from pointsman.lab.network.store import Key, Object, Store

__all__ = ["PREFILL_HEADER", "Choice", "Picker"]

PREFILL_HEADER = "x-prefiller-host-port"
ROLE_LABEL = "llm-d.ai/role"

_POLL_INTERVAL = 0.5
_POLL_TIMEOUT = 1.0
_ACTIVE = 5.0
"""Seconds after its last request during which a pool's engines are asked for their load."""
_TOLERANCE = 2
_BLOCK = 64
_MAX_BLOCKS = 64
_REMEMBERED = 8192
_METRICS = (b"vllm:num_requests_waiting", b"vllm:num_requests_running")


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a request goes, and which pod does the prefill (empty without disaggregation)."""

    address: Address
    target: Target
    prefill: str


class Picker:
    """Chooses endpoints. ``run`` asks engines for their load; choosing never waits for it."""

    def __init__(self, store: Store, resolver: Resolver, carrier: Carrier) -> None:
        self._store = store
        self._resolver = resolver
        self._carrier = carrier
        self._members: dict[Key, list[tuple[Address, str]]] = {}
        self._under_way: dict[Address, int] = {}
        self._reported: dict[Address, int] = {}
        self._last_used: dict[Key, float] = {}
        self._known: OrderedDict[int, Address] = OrderedDict()
        self._turn = count()
        self._prefill_turn = count()
        self._active = asyncio.Event()
        store.on_change(["Pod", "InferencePool"], lambda _: self._members.clear())

    def pick(self, key: Key, body: object) -> Choice:
        """The endpoint for a request to a pool; raises UnreachableError when no pod is ready."""
        members = self._ready(key)
        serving = [address for address, role in members if role != "prefill"]
        if not serving:
            raise UnreachableError(503, f"InferencePool {'/'.join(key)} has no ready endpoint", code="lab-no-endpoint")
        self._last_used[key] = asyncio.get_running_loop().time()
        self._active.set()
        blocks = _blocks(body) if len(serving) > 1 else []
        chosen = self._best(serving, blocks)
        self._remember(blocks, chosen)
        prefill = [address for address, role in members if role == "prefill"]
        helper = prefill[next(self._prefill_turn) % len(prefill)] if prefill else None
        return Choice(
            chosen,
            self._resolver.target(chosen, f"InferencePool {'/'.join(key)}"),
            f"{helper[0]}:{helper[1]}" if helper else "",
        )

    @contextmanager
    def under_way(self, address: Address) -> Iterator[None]:
        """Count a request at its endpoint while it lasts."""
        self._under_way[address] = self._under_way.get(address, 0) + 1
        try:
            yield
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]

    async def run(self) -> None:
        """Ask the engines of pools with traffic for their load, until cancelled."""
        while True:
            await self._active.wait()
            now = asyncio.get_running_loop().time()
            pools = [key for key, used in self._last_used.items() if now - used < _ACTIVE]
            if pools:
                existing = [key for key in pools if self._store.get("InferencePool", *key) is not None]
                addresses = {address for key in existing for address, _ in self._ready(key)}
                await asyncio.gather(*(self._poll(address) for address in addresses))
            else:
                self._reported.clear()
                self._last_used.clear()
                self._active.clear()
            await asyncio.sleep(_POLL_INTERVAL)

    def _best(self, serving: list[Address], blocks: list[int]) -> Address:
        loads = {address: self._load(address) for address in serving}
        limit = min(loads.values()) + _TOLERANCE
        turn = next(self._turn)
        rotated = serving[turn % len(serving) :] + serving[: turn % len(serving)]
        near = [address for address in rotated if loads[address] <= limit]
        shared = {address: self._shared(blocks, address) for address in near}
        return min(near, key=lambda address: (-shared[address], loads[address]))

    def _shared(self, blocks: list[int], address: Address) -> int:
        for number, block in enumerate(blocks):
            if self._known.get(block) != address:
                return number
        return len(blocks)

    def _remember(self, blocks: list[int], address: Address) -> None:
        for block in blocks:
            self._known[block] = address
            self._known.move_to_end(block)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _load(self, address: Address) -> int:
        return max(self._under_way.get(address, 0), self._reported.get(address, 0))

    def _ready(self, key: Key) -> list[tuple[Address, str]]:
        """Address and role of every ready pod and target port of a pool."""
        if key not in self._members:
            pool = self._store.get("InferencePool", *key)
            if pool is None:
                raise UnreachableError(500, f"there is no InferencePool {'/'.join(key)}", code="lab-unknown-name")
            self._members[key] = sorted(_members(pool, key[0], self._store))
        return self._members[key]

    async def _poll(self, address: Address) -> None:
        target = self._resolver.target(address)
        try:
            async with self._carrier.session.get(
                f"http://{target.host}:{target.port}/metrics", timeout=aiohttp.ClientTimeout(total=_POLL_TIMEOUT)
            ) as answer:
                self._reported[address] = _queue(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            self._reported.pop(address, None)


def _members(pool: Object, namespace: str, store: Store) -> Iterator[tuple[Address, str]]:
    wanted = pool["spec"]["selector"]["matchLabels"].items()
    for (home, _), pod in store.all("Pod").items():
        labels = pod["metadata"].get("labels") or {}
        if home == namespace and wanted <= labels.items() and _is_ready(pod):
            for port in pool["spec"]["targetPorts"]:
                yield (pod["status"]["podIP"], port["number"]), labels.get(ROLE_LABEL, "")


def _is_ready(pod: Object) -> bool:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or not status.get("podIP"):
        return False
    return any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())


def _queue(metrics: bytes) -> int:
    """Waiting and running requests in a page of metrics."""
    lines = [line for line in metrics.splitlines() if line.startswith(_METRICS)]
    return int(sum(float(line.rsplit(b" ", 1)[1]) for line in lines))


def _blocks(body: object) -> list[int]:
    """One number per leading block of the prompt; equal numbers mean equal beginnings up to there."""
    text = _prompt(body) if isinstance(body, bytes) else ""
    blocks: list[int] = []
    for start in range(0, min(len(text) // _BLOCK, _MAX_BLOCKS) * _BLOCK, _BLOCK):
        blocks.append(hash((blocks[-1] if blocks else 0, text[start : start + _BLOCK])))
    return blocks


def _prompt(body: bytes) -> str:
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(asked, dict):
        return ""
    prompt = asked.get("prompt")
    return prompt if isinstance(prompt, str) else json.dumps([asked.get("model"), asked.get("messages")])
