"""All six directed moves by an operator whose token ends every minute, in memory and through the program's own client.

Between the client and the cluster are a proxy that wants CONNECT and a front that refuses a token after 60 s, until
the plugin is asked again or the file read again, and that cuts connections which are idle for 30 s. Time is virtual.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pointsman.kube.client import Client
from pointsman.lab.certificates import Authority
from pointsman.move.means import Result
from tests.move.roads import HardRoad, hard_road
from tests.world.api_server import MemoryServer
from tests.world.cluster import Write
from tests.world.edge_of_others import ProxyWorld
from tests.world.proxy import KEY
from tests.world.virtual import Clock, run_virtually
from tests.world.world import lenient, quick

LIFE, IDLE = 60.0, 30.0
PAIRS = tuple(itertools.permutations(("raw-vllm", "kserve", "llm-d"), 2))
KINDS = ("plugin", "tokenFile", "at every record")
CASES = [
    pytest.param(
        *pair, kind, id="-".join((*pair, kind)), marks=[pytest.mark.soak] if kind != "plugin" and number else []
    )
    for kind in KINDS
    for number, pair in enumerate(PAIRS)
]
"""A plugin in every run; the others for one pair, and for all with ``--soak all``."""


class ByRoad(Client):
    """The program's own client. A way to a pod is opened as always, and leads to an engine in memory."""

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[str]:
        async with super().port_forward(namespace, pod, port):
            yield f"memory://{namespace}/{pod}"


@dataclass
class Tenants:
    """They call every replica that serves, at every write and twice a second."""

    world: ProxyWorld
    answered: int = 0
    lost: list[int] = field(default_factory=list)

    def call(self) -> None:
        for name, one in list(self.world.proxy.processes.items()):
            if not one.broken:
                headers = {"x-litellm-api-key": f"Bearer {KEY}"}
                body = {"model": "qwen-local"}
                status = self.world.proxy.answer(name, "POST", "/v1/chat/completions", headers, body).status
                self.answered += status == 200
                self.lost += [] if status == 200 else [status]

    async def always(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.call()


async def moved(folder: Path, source: str, target: str, kind: str) -> tuple[Result, HardRoad, Tenants]:
    """A move by the hard road, whose tokens also end at every record when ``kind`` says so."""
    world, clock = ProxyWorld(), Clock()
    world.model = lenient(world.model)
    if source != "raw-vllm":
        assert (await world.conductor("zeroth@test/0", clock).move(world.model, source, quick())).error is None
    authority, tenants = Authority(folder / "pki"), Tenants(world)
    authority.ensure()
    server = MemoryServer(world.cluster)
    async with hard_road(folder, authority, server.answer, life=LIFE, idle=IDLE) as road:

        def after(write: Write) -> None:
            tenants.call()
            if kind == "at every record" and write.ref.name.startswith("qwen-2026"):
                road.renew()

        world.cluster.after = after
        user: dict[str, object] = {"tokenFile": "token"} if kind == "tokenFile" else road.plugin()
        calling = asyncio.create_task(tenants.always())
        try:
            async with ByRoad.from_kubeconfig(road.kubeconfig(user)) as client:
                conductor = world.conductor(clock=clock, cluster=client)
                result = await conductor.move(world.model, target, quick(hold=120.0))
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
    return result, road, tenants


@pytest.mark.parametrize(("source", "target", "kind"), CASES)
def test_a_move_outlives_the_credentials_that_it_began_with(
    tmp_path: Path, source: str, target: str, kind: str
) -> None:
    result, road, tenants = run_virtually(moved(tmp_path, source, target, kind))
    assert result.error is None, result.error
    assert result.receipt["state"] == "done"
    assert tenants.lost == []
    assert tenants.answered > 400
    assert road.tokens >= 3, "it was over before its token ended"
    assert road.refused >= (2 if kind != "at every record" else 20)
    assert road.tunnels >= 4, "no connection was cut"
