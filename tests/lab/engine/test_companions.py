"""What llm-d puts beside an engine: the routing sidecar and the endpoint picker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from aiohttp import ClientError
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.lab.engine.process import Running, chat, engine, free_port, pieces, program, said

_CONNECTOR = ("--kv-transfer-config", '{"kv_connector":"NixlConnector","kv_role":"kv_both"}')


@contextlib.asynccontextmanager
async def _sidecar(folder: Path, behind: int) -> AsyncIterator[Running]:
    port = free_port()
    words = (
        *(f"--port={port}", f"--vllm-port={behind}", "--kv-connector=nixlv2", "--enable-ssrf-protection=true"),
        *("--pool-group=inference.networking.x-k8s.io", "--inference-pool=llm-d/qwen-inference-pool"),
        *("--secure-proxy=false", "", "", ""),
    )
    env = {"POINTSMAN_POD_ADDRESS": "127.0.0.1"}
    async with program(folder, *words, module="pointsman.lab.engine.sidecar", port=port, env=env) as running:
        yield running


async def test_the_sidecar_is_as_healthy_as_the_engine_behind_it(tmp_path: Path) -> None:
    async with _sidecar(tmp_path, free_port()) as sidecar:
        await sidecar.answers("/health", 502)


async def test_the_sidecar_passes_answers_errors_and_streams_on(tmp_path: Path) -> None:
    async with engine(tmp_path, env={"VLLM_API_KEY": "k"}) as behind, _sidecar(tmp_path, behind.port) as sidecar:
        await sidecar.answers()
        key = {"Authorization": "Bearer k"}
        assert await sidecar.post("/v1/chat/completions", chat()) == (401, {"error": "Unauthorized"})
        _, whole = await sidecar.post("/v1/chat/completions", chat(), key)
        assert "".join(pieces(await sidecar.events("/v1/chat/completions", chat(), key))) == said(whole)
        assert (await sidecar.get("/v1/models", key))[0] == 200


async def test_the_first_token_passes_the_sidecar_before_the_last_is_made(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"itl": 0.2}) as behind, _sidecar(tmp_path, behind.port) as sidecar:
        await sidecar.answers()
        began = time.monotonic()
        body = chat(max_tokens=10, stream=True)
        async with sidecar.session.post(sidecar.url + "/v1/chat/completions", json=body) as answer:
            await answer.content.readany()
            assert time.monotonic() - began < 1.0
            await answer.read()
            assert time.monotonic() - began > 1.8


async def test_a_stream_cut_behind_the_sidecar_is_cut_in_front_of_it(tmp_path: Path) -> None:
    faults: dict[str, Any] = {"itl": 0.05, "faults": {"cut_stream_after": 0.3}}
    async with engine(tmp_path, settings=faults) as behind, _sidecar(tmp_path, behind.port) as sidecar:
        await sidecar.answers()
        with pytest.raises(ClientError):
            await sidecar.events("/v1/chat/completions", chat())


async def test_a_client_that_leaves_the_sidecar_has_left_the_engine(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"itl": 0.2}) as behind, _sidecar(tmp_path, behind.port) as sidecar:
        await sidecar.answers()
        ask = asyncio.create_task(sidecar.events("/v1/chat/completions", chat()))
        await behind.becomes("vllm:num_requests_running", 1)
        ask.cancel()
        await behind.becomes("vllm:num_requests_running", 0)
        assert await behind.finished("length") == await behind.finished("stop") == 0


async def test_the_sidecar_ends_when_its_streams_have_and_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"itl": 0.05}) as behind, _sidecar(tmp_path, behind.port) as sidecar:
        await sidecar.answers()
        stream = asyncio.create_task(sidecar.events("/v1/chat/completions", chat(max_tokens=20)))
        await behind.becomes("vllm:num_requests_running", 1)
        await sidecar.signal()
        assert (await stream)[-1] == "[DONE]"
        began = time.monotonic()
        assert await sidecar.ended() == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(("connector", "transferred"), [(_CONNECTOR, True), ((), False)])
async def test_a_named_prefill_pod_does_the_prefill(
    tmp_path: Path, connector: tuple[str, ...], transferred: bool
) -> None:
    slow = {"ttft": 0.3}
    async with (
        engine(tmp_path, *connector, settings=slow) as prefill,
        engine(tmp_path, *connector, settings=slow) as decode,
        _sidecar(tmp_path, decode.port) as sidecar,
    ):
        await sidecar.answers()
        headers = {"x-prefiller-host-port": f"127.0.0.1:{prefill.port}"}
        ask = chat("a long question " * 20, max_tokens=5, stream_options={"include_usage": True})
        assert len(list(pieces(await sidecar.events("/v1/chat/completions", ask, headers)))) == 6
        assert (await prefill.metrics())["vllm:generation_tokens_total"] == 1
        assert (await decode.metrics())["vllm:generation_tokens_total"] == 5
        first_token = (await decode.metrics())["vllm:time_to_first_token_seconds_sum"]
        assert (first_token < 0.1) is transferred


async def test_the_sidecar_refuses_flags_it_does_not_have(tmp_path: Path) -> None:
    async with program(tmp_path, "--prot=8000", module="pointsman.lab.engine.sidecar") as running:
        assert await running.ended() == 2
        assert "unknown flag: --prot" in running.log


async def test_the_picker_is_alive_and_ready_over_grpc(tmp_path: Path) -> None:
    grpc_port, health, metrics = free_port(), free_port(), free_port()
    words = (
        *("--pool-name", "qwen-inference-pool", "--pool-namespace", "llm-d", "--zap-encoder", "json"),
        *("--grpc-port", str(grpc_port), "--grpc-health-port", str(health), "--metrics-port", str(metrics), "", ""),
        *("--config-text", '{"kind":"EndpointPickerConfig"}'),
    )
    env = {"POINTSMAN_POD_ADDRESS": "127.0.0.1"}
    async with program(tmp_path, *words, module="pointsman.lab.engine.picker", port=metrics, env=env) as running:
        await running.answers("/metrics")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{health}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for service in ("liveness", "readiness", ""):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        _, writer = await asyncio.open_connection("127.0.0.1", grpc_port)
        writer.close()
        await running.signal()
        assert await running.ended() == 0
