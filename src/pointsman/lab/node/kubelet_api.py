"""The kubelet's HTTPS port: logs and port forwarding, as the API server asks for them on behalf of kubectl."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from pointsman.lab.config import LabConfig
from pointsman.lab.node.container import Runner
from pointsman.lab.node.lifecycle import PodWorker
from pointsman.lab.node.logs import LogQuery, read_log
from pointsman.lab.node.port_forward import serve_port_forward
from pointsman.lab.node.serving_certificate import serving_certificate

__all__ = ["KubeletApi"]

Find = Callable[[str, str], PodWorker | None]

_NO_EXEC = (
    "the lab's node runs containers as plain processes and offers no exec or attach; "
    "look at the container's log, or at the process itself on this machine\n"
)


class KubeletApi:
    """Serves one node's address, to those who show a certificate of the lab's authority. An async context manager."""

    def __init__(self, config: LabConfig, host: str, find: Find) -> None:
        self._config = config
        self._address = config.local(host)
        self._host = host
        self._find = find
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", _healthy),
                web.get("/containerLogs/{namespace}/{pod}/{container}", self._logs),
                web.route("*", "/portForward/{namespace}/{pod}", self._forward),
                web.route("*", "/portForward/{namespace}/{pod}/{uid}", self._forward),
                web.route("*", "/exec/{rest:.*}", _refuse),
                web.route("*", "/attach/{rest:.*}", _refuse),
                web.route("*", "/run/{rest:.*}", _refuse),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def __aenter__(self) -> KubeletApi:
        certificate, key = await asyncio.to_thread(serving_certificate, self._config.run, self._host, self._address)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self._config.authority))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, self._config.ports["kubelet"], ssl_context=context).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request.match_info["namespace"], request.match_info["pod"])
        runner = found.runner(request.match_info["container"]) if found else None
        if runner is None:
            return web.Response(status=404, text="no such pod or container on this node\n")
        try:
            query = LogQuery.from_words(dict(request.query))
        except ValueError as error:
            return web.Response(status=400, text=f"bad log request: {error}\n")
        previous = request.query.get("previous") in ("true", "1")
        path = runner.log_file(previous=previous)
        if not path.exists():
            return web.Response(status=400, text=_no_log(request.match_info["pod"], runner, previous=previous))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        batch = bytearray()
        async for line in read_log(path, query, None if previous else runner.log):
            batch += line
            if query.follow or len(batch) > 32768:
                await response.write(bytes(batch))
                batch.clear()
        if batch:
            await response.write(bytes(batch))
        await response.write_eof()
        return response

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request.match_info["namespace"], request.match_info["pod"])
        if found is None:
            return web.Response(status=404, text="no such pod on this node\n")
        return await serve_port_forward(request, self._config.local(found.address))


def _no_log(pod: str, runner: Runner, *, previous: bool) -> str:
    if previous:
        return f'previous terminated container "{runner.name}" in pod "{pod}" not found'
    reason = runner.state.state.get("waiting", {}).get("reason", "ContainerCreating")
    return f'container "{runner.name}" in pod "{pod}" is waiting to start: {reason}'


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _refuse(_request: web.Request) -> web.Response:
    return web.Response(status=501, text=_NO_EXEC)
