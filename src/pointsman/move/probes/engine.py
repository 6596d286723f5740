"""Talking to one engine as a tenant would: models, completions, streams, with a key, a wrong one or none."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from pointsman.edge.litellm_probe import MARK
from pointsman.errors import MoveFailedError, PermanentError
from pointsman.kube.http import Response
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Clock, Cluster, Wire
from pointsman.move.probes.counters import parse
from pointsman.move.probes.pods import EnginePod
from pointsman.spec.apis import APIS, Api
from pointsman.spec.model import Model

__all__ = ["LONG", "Engine", "Likelihoods", "StreamSeen", "Timed", "connect", "key_for"]

TIMEOUT = 60.0
"""Seconds a short completion may take; a cold engine compiles on its first one."""
FEWEST = 8
"""Tokens of a text of several sentences: an engine that tells of fewer has told of none."""
LIKELIEST = 10
"""Next tokens that are asked for."""
LORA = "vllm:lora_requests_info"
_CERTAIN = 0.01
"""Above every log-probability, by more than floats are off."""
LONG = 120.0
"""Seconds after which a stream that is as long as tenants' longest, and still coming, has proved enough."""


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """What a stream brought."""

    status: int
    chunks: int
    done: bool
    usage: bool
    text: str
    tokens: int = 0
    """Tokens it had, by its own usage."""
    late: bool = False
    """Was it left while it still came?"""


@dataclass(slots=True)
class _Collected:
    """A stream so far."""

    api: Api
    chunks: int = 0
    done: bool = False
    usage: bool = False
    tokens: int = 0
    text: str = ""

    def take(self, line: bytes) -> None:
        """One more line."""
        data = line[5:].strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            self.done = True
        elif data:
            self._chunk(from_json(data))

    def _chunk(self, chunk: Mapping[str, Any]) -> None:
        if usage := chunk.get("usage"):
            self.usage, self.tokens = True, int(usage.get("completion_tokens") or 0)
        for choice in chunk.get("choices", []):
            piece = self.api.text(choice)
            self.text += piece
            self.chunks += 1 if piece else 0

    def told(self, status: int, *, late: bool = False) -> StreamSeen:
        """What there is to say of it."""
        return StreamSeen(status, self.chunks, self.done, self.usage, self.text, self.tokens, late)


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """How likely an engine finds the tokens of a text."""

    tokens: tuple[int, ...]
    """All but the first."""
    values: tuple[float, ...]
    """Their log-probabilities, in nats."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A stream by the stopwatch. Seconds."""

    status: int
    done: bool
    ttft: float | None
    gap: float | None
    """Mean time between its tokens."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine behind a base URL."""

    wire: Wire
    base: str
    name: str
    """The served model name to ask for."""
    key: str
    api: Api = APIS["chat"]
    """What it is asked for."""

    async def models(self, key: str | None = None) -> Response:
        """``GET /v1/models``; ``key`` "" sends none, None sends the right one."""
        return await self.wire.request("GET", f"{self.base}/v1/models", headers=self._headers(key), timeout=TIMEOUT)

    async def adapters(self) -> Sequence[str]:
        """The LoRA adapters that it serves beside its model: a card of ``/v1/models`` with a parent (vLLM 0.32)."""
        answer = await self.models()
        try:
            return sorted(str(card["id"]) for card in answer.json()["data"] if card.get("parent"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return []

    async def ask(self, prompt: str, *, max_tokens: int = 16, key: str | None = None) -> Response:
        """One greedy request."""
        body = self._body(prompt, max_tokens)
        url = f"{self.base}{self.api.path}"
        return await self.wire.request("POST", url, body=body, headers=self._headers(key), timeout=TIMEOUT)

    async def vector(self, text: str) -> Sequence[float] | str:
        """The vector of a text; why not, in words, where there is none."""
        answer = await self.ask(text)
        try:
            found = [float(one) for one in answer.json()["data"][0]["embedding"]] if answer.status == 200 else []
        except (ValueError, KeyError, IndexError, TypeError):
            found = []
        return found if any(found) else f"{self.api.path} gives no vectors ({answer.status})"

    async def template(self, prompt: str) -> Sequence[int] | None:
        """The tokens that its chat template makes of a prompt; None where it does not say."""
        body = {"model": self.name, "messages": [{"role": "user", "content": prompt}], "add_generation_prompt": True}
        url = f"{self.base}/tokenize"
        answer = await self.wire.request("POST", url, body=body, headers=self._headers(None), timeout=TIMEOUT)
        try:
            return [int(one) for one in answer.json()["tokens"]] if answer.status == 200 else None
        except (ValueError, KeyError, TypeError):
            return None

    async def likelihoods(self, text: str) -> Likelihoods | str:
        """How likely it finds a text's tokens; why not, in words, where it does not say.

        One token is made for it: an engine makes no fewer. At each place vLLM names the text's own token first, then
        the likeliest ones that were asked for (0.32, ``append_logprobs_for_next_position``). One is asked for, although
        none is wanted: with 0 an engine under ``--kv-sharing-fast-prefill`` takes the request instead of refusing it,
        and dies of an assertion (0.32, ``async_llm.py`` and ``gpu_model_runner.py``).
        """
        body = {**APIS["completions"].body(self.name, text, 1), "prompt_logprobs": 1, "user": MARK}
        url = f"{self.base}/v1/completions"
        answer = await self.wire.request("POST", url, body=body, headers=self._headers(None), timeout=TIMEOUT)
        if answer.status != 200:
            return f"/v1/completions with prompt_logprobs is answered {answer.status}"
        try:
            told = [next(iter(one.items())) for one in answer.json()["choices"][0]["prompt_logprobs"] if one]
            found = Likelihoods(
                tuple(int(token) for token, _ in told), tuple(float(said["logprob"]) for _, said in told)
            )
        except (ValueError, KeyError, IndexError, TypeError, StopIteration):
            return "/v1/completions gives no prompt_logprobs"
        if len(found.values) < FEWEST:
            return f"/v1/completions gives prompt_logprobs of {len(found.values)} tokens only"
        if max(found.values) > _CERTAIN:
            return "it gives logits in place of log-probabilities (--logprobs-mode)"
        return found

    async def likeliest(self, text: str) -> Mapping[str, float] | str:
        """The likeliest tokens after a text and their log-probabilities; why not, in words, where it does not say."""
        body = {**APIS["completions"].body(self.name, text, 1), "logprobs": LIKELIEST, "user": MARK}
        url = f"{self.base}/v1/completions"
        answer = await self.wire.request("POST", url, body=body, headers=self._headers(None), timeout=TIMEOUT)
        try:
            told = answer.json()["choices"][0]["logprobs"]["top_logprobs"][0] if answer.status == 200 else {}
            found = {str(token): float(value) for token, value in told.items()}
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            found = {}
        if len(found) < LIKELIEST // 2 or max(found.values()) > _CERTAIN:
            return f"/v1/completions gives no log-probabilities of likeliest tokens ({answer.status})"
        return found

    async def adapts(self) -> bool:
        """Are LoRA adapters switched on? vLLM 0.32 has a metric of them only then; True where it does not say."""
        answer = await self.wire.request("GET", f"{self.base}/metrics", headers={}, timeout=TIMEOUT)
        return answer.status != 200 or LORA in answer.text

    async def longest_answer(self) -> int:
        """Tokens that hardly an answer of this engine exceeded so far, by its buckets; 0 when it does not say."""
        answer = await self.wire.request("GET", f"{self.base}/metrics", headers={}, timeout=TIMEOUT)
        try:
            return parse(answer.text).longest if answer.status == 200 else 0
        except ValueError:
            return 0

    async def stream(self, prompt: str, *, max_tokens: int = 16) -> StreamSeen:
        """One greedy chat completion, streamed, with usage asked for."""
        return await self._stream(self._body(prompt, max_tokens), _Collected(self.api), TIMEOUT)

    async def long_stream(self, prompt: str, tokens: int) -> StreamSeen:
        """A stream of so many tokens, whatever the model would say; it is left when it still comes after ``LONG``."""
        body, seen = {**self._body(prompt, tokens), "ignore_eos": True}, _Collected(self.api)
        try:
            async with asyncio.timeout(LONG):
                return await self._stream(body, seen, LONG + TIMEOUT)
        except TimeoutError:
            return seen.told(200, late=True)

    async def _stream(self, body: Mapping[str, Any], seen: _Collected, timeout: float) -> StreamSeen:
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        url = f"{self.base}{self.api.path}"
        async with self.wire.stream("POST", url, body=body, headers=self._headers(None), timeout=timeout) as stream:
            if stream.status == 200:
                async for line in stream.lines():
                    seen.take(line)
            return seen.told(stream.status)

    async def timed(self, prompt: str, clock: Clock, *, max_tokens: int) -> Timed:
        """One greedy request by the stopwatch: its tokens as they come, or a vector as a whole."""
        begun = clock.monotonic()
        if not self.api.tokens:
            answer = await self.ask(prompt)
            return Timed(answer.status, answer.status == 200, clock.monotonic() - begun, None)
        body = {**self._body(prompt, max_tokens), "stream": True}
        url = f"{self.base}{self.api.path}"
        times, done = list[float](), False
        async with self.wire.stream("POST", url, body=body, headers=self._headers(None), timeout=TIMEOUT) as stream:
            if stream.status != 200:
                return Timed(stream.status, False, None, None)
            async for line in stream.lines():
                done = done or line.strip() == b"data: [DONE]"
                if _token(line, self.api):
                    times.append(clock.monotonic())
        gap = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None
        return Timed(stream.status, done, times[0] - begun if times else None, gap)

    def said(self, answer: Response) -> str:
        """What an answer says, reasoning included; raises MoveFailedError when it is none."""
        try:
            return self.api.said(answer.json())
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise MoveFailedError(
                f"the engine's answer ({answer.status}) is not {self.api.what}: {answer.text[:200]}", code="completion"
            ) from error

    def _body(self, prompt: str, max_tokens: int) -> dict[str, Any]:
        seed = {"seed": 0} if self.api.tokens else {}
        return {**self.api.body(self.name, prompt, max_tokens), **seed, "user": MARK}

    def _headers(self, key: str | None) -> Mapping[str, str]:
        sent = self.key if key is None else key
        return {"Authorization": f"Bearer {sent}"} if sent else {}


def _token(line: bytes, api: Api) -> bool:
    """Does this line of a stream bring text, reasoning included?"""
    data = line[5:].strip() if line.startswith(b"data:") else b""
    if not data.startswith(b"{"):
        return False
    try:
        return any(api.text(one) for one in from_json(data).get("choices", []))
    except (ValueError, AttributeError, TypeError):
        return False


async def key_for(cluster: Cluster, model: Model, namespace: str) -> str:
    """The engine's key, from the Secret that the spec names; empty where the engines ask for none."""
    auth = model.spec.contract.auth
    if auth is None:
        return ""
    ref = Ref(kind_of("Secret"), auth.secret, namespace)
    found = await cluster.get(ref)
    coded = (found.get("data") or {}).get(auth.key)
    if coded is None:
        raise PermanentError(
            f"it has no key {auth.key!r}", where=str(ref), next_action=f"add data.{auth.key}", code="auth-secret"
        )
    return base64.b64decode(coded).decode()


@asynccontextmanager
async def connect(cluster: Cluster, wire: Wire, model: Model, pod: EnginePod) -> AsyncIterator[Engine]:
    """An engine's own port, through a port-forward that carries the key."""
    key = await key_for(cluster, model, pod.namespace)
    async with cluster.port_forward(pod.namespace, pod.name, pod.port) as base:
        yield Engine(wire, base, model.spec.served_model_name, key, APIS[model.spec.contract.api])
