"""An engine, or one of its companions, as a process that a test talks to over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
FAST: dict[str, Any] = {"cold_start": {"load": 0, "compile": 0, "warmup": 0}, "ttft": 0.01, "itl": 0.002}
_DEADLINE = 15.0
Json = dict[str, Any]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        await asyncio.sleep(0.01)


class Running:
    """A started program."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path, config: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._config = config
        self.session = ClientSession(timeout=ClientTimeout(total=30))

    @property
    def log(self) -> str:
        return self._log.read_text()

    def settings(self, **changes: Any) -> None:
        draft = self._config.with_suffix(".new")
        draft.write_text(json.dumps(FAST | changes))
        draft.replace(self._config)

    async def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), _DEADLINE)

    async def status(self, path: str) -> int:
        """The status of a GET; 0 when nothing listens."""
        try:
            async with self.session.get(self.url + path) as answer:
                await answer.read()
                return answer.status
        except ClientError:
            return 0

    async def answers(self, path: str = "/health", status: int = 200) -> None:
        end = time.monotonic() + _DEADLINE
        while await self.status(path) != status:
            assert time.monotonic() < end, f"{path} never said {status}; log:\n{self.log}"
            assert self.process.returncode is None, f"ended by itself; log:\n{self.log}"
            await asyncio.sleep(0.01)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Json]:
        async with self.session.post(self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Json]:
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.json()

    async def events(self, path: str, body: Json, headers: Mapping[str, str] | None = None) -> list[str]:
        """The data of every event of a stream."""
        async with self.session.post(self.url + path, json=body | {"stream": True}, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            text = (await answer.read()).decode()
        assert text.endswith("\n\n")
        lines = text.removesuffix("\n\n").split("\n\n")
        assert all(line.startswith("data: ") for line in lines)
        return [line.removeprefix("data: ") for line in lines]

    async def metrics(self) -> dict[str, float]:
        """Samples by name and labels; the labels common to all are left out."""
        async with self.session.get(self.url + "/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = await answer.text()
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {_short(name): float(value) for name, _, value in samples}

    async def finished(self, reason: str) -> float:
        return (await self.metrics())[f'vllm:request_success_total{{finished_reason="{reason}"}}']

    async def becomes(self, sample: str, value: float) -> None:
        end = time.monotonic() + _DEADLINE
        while (seen := (await self.metrics()).get(sample)) != value:
            assert time.monotonic() < end, f"{sample} stays {seen}, not {value}"
            await asyncio.sleep(0.01)


def _short(name: str) -> str:
    head, brace, said = name.partition("{")
    kept = [pair for pair in said.rstrip("}").split(",") if not pair.startswith(("engine=", "model_name="))]
    return f"{head}{{{','.join(kept)}}}" if brace and any(kept) else head


@contextlib.asynccontextmanager
async def program(
    folder: Path,
    *words: str,
    module: str = "pointsman.lab.engine",
    port: int = 0,
    env: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Running]:
    """Start a module with these words; ends it whatever happens."""
    port = port or free_port()
    config, log = folder / f"settings-{port}.json", folder / f"log-{port}"
    config.write_text(json.dumps(FAST | dict(settings or {})))
    source = str(Path(__file__).parents[3] / "src")
    ambient = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": source,
        "POINTSMAN_SIM_CONFIG": str(config),
    }
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *words, env=ambient | dict(env or {}), stdout=out, stderr=out
        )
    running = Running(process, port, log, config)
    try:
        yield running
    finally:
        await running.session.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def engine(folder: Path, *words: str, model: str = MODEL, **more: Any) -> AsyncIterator[Running]:
    """A served model that answers."""
    port = free_port()
    address = ("--host", "127.0.0.1", "--port", str(port))
    async with program(folder, "serve", model, *address, *words, port=port, **more) as running:
        await running.answers()
        yield running


def chat(text: str = "Where does the night train stop?", **more: Any) -> Json:
    return {"messages": [{"role": "user", "content": text}], **more}


def said(body: Json) -> str:
    content: str = body["choices"][0]["message"]["content"]
    return content


def pieces(events: list[str]) -> Iterator[str]:
    for event in events:
        if event != "[DONE]" and (choices := json.loads(event)["choices"]):
            yield choices[0]["delta"].get("content", "")
