"""The endpoint picker of llm-d as a pod sees it: its ports answer, its health is told over gRPC.

Which endpoint a request gets is decided by the lab's own gateway. What is here is what the cluster looks at: the
gRPC health services ``liveness`` and ``readiness``, the metrics port, and a port that a gateway could talk to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from pointsman.lab.engine.addresses import listen_address
from pointsman.lab.engine.goflags import parse_flags

__all__ = ["main"]

_SERVICES = ("", "liveness", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor")
_GRACE_SECONDS = 2.0
_Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_SWITCHES = (
    *("ha-enable-leader-election", "enable-pprof", "enable-cert-reload", "secure-serving", "metrics-endpoint-auth"),
    *("disable-endpoint-subset-filter", "model-server-metrics-https-insecure-skip-verify", "tracing"),
    *("health-checking", "enablePprof", "secureServing"),
)
_VALUED = (
    *("pool-name", "pool-namespace", "pool-group", "grpc-port", "grpc-health-port", "metrics-port", "cert-path"),
    *("config-file", "config-text", "configFile", "configText", "endpoint-selector", "endpoint-target-ports"),
    *("model-server-metrics-scheme", "model-server-metrics-path", "model-server-metrics-port", "kubeconfig"),
    *("refresh-metrics-interval", "refresh-prometheus-metrics-interval", "metrics-staleness-threshold"),
    *("total-queued-requests-metric", "total-running-requests-metric", "kv-cache-usage-percentage-metric"),
    *("lora-info-metric", "cache-info-metric"),
)


def main(words: Sequence[str]) -> int:
    """Run until a signal; the exit code."""
    found = parse_flags(words, "epp", _VALUED, _SWITCHES)
    last = {name: values[-1] for name, values in found.items()}
    if not (last.get("pool-name") or last.get("endpoint-selector")):
        sys.stderr.write('{"level":"error","msg":"either pool-name or endpoint-selector must be set"}\n')
        return 1
    return asyncio.run(_serve(last))


async def _serve(flags: dict[str, str]) -> int:
    import grpc.aio
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    address, stop = listen_address(os.environ), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    servicer = health.aio.HealthServicer()
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for service in _SERVICES:
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    ports = {int(flags.get("grpc-port", "9002")), int(flags.get("grpc-health-port", "9003"))}
    for port in ports:
        server.add_insecure_port(f"{address}:{port}")
    await server.start()
    labels = f'name="{flags.get("pool-name", "")}"'
    metrics = await asyncio.start_server(_metrics(labels), address, int(flags.get("metrics-port", "9090")))
    sys.stdout.write(f'{{"level":"info","msg":"EPP serving","address":"{address}","ports":{sorted(ports)}}}\n')
    sys.stdout.flush()
    await stop.wait()
    await servicer.enter_graceful_shutdown()
    metrics.close()
    await server.stop(_GRACE_SECONDS)
    return 0


def _metrics(labels: str) -> _Answer:
    body = (
        "# HELP inference_extension_info General information of the current build of Inference Extension.\n"
        "# TYPE inference_extension_info gauge\n"
        'inference_extension_info{build_ref="lab",commit="lab"} 1\n'
        "# HELP inference_pool_per_pod_queue_size The total number of requests pending in the queue, by pool.\n"
        "# TYPE inference_pool_per_pod_queue_size gauge\n"
        f"inference_pool_per_pod_queue_size{{{labels}}} 0\n"
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _GRACE_SECONDS)
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            return
        finally:
            writer.close()

    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
