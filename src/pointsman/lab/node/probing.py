"""Asking a container how it is: the four kinds of probe action, each one question with one answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from pointsman.lab.node.process import StartError

__all__ = ["Answer", "Prober", "port_number"]

_USER_AGENT = "kube-probe/1.34"
_BODY_LIMIT = 10 * 1024

Exec = Callable[[list[str], float], Awaitable[tuple[int, str]]]
"""Run a command in the container within a time: exit code and output."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a probe succeeded, and what to say when it did not."""

    ok: bool
    message: str = ""


class Prober:
    """Asks probes' questions for all pods of the node, with one HTTP session."""

    def __init__(self) -> None:
        unchecked = ssl.create_default_context()
        unchecked.check_hostname = False
        unchecked.verify_mode = ssl.CERT_NONE
        connector = aiohttp.TCPConnector(ssl=unchecked, limit=0, force_close=True, use_dns_cache=False)
        self._http = aiohttp.ClientSession(connector=connector, trust_env=False)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def ask(
        self, action: Mapping[str, Any], container: Mapping[str, Any], address: str, timeout: float, run: Exec
    ) -> Answer:
        """Carry out the one action in ``action`` (a probe or a lifecycle handler) against a pod's address."""
        if "httpGet" in action:
            return await self._http_get(action["httpGet"], container, address, timeout)
        if "tcpSocket" in action:
            return await _tcp(action["tcpSocket"], container, address, timeout)
        if "grpc" in action:
            return await _grpc(action["grpc"], address, timeout)
        if "exec" in action:
            return await _command(list(action["exec"].get("command") or []), timeout, run)
        return Answer(False, "the probe names no action")

    async def _http_get(
        self, asked: Mapping[str, Any], container: Mapping[str, Any], address: str, timeout: float
    ) -> Answer:
        scheme = str(asked.get("scheme") or "HTTP").lower()
        host = asked.get("host") or address
        path = "/" + str(asked.get("path") or "/").lstrip("/")
        url = f"{scheme}://{host}:{port_number(asked['port'], container)}{path}"
        headers = {"User-Agent": _USER_AGENT, "Accept": "*/*"}
        headers |= {header["name"]: header["value"] for header in asked.get("httpHeaders") or []}
        try:
            async with self._http.get(
                url, headers=headers, timeout=aiohttp.ClientTimeout(total=timeout), max_redirects=10
            ) as response:
                body = await response.content.read(_BODY_LIMIT)
                if 200 <= response.status < 400:
                    return Answer(True)
                text = body[:200].decode(errors="replace")
                return Answer(False, f"HTTP probe failed with statuscode: {response.status} {text}".strip())
        except TimeoutError:
            return Answer(False, f'Get "{url}": context deadline exceeded')
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(False, f'Get "{url}": {_reason(error)}')


def port_number(port: int | str, container: Mapping[str, Any]) -> int:
    """A port given as a number or by a container port's name; raises KeyError for an unknown name."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    named = {entry.get("name"): entry["containerPort"] for entry in container.get("ports") or []}
    return int(named[port])


async def _command(command: list[str], timeout: float, run: Exec) -> Answer:
    try:
        code, output = await run(command, timeout)
    except TimeoutError:
        return Answer(False, f"command timed out after {timeout:g}s")
    except StartError as error:
        return Answer(False, str(error))
    return Answer(code == 0, output.strip())


async def _tcp(asked: Mapping[str, Any], container: Mapping[str, Any], address: str, timeout: float) -> Answer:
    host = asked.get("host") or address
    port = port_number(asked["port"], container)
    try:
        async with asyncio.timeout(timeout):
            _reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Answer(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Answer(False, f"dial tcp {host}:{port}: {_reason(error)}")
    writer.close()
    return Answer(True)


async def _grpc(asked: Mapping[str, Any], address: str, timeout: float) -> Answer:
    """gRPC health; the library is only loaded by a pod that asks for it."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    target = f"{address}:{asked['port']}"
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(
                health_pb2.HealthCheckRequest(service=asked.get("service") or ""), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return Answer(False, f"timeout: health rpc did not complete within {timeout:g}s")
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return Answer(False, f'timeout: failed to connect service "{target}" within {timeout:g}s')
            return Answer(False, f"error: health rpc failed: {error.details()}")
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return Answer(True)
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return Answer(False, f'service unhealthy (responded with "{name}")')


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError | aiohttp.ClientConnectorError):
        return "connect: connection refused"
    return str(error) or type(error).__name__
