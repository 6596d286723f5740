"""A small OpenAI-shaped server that misbehaves on demand: the other side of the tenants' wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class EdgeDouble:
    """What it does; ``mode`` is read at each request."""

    mode: str = "good"
    delay: float = 0.0
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1000))
    """How many are answered at a time; the others wait."""
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        async with self.gate:
            await asyncio.sleep(self.delay)
        if self.mode == "status":
            return web.json_response({"error": "busy"}, status=503)
        if self.mode == "reset":
            assert request.transport is not None
            request.transport.abort()
        words = [f" w{number}" for number in range(body["max_tokens"])]
        if self.mode == "wrong text":
            words[0] = " other"
        model = "other" if self.mode == "wrong model" else body["model"]
        headers = {"x-litellm-model-id": "stranger" if self.mode == "stranger" else "qwen-raw-vllm"}
        if body.get("stream"):
            return await self._stream(request, model, words, headers)
        choice = {"message": {"content": "".join(words)}, "finish_reason": "length"}
        return web.json_response({"model": model, "choices": [choice]}, headers=headers)

    async def _stream(
        self, request: web.Request, model: str, words: list[str], headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers | {"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, word in enumerate(words):
            if self.mode == "cut" and number == 2:
                assert request.transport is not None
                request.transport.abort()
                return response
            piece = {"model": model, "choices": [{"delta": {"content": word}}]}
            await response.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
        if self.mode == "no end":
            return response
        reason = None if self.mode == "no reason" else "length"
        last = {"model": model, "choices": [{"delta": {}, "finish_reason": reason}]}
        await response.write(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
        return response


@asynccontextmanager
async def serving(double: EdgeDouble) -> AsyncIterator[str]:
    """Serve on a free loopback port; yields the base URL."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", double.answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()
