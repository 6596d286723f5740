"""A network without an API server: objects are put into the store as watches would, endpoints are real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import encode_basic_auth, web
from yarl import URL

from pointsman.lab.network.exchange import Carrier
from pointsman.lab.network.gateway.attachment import CONTROLLER
from pointsman.lab.network.gateway.controller import assign
from pointsman.lab.network.gateway.dataplane import DataPlane
from pointsman.lab.network.gateway.picker import Picker
from pointsman.lab.network.gateway.routing import Routing, compute
from pointsman.lab.network.proxy import listen_proxy
from pointsman.lab.network.resolver import Resolver
from pointsman.lab.network.store import Store
from pointsman.lab.network.tunnel import listen_egress

OCTET = 99
PASSWORD = "p-_1"
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def service(name: str, namespace: str = "ns", port: int = 80, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": port}], **spec},
    }


def endpoint_slice(
    name: str, endpoints: list[tuple[str, bool]], port: int, namespace: str = "ns", suffix: str = "a"
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{name}-{suffix}",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [host], "conditions": {"ready": ready}} for host, ready in endpoints],
    }


@dataclass
class World:
    store: Store
    resolver: Resolver
    plane: DataPlane
    proxy: str
    egress: Path

    @property
    def proxy_address(self) -> tuple[str, int]:
        url = URL(self.proxy)
        assert url.host
        assert url.port
        return url.host, url.port

    @property
    def shown(self) -> str:
        """The header that shows the proxy's password."""
        return f"Proxy-Authorization: {encode_basic_auth('lab', PASSWORD)}\r\n"

    def otherwise(self, who: str) -> str:
        """The proxy's address as somebody else would write it: with another name and password, or without."""
        return str(URL(self.proxy).with_user(None)).replace("http://", f"http://{who}")

    def serve_at(self, name: str, hosts: list[str], port: int, *, ready: bool = True) -> None:
        """A Service whose endpoints are ``hosts``."""
        self.store.put("Namespace", {"metadata": {"name": "ns"}})
        self.store.put("Service", service(name))
        self.store.put("EndpointSlice", endpoint_slice(name, [(host, ready) for host in hosts], port))

    def program(self, *routes: dict[str, Any], gateway: dict[str, Any] | None = None) -> Routing:
        """What a pass of the controller does, without an API server: the Gateway is ``http://10.99.254.1``."""
        self.store.put("Namespace", {"metadata": {"name": "ns"}})
        item = {"metadata": {"name": "lab"}, "spec": {"controllerName": CONTROLLER}}
        self.store.put("GatewayClass", item)
        self.store.put("Gateway", gateway or a_gateway())
        for route in routes:
            self.store.put("HTTPRoute", route)
        routing = compute(self.store)
        self.resolver.gateways = {ip: key for key, ip in assign(routing.gateways, OCTET).items()}
        self.resolver.hostnames = routing.hostnames
        self.plane.tables = routing.tables
        return routing


def a_gateway(*listeners: dict[str, Any]) -> dict[str, Any]:
    default = {"name": "http", "port": 80, "protocol": "HTTP"}
    spec = {"gatewayClassName": "lab", "listeners": list(listeners) or [default]}
    return {"metadata": {"name": "gw", "namespace": "ns", "uid": "u"}, "spec": spec}


def a_route(name: str, *rules: dict[str, Any], hostnames: list[str] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"parentRefs": [{"name": "gw"}], "rules": list(rules)}
    if hostnames:
        spec["hostnames"] = hostnames
    return {"metadata": {"name": name, "namespace": "ns", "generation": 1}, "spec": spec}


def a_rule(backend: str, *matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule to Service ``backend``, port 80."""
    return {"backendRefs": [{"name": backend, "port": 80}], "matches": list(matches), **more}


def path(value: str, kind: str = "PathPrefix", **more: Any) -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}, **more}


def address(last: int) -> str:
    return f"10.{OCTET}.0.{last}"


@asynccontextmanager
async def world(home: Path) -> AsyncIterator[World]:
    store = Store()
    resolver = Resolver(store, octet=OCTET, gateway_port=0)
    carrier = Carrier()
    picker = Picker(store, resolver, carrier)
    plane = DataPlane(resolver, carrier, picker)
    polling = asyncio.create_task(picker.run())
    proxy = await listen_proxy("127.0.0.1", 0, resolver, carrier, plane.handle, password=PASSWORD)
    egress = await listen_egress(home / "egress.sock", resolver)
    port = proxy.sockets[0].getsockname()[1]
    try:
        yield World(store, resolver, plane, f"http://lab:{PASSWORD}@127.0.0.1:{port}", home / "egress.sock")
    finally:
        polling.cancel()
        await asyncio.wait([polling])
        await carrier.close()
        for server in (proxy, egress):
            server.close()


@asynccontextmanager
async def http_endpoint(
    last: int, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int = 0
) -> AsyncIterator[int]:
    """An HTTP server on the loopback side of ``address(last)``; yields its port."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, f"127.{OCTET}.0.{last}", port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_endpoint(last: int, connected: Connected) -> AsyncIterator[int]:
    """A TCP server that does as it likes with each connection; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await connected(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(run, f"127.{OCTET}.0.{last}", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def eventually(check: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    """Poll until ``check`` holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not check():
        assert asyncio.get_running_loop().time() < deadline, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(0.005)
