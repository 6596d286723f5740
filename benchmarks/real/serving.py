"""One real vLLM on loopback, and tenants who keep it busy."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pointsman.errors import TemporaryError
from pointsman.kube.http import Http
from pointsman.lab.paths import cache_root
from pointsman.lab.ports import free_ports
from pointsman.move.probes.engine import Engine

__all__ = ["NAME", "Home", "busy", "serving"]

NAME = "measured"
"""The served model name."""
START = 600.0
"""Seconds an engine may take until it serves."""
STOP = 30.0
CONTEXT = 1024
SMALL = {
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""An engine for CPUs that fits beside others on a small machine, and asks nobody for anything."""


class Home:
    """Where the real engine and its models are."""

    def __init__(self) -> None:
        self.scripts = Path(os.environ.get("POINTSMAN_REAL", Path(__file__).parents[2] / ".venv-real")) / "bin"
        if not (self.scripts / "vllm").exists():
            sys.exit(f"no vllm in {self.scripts}: make .venv-real/.ready, or name an environment with POINTSMAN_REAL")
        self.models = cache_root() / "real"

    async def make(self, module: str, *words: str) -> list[Path]:
        """Run a maker of models in the real engine's environment; the folders it names."""
        child = await asyncio.create_subprocess_exec(
            str(self.scripts / "python"),
            "-m",
            f"benchmarks.real.{module}",
            str(self.models),
            *words,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**_own(), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        )
        said, _ = await child.communicate()
        if child.returncode:
            sys.exit(f"making {' '.join(words) or 'models'} ended with {child.returncode}")
        return [Path(line) for line in said.decode().splitlines()]


@asynccontextmanager
async def serving(
    home: Home, weights: Path, words: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Http, Engine]]:
    """An engine that serves, and a way to it; it and all that it started have ended afterwards."""
    port, scratch = free_ports(["engine"])["engine"], Path(tempfile.mkdtemp(prefix="pm-real-"))
    with (scratch / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            str(home.scripts / "vllm"),
            "serve",
            str(weights),
            f"--served-model-name={NAME}",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--max-model-len={CONTEXT}",
            "--enforce-eager",
            *words,
            stdout=log,
            stderr=log,
            env={
                **_own(),
                **SMALL,
                "TMPDIR": str(scratch),
                "VLLM_CACHE_ROOT": str(home.models / ".vllm"),
                **(env or {}),
            },
            start_new_session=True,
        )
        try:
            async with Http() as wire:
                engine = Engine(wire, f"http://127.0.0.1:{port}", NAME, "")
                async with asyncio.timeout(START):
                    while not await _healthy(wire, engine.base):
                        if child.returncode is not None:
                            sys.exit(f"vllm ended before it served: {_end_of(child, scratch)}")
                        await asyncio.sleep(0.5)
                yield wire, engine
        except BaseException:
            sys.stderr.write(f"the last words of vllm, {_end_of(child, scratch)}\n")
            raise
        finally:
            await _end(child)
            shutil.rmtree(scratch, ignore_errors=True)


@asynccontextmanager
async def busy(engine: Engine, tenants: int) -> AsyncIterator[None]:
    """So many tenants, each with a request under way at all times."""

    async def tenant(number: int) -> None:
        turn = 0
        while True:
            turn += 1
            text = f"{number}-{turn}: tell a story about a signal box, a storm and number {turn * 7 + number}."
            with suppress(TemporaryError):
                if engine.api.tokens:
                    await engine.long_stream(text, 24 + 8 * (turn % 3))
                else:
                    await engine.ask(text)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(tenant(number)) for number in range(tenants)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _healthy(wire: Http, base: str) -> bool:
    try:
        return (await wire.request("GET", f"{base}/health", headers={}, timeout=5.0)).status == 200
    except TemporaryError:
        return False


def _end_of(child: asyncio.subprocess.Process, scratch: Path) -> str:
    """How it ended, and its last words."""
    return f"exit code {child.returncode}\n{(scratch / 'log').read_text('utf-8', 'replace')[-4000:]}"


async def _end(child: asyncio.subprocess.Process) -> None:
    """Ask it to end, and see that its whole session has."""
    if child.returncode is None:
        child.terminate()
        try:
            async with asyncio.timeout(STOP):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _own() -> dict[str, str]:
    """Without what would have every start compile half a gigabyte of Python again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
