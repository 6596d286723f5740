"""How an engine starts, ends and misbehaves."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from pathlib import Path

import pytest
from aiohttp import ClientError

from tests.lab.engine.process import MODEL, Running, chat, engine, free_port, pieces, program, said, until

_LONG = {"itl": 0.05}
_COLD = {"load": 0.4, "compile": 0.2, "warmup": 0.6}


async def _one_running(running: Running) -> asyncio.Task[list[str]]:
    task = asyncio.create_task(running.events("/v1/chat/completions", chat(max_tokens=30)))
    await running.becomes("vllm:num_requests_running", 1)
    return task


async def test_the_port_opens_after_load_and_completions_wait_for_the_warm_up(tmp_path: Path) -> None:
    port = free_port()
    words = ("serve", MODEL, "--host", "127.0.0.1", "--port", str(port))
    async with program(tmp_path, *words, port=port, settings={"cold_start": _COLD}) as running:
        began = time.monotonic()
        assert await running.status("/health") == 0
        await running.answers("/v1/models")
        assert time.monotonic() - began >= _COLD["load"] + _COLD["compile"]
        ask = asyncio.create_task(running.post("/v1/chat/completions", chat(max_tokens=1)))
        await running.becomes("vllm:num_requests_waiting", 1)
        assert (await ask)[0] == 200
        assert "Loading weights took" in running.log
        assert running.log.index("Starting vLLM server") < running.log.index("Graph capturing finished")


async def test_a_cached_model_loads_faster_the_second_time(tmp_path: Path) -> None:
    cold = {"cold_start": _COLD | {"load": 2.0}}
    took = []
    for _ in range(2):
        async with engine(tmp_path, env={"HF_HOME": str(tmp_path / "hf")}, settings=cold) as running:
            await until(lambda: "Loading weights took" in running.log, "loading")
            took += [float(word) for word in re.findall(r"Loading weights took ([0-9.]+) seconds", running.log)]
    assert took[1] < 2.0 <= took[0]


async def test_sigterm_without_a_timeout_cuts_what_runs(tmp_path: Path) -> None:
    async with engine(tmp_path, settings=_LONG) as running:
        stream = await _one_running(running)
        await running.signal()
        with pytest.raises(ClientError):
            await stream
        assert await running.ended() == 0
        assert "aborting in-flight requests count=1" in running.log


async def test_sigterm_with_a_timeout_refuses_new_requests_and_finishes_the_running(tmp_path: Path) -> None:
    async with engine(tmp_path, "--shutdown-timeout", "10", settings=_LONG) as running:
        stream = await _one_running(running)
        await running.signal()
        await until(lambda: "draining in-flight requests count=1" in running.log, "draining")
        status, body = await running.post("/v1/chat/completions", chat())
        assert (status, body["error"]["code"]) == (503, 503)
        events = await stream
        assert events[-1] == "[DONE]"
        assert len(list(pieces(events))) == 31
        assert await running.ended() == 0


async def test_a_second_sigterm_aborts(tmp_path: Path) -> None:
    async with engine(tmp_path, "--shutdown-timeout=30", settings={"itl": 1.0}) as running:
        stream = await _one_running(running)
        await running.signal()
        await until(lambda: "draining" in running.log, "draining")
        await running.signal()
        with pytest.raises(ClientError):
            await stream
        assert await running.ended() == 0


async def test_a_drain_ends_at_its_timeout(tmp_path: Path) -> None:
    async with engine(tmp_path, "--shutdown-timeout=1", settings={"itl": 5.0}) as running:
        stream = await _one_running(running)
        began = time.monotonic()
        await running.signal()
        with pytest.raises(ClientError):
            await stream
        assert 0.9 < time.monotonic() - began < 5


async def test_sigterm_ends_an_engine_that_is_still_loading(tmp_path: Path) -> None:
    port = free_port()
    words = ("serve", MODEL, "--host", "127.0.0.1", "--port", str(port))
    async with program(tmp_path, *words, port=port, settings={"cold_start": {"load": 60}}) as running:
        await until(lambda: "Starting to load model" in running.log, "loading")
        await running.signal()
        assert await running.ended() == 128 + signal.SIGINT


async def test_a_port_in_use_ends_the_engine(tmp_path: Path) -> None:
    async with engine(tmp_path) as first:
        words = ("serve", MODEL, "--host", "127.0.0.1", "--port", str(first.port))
        async with program(tmp_path, *words, port=free_port()) as second:
            assert await second.ended() == 1
            assert "Address already in use" in second.log


async def test_faults_come_and_go_while_the_engine_runs(tmp_path: Path) -> None:
    async with engine(tmp_path, "--served-model-name", "qwen", env={"VLLM_API_KEY": "k"}) as running:
        key = {"Authorization": "Bearer k"}

        async def text() -> str:
            return said((await running.post("/v1/chat/completions", chat(), key))[1])

        async def under(**faults: object) -> None:
            before = running.log.count("settings changed")
            running.settings(faults=faults)
            await until(lambda: running.log.count("settings changed") > before, "settings read")

        right = await text()
        await under(wrong_model="other/weights")
        wrong = await text()
        assert wrong != right
        await under(wrong_text=True)
        assert await text() not in (right, wrong)
        await under(wrong_name="impostor")
        assert (await running.post("/v1/chat/completions", chat(model="qwen"), key))[0] == 404
        assert (await running.get("/v1/models", key))[1]["data"][0]["id"] == "impostor"
        await under(max_model_len=8)
        assert (await running.post("/v1/chat/completions", chat(), key))[0] == 400
        await under(ignore_key=True)
        assert (await running.get("/v1/models"))[0] == 200
        await under(error_rate=0.25)
        answers = [await running.post("/v1/chat/completions", chat(max_tokens=1), key) for _ in range(8)]
        assert [status for status, _ in answers].count(500) == 2
        await under(cut_stream_after=0.05)
        with pytest.raises(ClientError):
            await running.events("/v1/chat/completions", chat(), key)
        assert await running.finished("abort") == 1
        await under(never_ready=True)
        assert await running.status("/health") == 503
        await under()
        assert await running.status("/health") == 200
        assert await text() == right


async def test_an_engine_can_be_slow(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"ttft": 0.05, "faults": {"slow": 8}}) as running:
        began = time.monotonic()
        await running.post("/v1/chat/completions", chat(max_tokens=1))
        assert time.monotonic() - began >= 0.4


async def test_an_engine_that_is_never_ready_opens_no_port(tmp_path: Path) -> None:
    port = free_port()
    words = ("serve", MODEL, "--host", "127.0.0.1", "--port", str(port))
    async with program(tmp_path, *words, port=port, settings={"faults": {"never_ready": True}}) as running:
        await until(lambda: "init engine" in running.log, "loaded")
        assert await running.status("/health") == 0
        running.settings()
        await running.answers()


async def test_an_engine_ready_too_early_is_healthy_and_answers_nothing(tmp_path: Path) -> None:
    slow = {"cold_start": {"load": 1.5, "compile": 0, "warmup": 0}, "faults": {"ready_too_early": True}}
    async with engine(tmp_path, settings=slow) as running:
        assert (await running.post("/v1/chat/completions", chat()))[0] == 503
        await until(lambda: "Graph capturing finished" in running.log, "warm")
        assert (await running.post("/v1/chat/completions", chat()))[0] == 200


async def test_an_engine_crashes_after_so_many_answers(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"faults": {"crash_after_requests": 2}}) as running:
        for _ in range(2):
            assert (await running.post("/v1/chat/completions", chat(max_tokens=1)))[0] == 200
        with pytest.raises(ClientError):
            await running.post("/v1/chat/completions", chat())
        assert await running.ended() == 1


async def test_settings_that_make_no_sense_are_named_and_ignored(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        running.settings(faults={"never_reday": True})
        await until(lambda: "unknown keys never_reday" in running.log, "a warning")
        assert await running.status("/health") == 200
