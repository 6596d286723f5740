"""What tenants get from an edge in the lab: requests through the lab's own proxy, and their answers counted."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.conftest import RunningLab

__all__ = ["Answer", "Answers", "Asking"]

PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's end."""

    status: int
    """0: the connection broke."""
    seconds: float
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def member(self) -> str:
        """The entry that LiteLLM says answered."""
        return self.headers.get("x-litellm-model-id", "")

    @property
    def body(self) -> dict[str, Any]:
        """What was said, as JSON."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class Answers(tuple[Answer, ...]):
    """Those of some requests, in the order they were asked."""

    __slots__ = ()

    @property
    def statuses(self) -> dict[int, int]:
        """How many ended with which status."""
        return dict(Counter(one.status for one in self))

    @property
    def members(self) -> dict[str, int]:
        """How many each member answered with 200."""
        return dict(Counter(one.member for one in self if one.status == 200))

    @property
    def lost(self) -> int:
        """How many got no answer."""
        return sum(one.status != 200 for one in self)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks one address: with which key, through which lab."""

    lab: RunningLab
    base: str
    """Base URL, without ``/v1``."""
    key: str = ""

    def __call__(self, model: str, count: int = 1, *, at_once: int = 1, **body: Any) -> Answers:
        """So many chat completions, at most ``at_once`` under way."""
        said = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4} | body
        return self.post("/v1/chat/completions", said, count, at_once)

    def post(self, path: str, body: Mapping[str, Any], count: int = 1, at_once: int = 1) -> Answers:
        """The same body so many times."""
        return asyncio.run(self._all(path, body, count, at_once))

    def get(self, path: str) -> Answer:
        """What a path says."""
        return asyncio.run(self._all(path, None, 1, 1))[0]

    async def _all(self, path: str, body: Mapping[str, Any] | None, count: int, at_once: int) -> Answers:
        gate = asyncio.Semaphore(at_once)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(headers=headers, timeout=limit, trust_env=False) as session:

            async def one() -> Answer:
                async with gate:
                    return await self._one(session, path, body)

            return Answers(await asyncio.gather(*(one() for _ in range(count))))

    async def _one(self, session: aiohttp.ClientSession, path: str, body: Mapping[str, Any] | None) -> Answer:
        began, parts = time.monotonic(), bytearray()
        status, headers, broken = 0, {}, ""
        try:
            method, way = "GET" if body is None else "POST", self.lab.config.proxy_url
            async with session.request(method, f"{self.base}{path}", json=body, proxy=way) as response:
                status, headers = response.status, dict(response.headers)
                async for part in response.content.iter_any():
                    parts += part
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, broken = 0, f"{type(error).__name__}: {error}"
        return Answer(status, time.monotonic() - began, parts.decode(errors="replace") + broken, headers)
