"""The engine behind the routes: its start in phases, the requests it runs, and how it ends.

As in vLLM the port is bound first and answers only after weights are loaded and graphs compiled. What follows is
the trap that a readiness probe does not see: health and models answer while the first completions still wait for
the warm-up.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from pointsman.lab.engine import VLLM_VERSION
from pointsman.lab.engine.addresses import listen_address
from pointsman.lab.engine.flags import Arguments
from pointsman.lab.engine.logs import say
from pointsman.lab.engine.metrics import EngineMetrics
from pointsman.lab.engine.model import Answer, generate
from pointsman.lab.engine.requests import Ask
from pointsman.lab.engine.scheduling import PrefixCache, Slots
from pointsman.lab.engine.settings import Settings, SettingsFile
from pointsman.lab.engine.weights import Weights

__all__ = ["Engine", "Run"]

_TICK = 0.05
_STATS_EVERY = 10.0
_CACHED_LOAD = 0.25
_PREFIX_SAVES = 0.8
_LONGEST_CONTEXT = 32768


@dataclass(eq=False, slots=True)
class Run:
    """One request inside the engine."""

    request: web.BaseRequest
    ask: Ask
    answer: Answer
    arrived: float
    task: asyncio.Task[object] | None = field(default_factory=asyncio.current_task)
    started: float = 0.0
    first_token_after: float = 0.0
    made: int = 0
    counted: bool = False
    given_up: bool = False
    """Did the engine end it? Only then it counts as aborted."""

    def cut(self) -> None:
        """End it now, connection included."""
        self.given_up = True
        if self.request.transport is not None:
            self.request.transport.abort()
        if self.task is not None:
            self.task.cancel()


class Engine:
    """Weights, settings, queue and counters of one process."""

    def __init__(self, arguments: Arguments, weights: Weights, settings: SettingsFile) -> None:
        self.arguments = arguments
        self.weights = weights
        self.started_at = int(time.time())
        self.metrics = EngineMetrics(self.names(settings.now)[0], arguments.lora)
        self.metrics.capacity = max(65536, 4 * self.max_model_len(settings.now))
        self.slots = Slots(lambda: settings.now.concurrency, self.metrics)
        self.serving = False
        self.warm = False
        self.draining = False
        self.answered = 0
        self.errors_due = 0.0
        self.salt = uuid.uuid4().hex
        """Tells this process from others: honest engines are not off alike."""
        self._settings = settings
        self._prefixes = PrefixCache()
        self._runs: set[Run] = set()
        self._quiet = asyncio.Event()
        digest = hashlib.sha256(f"{weights.repo} {weights.revision}".encode()).hexdigest()
        self.fingerprint = f"vllm-{VLLM_VERSION}-{digest[:8]}"

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings.now

    @property
    def busy(self) -> int:
        """Requests running or waiting."""
        return len(self._runs)

    def names(self, settings: Settings) -> list[str]:
        """The served names; the first is the one in answers."""
        return [settings.faults.wrong_name] if settings.faults.wrong_name else self.arguments.served_names

    def weights_of(self, name: str | None) -> Weights:
        """The weights behind a name: an adapter's are its model's with something added."""
        added = self.arguments.adapters.get(name or "")
        return replace(self.weights, revision=f"{self.weights.revision} + {added}") if added else self.weights

    def max_model_len(self, settings: Settings) -> int:
        """The context length."""
        return settings.faults.max_model_len or self.arguments.max_model_len or _LONGEST_CONTEXT

    async def load(self) -> None:
        """Weights, then compilation: what happens before the port answers."""
        say(f"Starting to load model {self.arguments.root}...", "gpu_model_runner.py:5093", process="EngineCore")
        took = await self._phase("load", _CACHED_LOAD if self.weights.cached else 1.0)
        self.weights.keep()
        say(f"Loading weights took {took:.2f} seconds", "default_loader.py:398", process="EngineCore")
        say(
            f"Model loading took 0.93 GiB memory and {took:.6f} seconds",
            "gpu_model_runner.py:5188",
            process="EngineCore",
        )
        took = await self._phase("compile", 1.0)
        say(f"torch.compile takes {took:.2f} s in total", "monitor.py:48", process="EngineCore")
        tokens = f"{self.metrics.capacity:,}"
        say(f"GPU KV cache size: {tokens} tokens", "kv_cache_utils.py:1744", process="EngineCore")
        say(
            f"init engine (profile, create kv cache, warmup model) took {took:.2f} s",
            "core.py:314",
            process="EngineCore",
        )
        while self.settings.faults.never_ready:  # noqa: ASYNC110 - the settings file gives no event
            await asyncio.sleep(_TICK)

    async def warm_up(self) -> None:
        """The time in which the server answers and the first completions still wait."""
        took = await self._phase("warmup", 1.0)
        say(
            f"Graph capturing finished in {took:.0f} secs, took 0.47 GiB",
            "gpu_model_runner.py:6586",
            process="EngineCore",
        )
        self.warm = True
        self.slots.open()

    async def watch(self) -> None:
        """Let waiting requests in when the concurrency is raised, and print statistics while there is work."""
        printed, prompt, generated = time.monotonic(), 0, 0
        while True:
            await asyncio.sleep(_TICK * 4)
            if self.settings.concurrency > self.metrics.running:
                self.slots.admit()
            passed = time.monotonic() - printed
            if passed >= _STATS_EVERY:
                new = (self.metrics.prompt_tokens - prompt, self.metrics.generation_tokens - generated)
                self._print_stats(new[0] / passed, new[1] / passed)
                prompt, generated = self.metrics.prompt_tokens, self.metrics.generation_tokens
                printed = time.monotonic()

    @asynccontextmanager
    async def run(self, request: web.BaseRequest, ask: Ask, limit: int) -> AsyncIterator[Run]:
        """A request from its arrival to its end. One whose client left counts as nothing (vLLM 0.32, measured)."""
        answer = generate(ask, self.weights_of(ask.model), self.settings, limit, self.salt)
        run = Run(request, ask, answer, time.monotonic())
        self._runs.add(run)
        held = len(ask.ids) + answer.tokens
        try:
            async with self.slots.place():
                self.metrics.tokens_held += held
                try:
                    self._start(run)
                    yield run
                finally:
                    self.metrics.tokens_held -= held
        finally:
            self._runs.discard(run)
            if not self._runs:
                self._quiet.set()
            if run.given_up and not run.counted:
                self.metrics.success["abort"] += 1

    def count(self, run: Run) -> None:
        """The answer is complete; called just before its last bytes are written.

        Raises:
            ConnectionResetError: nobody is there to read it.
        """
        if run.request.transport is None or run.request.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        now = time.monotonic()
        metrics, decode = self.metrics, now - run.started - run.first_token_after
        run.counted = True
        self.answered += 1
        metrics.success[run.answer.finish] += 1
        metrics.generation_tokens += run.answer.tokens - run.made
        metrics.e2e.add(now - run.arrived)
        metrics.inference.add(now - run.started)
        metrics.decode.add(max(0.0, decode))
        metrics.request_prompt.add(len(run.ask.ids))
        metrics.request_generation.add(run.answer.tokens)
        if run.answer.tokens > 1:
            metrics.itl.add(max(0.0, decode) / (run.answer.tokens - 1), run.answer.tokens - 1)

    def handover(self, ask: Ask) -> dict[str, Any] | None:
        """What a prefill engine tells the decode engine of its KV cache; nothing without a KV connector."""
        if not (self.arguments.transfers_cache and ask.transfer.get("do_remote_decode")):
            return None
        host = listen_address(os.environ, self.arguments.host)
        return {
            "do_remote_prefill": True,
            "do_remote_decode": False,
            "remote_block_ids": list(range(1, len(ask.ids) // 16 + 2)),
            "remote_engine_id": self.fingerprint,
            "remote_host": host,
            "remote_port": 5600,
        }

    def abort_all(self) -> int:
        """Cut every request, running or waiting; says how many."""
        runs = list(self._runs)
        for run in runs:
            run.cut()
        return len(runs)

    async def idle(self) -> None:
        """Return when nothing runs or waits any more."""
        while self._runs:
            self._quiet.clear()
            await self._quiet.wait()

    def _start(self, run: Run) -> None:
        settings = self.settings
        tokens = len(run.ask.ids)
        hits = self._prefixes.hit(run.ask.ids)
        if self.arguments.transfers_cache and run.ask.transfer.get("do_remote_prefill"):
            hits = tokens
        saved = _PREFIX_SAVES * hits / tokens if tokens else 0.0
        run.started = time.monotonic()
        run.first_token_after = settings.ttft * settings.faults.slow * (1 - saved)
        metrics = self.metrics
        metrics.prompt_tokens += tokens
        metrics.prefix_queries += tokens
        metrics.prefix_hits += hits
        metrics.queue.add(run.started - run.arrived)
        metrics.prefill.add(run.first_token_after)
        metrics.ttft.add(run.started - run.arrived + run.first_token_after)

    async def _phase(self, name: str, share: float) -> float:
        began = time.monotonic()
        while True:
            passed = time.monotonic() - began
            left = getattr(self.settings.cold_start, name) * share - passed
            if left <= 0:
                return passed
            await asyncio.sleep(min(_TICK, left))

    def _print_stats(self, prompt: float, generated: float) -> None:
        if not (prompt or generated or self._runs):
            return
        metrics = self.metrics
        hits = 100 * metrics.prefix_hits / max(1, metrics.prefix_queries)
        say(
            f"Engine 000: Avg prompt throughput: {prompt:.1f} tokens/s, Avg generation throughput: {generated:.1f} "
            f"tokens/s, Running: {metrics.running} reqs, Waiting: {metrics.waiting} reqs, "
            f"GPU KV cache usage: {100 * metrics.cache_usage:.1f}%, Prefix cache hit rate: {hits:.1f}%",
            "loggers.py:271",
        )


def crash() -> None:
    """Die as an engine does whose GPU fell off the bus: no goodbye."""
    say("EngineCore encountered a fatal error.", "core.py:1150", level="ERROR", process="EngineCore")
    os._exit(1)
