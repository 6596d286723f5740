"""What the lab's forward proxy costs: requests per second, added latency, and whether streams pass unbuffered.

The proxy, an endpoint and the clients are three processes on this machine; the endpoint is a Service that the
proxy resolves, as in the lab. Latency is measured in pairs, direct then proxied, over kept-alive connections, so
that whatever the machine does meanwhile hits both. Exit code 1 when a limit is missed.

    python benchmarks/lab_proxy.py [--output json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvloop
from aiohttp import encode_basic_auth, web
from rich.console import Console
from rich.table import Table

from pointsman.lab.network.exchange import Carrier
from pointsman.lab.network.proxy import listen_proxy
from pointsman.lab.network.resolver import Resolver
from pointsman.lab.network.store import Store

OCTET = 98
HOST = f"127.{OCTET}.0.5"
PAIRS = 1500
REQUESTS = 4000
CLIENTS = 16
TOKENS = 20
PASSWORD = "p"
TOKEN_INTERVAL = 0.02
MIN_RATE = 500.0
MAX_ADDED_MS = 2.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 60}]}).encode()
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 60}}]}).encode()


async def serve_endpoint(port: int) -> None:
    """An engine that costs nothing: ``/`` answers at once, ``/stream`` makes a token every 20 ms."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        if request.path != "/stream":
            return web.Response(body=ANSWER, content_type="application/json")
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for _ in range(TOKENS):
            await stream.write(f"data: {time.monotonic()}\n\n".encode())
            await asyncio.sleep(TOKEN_INTERVAL)
        return stream

    loop = asyncio.get_running_loop()
    server = await loop.create_server(web.Server(answer), HOST, port)
    await server.serve_forever()


async def serve_proxy(port: int, endpoint: int) -> None:
    """The lab's proxy, told of one Service as its watches would tell it."""
    store = Store()
    resolver = Resolver(store, octet=OCTET, gateway_port=0)
    store.put("Namespace", {"metadata": {"name": "serving"}})
    ports = [{"name": "http", "port": 8000}]
    metadata = {"name": "engine", "namespace": "serving"}
    store.put("Service", {"metadata": metadata, "spec": {"clusterIP": "10.96.0.9", "ports": ports}})
    item = {
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "engine"}},
        "ports": [{"name": "http", "port": endpoint}],
        "endpoints": [{"addresses": [f"10.{OCTET}.0.5"]}],
    }
    store.put("EndpointSlice", item)
    server = await listen_proxy("127.0.0.1", port, resolver, Carrier(), password=PASSWORD)
    await server.serve_forever()


async def ask(streams: Streams, url: str) -> None:
    """One POST and its whole answer on a kept-alive connection."""
    reader, writer = streams
    writer.write(head("POST", url) + BODY)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert answer.startswith(b"http/1.1 200"), answer
    length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


def head(method: str, url: str) -> bytes:
    """A request's head."""
    return (
        f"{method} {url} HTTP/1.1\r\nHost: engine.serving:8000\r\nContent-Type: application/json\r\n"
        f"Proxy-Authorization: {encode_basic_auth('lab', PASSWORD)}\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    ).encode()


async def timed(call: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds ``call`` takes."""
    started = time.perf_counter()
    await call()
    return (time.perf_counter() - started) * 1000


async def latency(endpoint: int, proxy: int, url: str) -> tuple[float, float, float]:
    """Medians in ms: direct, proxied, and of the difference within each pair."""
    direct = await asyncio.open_connection(HOST, endpoint)
    proxied = await asyncio.open_connection("127.0.0.1", proxy)
    pairs = []
    for _ in range(PAIRS):
        pairs.append((await timed(lambda: ask(direct, "/")), await timed(lambda: ask(proxied, url))))
    direct[1].close()
    proxied[1].close()
    kept = pairs[PAIRS // 10 :]
    return (
        statistics.median(a for a, _ in kept),
        statistics.median(b for _, b in kept),
        statistics.median(b - a for a, b in kept),
    )


async def rate(proxy: int, url: str) -> float:
    """Requests per second through the proxy with ``CLIENTS`` connections kept busy."""

    async def client() -> None:
        streams = await asyncio.open_connection("127.0.0.1", proxy)
        for _ in range(REQUESTS // CLIENTS):
            await ask(streams, url)
        streams[1].close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return REQUESTS / (time.perf_counter() - started)


async def stream(proxy: int, url: str) -> tuple[bool, float]:
    """Whether the first token came before the last was made, and the median ms a token was under way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
    writer.write(head("POST", url) + BODY)
    seen: list[tuple[float, float]] = []
    while len(seen) < TOKENS:
        line = await reader.readline()
        if line.startswith(b"data: "):
            seen.append((float(line[6:]), time.monotonic()))
    writer.close()
    first_arrived, last_made = seen[0][1], seen[-1][0]
    return first_arrived < last_made, statistics.median(arrived - made for made, arrived in seen) * 1000


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def processes(endpoint: int, proxy: int) -> Iterator[None]:
    """Endpoint and proxy as processes of their own, ended at the end."""
    me = [sys.executable, os.path.abspath(__file__)]
    started = [
        subprocess.Popen([*me, "--serve", "endpoint", str(endpoint)]),
        subprocess.Popen([*me, "--serve", "proxy", str(proxy), str(endpoint)]),
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.wait(5)


async def listening(host: str, port: int) -> None:
    """Wait until something accepts connections there."""
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def measure() -> dict[str, float | bool]:
    """The whole measurement."""
    endpoint, proxy = free_port(), free_port()
    base = "http://engine.serving.svc.cluster.local:8000"
    with processes(endpoint, proxy):
        await listening(HOST, endpoint)
        await listening("127.0.0.1", proxy)
        direct, proxied, added = await latency(endpoint, proxy, f"{base}/")
        per_second = await rate(proxy, f"{base}/")
        unbuffered, under_way = await stream(proxy, f"{base}/stream")
    return {
        "requestsPerSecond": round(per_second, 1),
        "directMs": round(direct, 3),
        "proxiedMs": round(proxied, 3),
        "addedMs": round(added, 3),
        "streamUnbuffered": unbuffered,
        "tokenMs": round(under_way, 3),
    }


def report(found: dict[str, float | bool]) -> None:
    """The table people read."""
    table = Table(title="lab forward proxy")
    for column in ("what", "measured", "limit"):
        table.add_column(column)
    table.add_row("requests/s through the proxy", f"{found['requestsPerSecond']:.0f}", f">= {MIN_RATE:.0f}")
    table.add_row("median direct", f"{found['directMs']} ms", "")
    table.add_row("median proxied", f"{found['proxiedMs']} ms", "")
    table.add_row("added at the median, in pairs", f"{found['addedMs']} ms", f"<= {MAX_ADDED_MS:g} ms")
    table.add_row("first token arrives before the last is made", str(found["streamUnbuffered"]), "True")
    table.add_row("median time of a token under way", f"{found['tokenMs']} ms", "")
    Console().print(table)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        role, *ports = arguments.serve
        first, *rest = map(int, ports)
        uvloop.run(serve_endpoint(first) if role == "endpoint" else serve_proxy(first, *rest))
        return 0
    found = uvloop.run(measure())
    if arguments.output == "json":
        Console().print_json(data=found)
    else:
        report(found)
    kept = found["requestsPerSecond"] >= MIN_RATE and found["addedMs"] <= MAX_ADDED_MS and found["streamUnbuffered"]
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
