"""The HTTP server: routes, keys, access log, and vLLM's manners at start and at SIGTERM."""

from __future__ import annotations

import asyncio
import hmac
import os
import signal
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from pointsman.lab.engine import VLLM_VERSION
from pointsman.lab.engine.completions import complete, embed
from pointsman.lab.engine.engine import Engine
from pointsman.lab.engine.flight import Flight
from pointsman.lab.engine.logs import Quiet, access, say
from pointsman.lab.engine.metrics import CONTENT_TYPE, HttpMetrics
from pointsman.lab.engine.replies import dumps, error, model_list
from pointsman.lab.engine.requests import BadRequestError, parse_body
from pointsman.lab.engine.text import decode, encode, render

__all__ = ["INTERRUPTED", "Server"]

_GUARDED = ("/v1", "/v2", "/inference")
_UNCOUNTED = frozenset({"/metrics", "/health", "/load", "/ping", "/version", "/server_info"})
_FLUSH_SECONDS = 2.0
INTERRUPTED = 130
"""The exit code of an engine that is told to end before it serves, as of any program interrupted from outside."""
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """One port and what answers on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._http = HttpMetrics()
        self._flight = Flight(self._handle)
        self._listener: asyncio.Server | None = None
        self._keys = [key.encode() for key in engine.arguments.api_keys]
        self._routes: dict[str, dict[str, _Handler]] = {
            "/health": {"GET": self._health},
            "/ping": {"GET": self._health, "POST": self._health},
            "/load": {"GET": self._load},
            "/version": {"GET": self._version},
            "/metrics": {"GET": self._metrics},
            "/tokenize": {"POST": self._tokenize},
            "/detokenize": {"POST": self._detokenize},
            "/v1/models": {"GET": self._models},
            **(
                {"/v1/embeddings": {"POST": self._embedding}}
                if engine.arguments.pooling
                else {"/v1/chat/completions": {"POST": self._chat}, "/v1/completions": {"POST": self._completion}}
            ),
        }

    async def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> int:
        """Start, answer, and end at a signal; the exit code."""
        loop = asyncio.get_running_loop()
        stop, again = asyncio.Event(), asyncio.Event()

        def asked_to_end() -> None:
            (again if stop.is_set() else stop).set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked_to_end)
        web_server = web.Server(
            self._flight.handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=_keep_alive(),
            logger=Quiet(),
        )
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(self._start(web_server, listener, tls))
            watching = group.create_task(self._engine.watch())
            await stop.wait()
            loaded = self._engine.serving
            starting.cancel()
            if loaded:
                await self._end(again)
            watching.cancel()
        await self._flight.end(web_server, self._listener, _FLUSH_SECONDS)
        return 0 if loaded else INTERRUPTED

    async def _start(self, web_server: web.Server, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        engine = self._engine
        if not engine.settings.faults.ready_too_early:
            await engine.load()
        await self._listen(web_server, listener, tls)
        if engine.settings.faults.ready_too_early:
            await engine.load()
        await engine.warm_up()

    async def _listen(self, web_server: web.Server, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        host, port = listener.getsockname()[:2]
        say(f"Starting vLLM server on http{'s' if tls else ''}://{host}:{port}", "api_server.py:596")
        say("Available routes are:", "launcher.py:46")
        for path, methods in self._routes.items():
            say(f"Route: {path}, Methods: {', '.join(methods)}", "launcher.py:55")
        self._listener = await asyncio.get_running_loop().create_server(
            web_server, sock=listener, ssl=tls, backlog=2048
        )
        self._engine.serving = True
        say("Application startup complete.", "on.py:62")

    async def _end(self, again: asyncio.Event) -> None:
        engine, timeout = self._engine, self._engine.arguments.shutdown_timeout
        mode = "drain" if timeout else "abort"
        say("[shutdown] API server: shutdown triggered", "launcher.py:98")
        say(f"[shutdown] EngineCore: start mode={mode} timeout={timeout}s", "core.py:1298", process="EngineCore")
        engine.draining = True
        if timeout and engine.busy:
            text = f"[shutdown] EngineCore: draining in-flight requests count={engine.busy} timeout={timeout}s"
            say(text, "core.py:1318", process="EngineCore")
            waits = {asyncio.ensure_future(engine.idle()), asyncio.ensure_future(again.wait())}
            _, left = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
        if aborted := engine.abort_all():
            text = f"[shutdown] EngineCore: aborting in-flight requests count={aborted}"
            say(text, "core.py:1307", process="EngineCore")
        say("[shutdown] EngineCore: request processing complete; starting resource teardown", "core.py:1328")

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.monotonic()
        path, method = request.path, request.method
        if path.startswith(_GUARDED) and method != "OPTIONS" and not self._allowed(request):
            response: web.StreamResponse = _json({"error": "Unauthorized"}, 401)
            self._log(request, 401)
            return response
        status = 500
        try:
            response = await self._route(path, method)(request)
            status = response.status
        except (ConnectionResetError, asyncio.CancelledError):
            status = 200  # the client left
            raise asyncio.CancelledError from None
        finally:
            if path not in _UNCOUNTED:
                known = path if path in self._routes else "none"
                self._http.count(known, method, status, time.monotonic() - began)
            self._log(request, status)
        return response

    def _route(self, path: str, method: str) -> _Handler:
        methods = self._routes.get(path)
        if methods is None:
            return self._not_found
        return methods.get(method, self._not_allowed)

    def _allowed(self, request: web.BaseRequest) -> bool:
        if not self._keys or self._engine.settings.faults.ignore_key:
            return True
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        given = key.encode()
        return scheme.lower() == "bearer" and any(hmac.compare_digest(given, known) for known in self._keys)

    def _log(self, request: web.BaseRequest, status: int) -> None:
        if self._engine.arguments.logs_access_to(request.path):
            peer = request.transport.get_extra_info("peername") if request.transport else None
            said = f"{peer[0]}:{peer[1]}" if peer else "-"
            access(said, request.method, request.path_qs, status, HTTPStatus(status).phrase)

    async def _chat(self, request: web.BaseRequest) -> web.StreamResponse:
        return await complete(self._engine, request, chat=True)

    async def _completion(self, request: web.BaseRequest) -> web.StreamResponse:
        return await complete(self._engine, request, chat=False)

    async def _embedding(self, request: web.BaseRequest) -> web.StreamResponse:
        return await embed(self._engine, request)

    async def _health(self, _: web.BaseRequest) -> web.Response:
        return web.Response(status=503 if self._engine.settings.faults.never_ready else 200)

    async def _load(self, _: web.BaseRequest) -> web.Response:
        return _json({"server_load": self._engine.busy})

    async def _version(self, _: web.BaseRequest) -> web.Response:
        return _json({"version": VLLM_VERSION})

    async def _models(self, _: web.BaseRequest) -> web.Response:
        engine = self._engine
        settings = engine.settings
        root = engine.arguments.root
        length, adapters = engine.max_model_len(settings), engine.arguments.adapters
        return _json(model_list(engine.names(settings), root, length, engine.started_at, adapters))

    async def _metrics(self, _: web.BaseRequest) -> web.Response:
        lines = [*self._engine.metrics.lines(), *self._http.lines(), ""]
        return web.Response(body="\n".join(lines).encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _tokenize(self, request: web.BaseRequest) -> web.Response:
        try:
            body = parse_body(await request.content.read(), request.headers.get("Content-Type", ""))
        except BadRequestError as problem:
            return _json(error(400, str(problem), problem.kind, problem.param), 400)
        text = render(body["messages"]) if isinstance(body.get("messages"), list) else body.get("prompt")
        if not isinstance(text, str):
            return _json(error(400, "prompt must be a string"), 400)
        ids = encode(text)
        strings = [decode([number]) for number in ids] if body.get("return_token_strs") else None
        length = self._engine.max_model_len(self._engine.settings)
        return _json({"count": len(ids), "max_model_len": length, "tokens": ids, "token_strs": strings})

    async def _detokenize(self, request: web.BaseRequest) -> web.Response:
        try:
            body = parse_body(await request.content.read(), request.headers.get("Content-Type", ""))
            return _json({"prompt": decode(body["tokens"])})
        except BadRequestError as problem:
            return _json(error(400, str(problem), problem.kind, problem.param), 400)
        except (KeyError, TypeError, AttributeError, OverflowError):
            return _json(error(400, "tokens must be a list of token ids"), 400)

    async def _not_found(self, _: web.BaseRequest) -> web.Response:
        return _json(error(404, "Not Found"), 404)

    async def _not_allowed(self, _: web.BaseRequest) -> web.Response:
        return _json(error(405, "Method Not Allowed"), 405)


def _keep_alive() -> float:
    return float(os.environ.get("VLLM_HTTP_TIMEOUT_KEEP_ALIVE") or 5)


def _json(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=dumps(body).encode(), content_type="application/json")
