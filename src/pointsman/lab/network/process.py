"""The network process: watches, listeners, and the mark that says they serve."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from pointsman.kube.client import Client
from pointsman.lab.config import LabConfig
from pointsman.lab.network.exchange import Carrier
from pointsman.lab.network.gateway.controller import Controller
from pointsman.lab.network.gateway.dataplane import DataPlane
from pointsman.lab.network.gateway.picker import Picker
from pointsman.lab.network.proxy import listen_proxy
from pointsman.lab.network.resolver import Resolver
from pointsman.lab.network.store import CORE_KINDS, Store
from pointsman.lab.network.tunnel import listen_egress

__all__ = ["serve"]

log = logging.getLogger(__name__)


async def serve(config: LabConfig, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set. Listeners open first: the API server may wait for the tunnel."""
    ready = config.run / "network.ready"
    ready.unlink(missing_ok=True)
    store = Store()
    resolver = Resolver(
        store,
        octet=config.octet,
        gateway_port=config.ports["gateway"],
        api_server_port=config.ports["apiserver"],
    )
    carrier = Carrier()
    picker = Picker(store, resolver, carrier)
    plane = DataPlane(resolver, carrier, picker)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(carrier.close)
        for server in (
            await listen_egress(config.egress_socket, resolver),
            await listen_proxy("127.0.0.1", config.ports["proxy"], resolver, carrier, plane.handle),
        ):
            stack.callback(server.close)
        client = await stack.enter_async_context(Client.from_kubeconfig(config.kubeconfig))
        controller = Controller(store, resolver, plane, client, octet=config.octet, port=config.ports["gateway"])
        tasks = [
            asyncio.create_task(store.run(client), name="watches"),
            asyncio.create_task(controller.run(), name="gateway controller"),
            asyncio.create_task(picker.run(), name="load of engines"),
        ]
        stack.push_async_callback(_end, tasks)
        await _until(asyncio.create_task(store.wait_synced(CORE_KINDS)), tasks, stop)
        if not stop.is_set():
            ready.touch()
            log.info("serving: proxy %s, egress %s", config.proxy_url, config.egress_socket)
        await _until(asyncio.create_task(stop.wait()), tasks, stop)
        ready.unlink(missing_ok=True)


async def _until(goal: asyncio.Task[object], tasks: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Wait for ``goal`` or ``stop``; a background task that ends first is an error, and is raised."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([goal, stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        goal.cancel()
        stopped.cancel()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
