"""An API server's calls, counted: a road to it that passes everything on and remembers what was asked for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from pointsman.kube.client import Client

__all__ = ["Asked", "counted"]

_OF_PAGES = ("limit", "continue")


@dataclass
class Asked:
    """What was asked for since it was last ``forgotten``."""

    calls: list[tuple[str, int]] = field(default_factory=list)
    """Path with query, and the status of the answer."""

    def lists(self) -> list[str]:
        """What was answered, each list once, whatever pages it came in."""
        found = []
        for path, status in self.calls:
            parts = urlsplit(path)
            query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] not in _OF_PAGES])
            if status == 200:
                found.append(f"{parts.path}?{query}" if query else parts.path)
        return list(dict.fromkeys(found))


@contextmanager
def counted(kubeconfig: Path, folder: Path) -> Iterator[tuple[Path, Asked]]:
    """A kubeconfig that leads there by this road, and what comes along it."""
    asked, ready, over = Asked(), threading.Event(), threading.Event()
    port: list[int] = []

    async def serve() -> None:
        async with Client.from_kubeconfig(kubeconfig) as client:

            async def passed(request: web.Request) -> web.Response:
                accept = {"Accept": request.headers.get("Accept", "application/json")}
                answer = await client.http(request.method, request.path_qs, headers=accept, most=1 << 30)
                asked.calls.append((request.path_qs, answer.status))
                return web.Response(status=answer.status, body=answer.body, content_type="application/json")

            app = web.Application()
            app.router.add_route("*", "/{path:.*}", passed)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port.append(runner.addresses[0][1])
            ready.set()
            await asyncio.to_thread(over.wait)
            await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        ready.wait()
        path = folder / "counted.json"
        path.write_text(_kubeconfig(port[0]), "utf-8")
        yield path, asked
    finally:
        over.set()
        thread.join()


def _kubeconfig(port: int) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "counted",
            "clusters": [{"name": "lab", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "counted", "context": {"cluster": "lab", "user": "lab"}}],
            "users": [{"name": "lab", "user": {"token": "none"}}],
        }
    )
