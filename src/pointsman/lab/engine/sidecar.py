"""llm-d's routing sidecar: owns the pod's port, and has another pod do the prefill when a request names one.

Everything is passed on to the engine beside it as it comes, streams token by token. A completion that carries
``x-prefiller-host-port`` goes to that pod first, with one token to make, and then to the engine with what the
prefill pod answered about its KV cache; the NIXL protocol, second version, as llm-d's own sidecar speaks it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientConnectionError, ClientError, ClientSession, ClientTimeout, TCPConnector, web

from pointsman.lab.engine.addresses import listen_address, reachable
from pointsman.lab.engine.flight import Flight
from pointsman.lab.engine.goflags import parse_flags, truth
from pointsman.lab.engine.logs import Quiet

__all__ = ["main"]

_PREFILL_HEADER = "x-prefiller-host-port"
_REQUEST_ID = "x-request-id"
_COMPLETIONS = frozenset({"/v1/completions", "/v1/chat/completions"})
_LIMITS = ("max_tokens", "max_completion_tokens")
_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host"),
    )
)
_IDLE_SECONDS = 4.0
_CONNECT_SECONDS = 5.0
_DRAIN_SECONDS = 55.0
_CONNECTORS = ("nixlv2", "shared-storage", "sglang")
_SWITCHES = (
    *("secure-proxy", "enable-ssrf-protection", "enable-prefiller-sampling", "prefiller-use-tls", "decoder-use-tls"),
    *("prefiller-tls-insecure-skip-verify", "decoder-tls-insecure-skip-verify", "tracing"),
)
_VALUED = (
    *("port", "vllm-port", "data-parallel-size", "kv-connector", "ec-connector", "connector", "cert-path"),
    *("pool-group", "inference-pool", "inference-pool-namespace", "inference-pool-name", "decode-chunk-size"),
    *("enable-tls", "tls-insecure-skip-verify", "max-idle-conns-per-host"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the sidecar heeds of its command line."""

    port: int
    engine: str
    prefill_scheme: str
    certificates: Path | None


class Sidecar:
    """A reverse proxy in front of one engine."""

    def __init__(self, options: Options, session: ClientSession, env: Mapping[str, str]) -> None:
        self._options = options
        self._session = session
        self._env = env

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Pass a request on; 502 when the engine cannot be reached."""
        headers = _without(request.headers, _PREFILL_HEADER, *_HOP_BY_HOP)
        prefill = request.headers.get(_PREFILL_HEADER, "")
        body = await request.content.read()
        try:
            if prefill and request.path in _COMPLETIONS:
                return await self._disaggregated(request, headers, body, prefill)
            return await self._forward(request, headers, body)
        except ClientConnectionError as problem:
            return web.Response(status=502, text=f"Bad Gateway: {problem}\n")

    async def _disaggregated(
        self, request: web.BaseRequest, headers: dict[str, str], body: bytes, prefill: str
    ) -> web.StreamResponse:
        try:
            asked: dict[str, Any] = json.loads(body)
        except ValueError as problem:
            return web.json_response({"error": f"invalid JSON: {problem}"}, status=400)
        headers = _without(headers, "content-length", _REQUEST_ID) | {_REQUEST_ID: str(uuid.uuid4())}
        status, answered = await self._prefill(request, headers, asked, prefill)
        if not 200 <= status < 300:
            return web.Response(status=status)
        decode = asked | {"kv_transfer_params": answered.get("kv_transfer_params")}
        return await self._forward(request, headers, json.dumps(decode).encode())

    async def _prefill(
        self, request: web.BaseRequest, headers: dict[str, str], asked: Mapping[str, Any], prefill: str
    ) -> tuple[int, dict[str, Any]]:
        host, _, port = prefill.rpartition(":")
        url = f"{self._options.prefill_scheme}://{reachable(host, self._env)}:{port}{request.raw_path}"
        body = {key: value for key, value in asked.items() if key not in ("stream_options", *_LIMITS)}
        body |= {"stream": False, "kv_transfer_params": {"do_remote_decode": True, "do_remote_prefill": False}}
        body |= dict.fromkeys(_LIMITS, 1)
        async with self._session.post(url, data=json.dumps(body).encode(), headers=headers) as answer:
            answered = await answer.json(content_type=None) if answer.ok else {}
            return answer.status, answered if isinstance(answered, dict) else {}

    async def _forward(self, request: web.BaseRequest, headers: dict[str, str], body: bytes) -> web.StreamResponse:
        url = f"{self._options.engine}{request.raw_path}"
        async with self._session.request(
            request.method, url, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            kept = _without(answer.headers, *_HOP_BY_HOP)
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    await response.write(piece)
            except (ClientError, ConnectionError):
                _cut(request)
                raise asyncio.CancelledError from None
            await response.write_eof()
            return response


def main(words: Sequence[str]) -> int:
    """Run until a signal; the exit code."""
    import uvloop

    return uvloop.run(_serve(_options(words), os.environ))


async def _serve(options: Options, env: Mapping[str, str]) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connector = TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=False)
    timeout = ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    async with ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        sidecar = Sidecar(options, session, env)
        flight = Flight(sidecar.handle)
        server = web.Server(flight.handle, handler_cancellation=True, access_log=None, logger=Quiet())
        listener = await loop.create_server(
            server, listen_address(env), options.port, ssl=_tls(options), backlog=2048, reuse_address=True
        )
        sys.stdout.write(f'{{"level":"info","msg":"starting","addr":":{options.port}"}}\n')
        sys.stdout.flush()
        await stop.wait()
        await flight.end(server, listener, _DRAIN_SECONDS)
    return 0


def _options(words: Sequence[str]) -> Options:
    found = parse_flags(words, "pd-sidecar", _VALUED, _SWITCHES)
    last = {name: values[-1] for name, values in found.items()}
    kind = last.get("kv-connector") or last.get("connector", "nixlv2")
    if kind not in _CONNECTORS:
        _refuse(f"--kv-connector must be one of: {', '.join(_CONNECTORS)}")
    pool = last.get("inference-pool") or last.get("inference-pool-name") or os.environ.get("INFERENCE_POOL_NAME")
    if truth(found, "enable-ssrf-protection", default=False) and not pool:
        _refuse("--inference-pool is required when --enable-ssrf-protection is true")
    secure = truth(found, "secure-proxy", default=True)
    if secure and "cert-path" not in last:
        _refuse("--cert-path is required when --secure-proxy is true: the lab makes no certificate by itself")
    stages = {stage for value in found.get("enable-tls", []) for stage in value.split(",")}
    scheme = "https" if "decoder" in stages or truth(found, "decoder-use-tls", default=False) else "http"
    prefill = "https" if "prefiller" in stages or truth(found, "prefiller-use-tls", default=False) else "http"
    host = os.environ.get("POINTSMAN_POD_ADDRESS") or "127.0.0.1"
    engine = f"{scheme}://{host}:{last.get('vllm-port', '8001')}"
    return Options(int(last.get("port", "8000")), engine, prefill, Path(last["cert-path"]) if secure else None)


def _tls(options: Options) -> ssl.SSLContext | None:
    if options.certificates is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.certificates / "tls.crt", options.certificates / "tls.key")
    return context


def _refuse(problem: str) -> None:
    sys.stderr.write(f'{{"level":"error","msg":"invalid options","error":"{problem}"}}\n')
    raise SystemExit(1)


def _without(headers: Mapping[str, str], *unwanted: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in unwanted}


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
