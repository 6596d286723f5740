"""The network process: watches, listeners, and the mark that says they serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

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

_GATEWAY_PATIENCE = 10.0
"""Seconds the proxy waits for the gateways; a cluster without the Gateway API is served without them."""


async def serve(config: LabConfig, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set.

    Nothing listens before its answers can be right: the tunnel once Services and endpoints are known, the proxy
    once the gateways are programmed too. Until then connections are refused, as they are while this process is
    down. The tunnel comes first, because what the controller writes may pass webhooks behind it.
    """
    ready = config.run / "network.ready"
    ready.unlink(missing_ok=True)
    store = Store()
    ports = config.ports
    resolver = Resolver(store, octet=config.octet, gateway_port=ports["gateway"], api_server_port=ports["apiserver"])
    async with AsyncExitStack() as stack:
        carrier = Carrier()
        stack.push_async_callback(carrier.close)
        picker = Picker(store, resolver, carrier)
        plane = DataPlane(resolver, carrier, picker)
        client = await stack.enter_async_context(Client.from_kubeconfig(config.kubeconfig))
        controller = Controller(store, resolver, plane, client, octet=config.octet, port=ports["gateway"])
        tasks = [
            asyncio.create_task(store.run(client), name="watches"),
            asyncio.create_task(controller.run(), name="gateway controller"),
            asyncio.create_task(picker.run(), name="load of engines"),
        ]
        stack.push_async_callback(_end, tasks)
        await _until(store.wait_synced(CORE_KINDS), tasks, stop)
        stack.callback((await listen_egress(config.egress_socket, resolver)).close)
        await _until(controller.programmed.wait(), tasks, stop, _GATEWAY_PATIENCE)
        proxy = await listen_proxy(
            "127.0.0.1", ports["proxy"], resolver, carrier, plane.handle, password=config.proxy_password
        )
        stack.callback(proxy.close)
        if not stop.is_set():
            ready.touch()
            log.info("serving: proxy on port %d, egress %s", ports["proxy"], config.egress_socket)
        await _until(stop.wait(), tasks, stop)
        ready.unlink(missing_ok=True)


async def _until(
    goal: Coroutine[Any, Any, object],
    tasks: list[asyncio.Task[None]],
    stop: asyncio.Event,
    timeout: float | None = None,
) -> None:
    """Wait for ``goal`` or ``stop``; a background task that ends first is an error, and is raised."""
    waited = [asyncio.create_task(goal), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait([*waited, *tasks], return_when=asyncio.FIRST_COMPLETED, timeout=timeout)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for waiting in waited:
            waiting.cancel()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
