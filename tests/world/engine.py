"""An engine in memory, and the wire to it: vLLM's routes, key, counters and greedy answers, without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from pointsman.errors import TemporaryError
from pointsman.kube.http import Response
from pointsman.lab.engine.embedding import vector
from pointsman.lab.engine.likelihood import likeliest, likelihoods
from pointsman.lab.engine.metrics import EngineMetrics
from pointsman.lab.engine.text import encode
from pointsman.move.judging.contract_gate import ANSWER_TOKENS
from pointsman.spec.apis import APIS, Api

if TYPE_CHECKING:
    from tests.world.cluster import MemoryCluster

__all__ = ["KEY", "Engine", "Faults", "MemoryWire"]

KEY = "sk-engine"
NAME = "qwen2.5-0.5b-instruct"
NOISE = 0.027
"""Of log-probabilities, as measured between precisions."""


@dataclass
class Faults:
    """What can be wrong with an engine."""

    never_ready: bool = False
    max_model_len: int = 8192
    ignore_key: bool = False
    wrong_text: bool = False
    parting: bool = False
    """Greedy answers are not those of other engines."""
    silent_content: bool = False
    """Answers are reasoning alone."""
    wordless: bool = False
    """Answers to prompts of the gate have no words at all; streams do."""
    nearby: float = 0.0
    """How far the log-probabilities of its weights are from the right ones, in the mean."""
    template: str = ""
    """What its chat template adds."""
    adapters: tuple[str, ...] = ()
    """LoRA adapters that it serves: ``NAME``, or ``NAME=OTHER`` for one with other weights."""
    apis: frozenset[str] = frozenset({"chat", "completions"})
    """What it can be asked for: a base model takes no chats, an embedding model neither those nor completions."""
    says: frozenset[str] = frozenset({"tokens", "likelihoods"})
    """What it offers beside completions."""
    served_name: str = NAME
    broken: bool = False
    error_rate: float = 0.0
    """Share of the requests answered 500."""
    ttft: float = 0.0
    """Seconds to the first token; they pass on the world's clock."""
    running: float | None = 0.0
    """None leaves the metric out."""
    cut_after: int = 0
    """Tokens after which a stream breaks off; 0: none does."""
    swing: float = 1.0
    """How much its model makes of context."""
    impossible: bool = False
    """Does it find the last token of any text impossible?"""
    counts_leaving: bool = False
    """Does a request whose client left count as aborted? In vLLM 0.32 it counts as nothing but an answer 2xx."""


@dataclass
class Engine:
    """One engine."""

    faults: Faults = field(default_factory=Faults)
    ended: int = 0
    errors: int = 0
    left: int = 0
    """Requests whose client left before they were answered in full."""
    under_way: int = 0
    """Requests that are being answered."""
    counted: EngineMetrics = field(default_factory=lambda: EngineMetrics(NAME))
    """Histograms, in the buckets of vLLM."""
    due: float = 0.0
    silent: bool = False
    """It does not answer when it is asked for its metrics."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Response:
        """One request, one answer."""
        bare = "/" + path.lstrip("/")
        if bare == "/metrics" and self.silent:
            return Response(503, CIMultiDict(), b"")
        if bare == "/metrics":
            return Response(200, CIMultiDict(), self._metrics().encode())
        if not self.faults.ignore_key and headers.get("Authorization") != f"Bearer {KEY}":
            return _json(401, {"error": "Unauthorized"})
        return self._allowed(bare, body)

    def _allowed(self, bare: str, body: Any) -> Response:
        if bare == "/v1/models":
            cards = [{"id": self.faults.served_name, "parent": None, "max_model_len": self.faults.max_model_len}]
            cards += [{"id": one.split("=")[0], "parent": NAME} for one in self.faults.adapters]
            return _json(200, {"data": cards})
        if "prompt_logprobs" in (body or {}) and self.faults.adapters:
            raise AssertionError("vLLM 0.32 dies of this while it serves others")
        if bare == "/tokenize" or "prompt_logprobs" in (body or {}):
            return self._of_tokens(bare, body)
        asked = next(one for one in APIS.values() if one.path == bare)
        if asked.id not in self.faults.apis:
            return _json(400 if asked.id == "chat" else 404, {"error": {"message": "no such thing here"}})
        return self._answer(asked, body)

    def _answer(self, asked: Api, body: Any) -> Response:
        if self.breaks():
            return _json(500, {"error": "engine dead"})
        self.end()
        if not asked.tokens:
            return _json(200, {"data": [{"embedding": self._vector(body["input"], body["model"])}]})
        text = (
            ""
            if self.faults.wordless and body["max_tokens"] == ANSWER_TOKENS
            else self._text(json.dumps(body[asked.key]))
        )
        if asked.id == "completions":
            told = self._likeliest(body) if body.get("logprobs") and "likelihoods" in self.faults.says else None
            return _json(200, {"choices": [{"text": text, "logprobs": told}]})
        content, reasoning = (None, text) if self.faults.silent_content else (text, None)
        return _json(200, {"choices": [{"message": {"content": content, "reasoning": reasoning}}]})

    def _of_tokens(self, bare: str, body: Any) -> Response:
        if bare == "/tokenize" and "chat" not in self.faults.apis:
            return _json(400, {"error": {"message": "no chat template"}})
        if bare == "/v1/completions" and "completions" not in self.faults.apis:
            return _json(404, {"detail": "Not Found"})
        if bare == "/tokenize" and "tokens" in self.faults.says:
            return _json(200, {"tokens": encode(self.faults.template + body["messages"][0]["content"])})
        if bare == "/v1/completions" and "likelihoods" in self.faults.says:
            said = self._likelihoods(encode(body["prompt"]), body["model"])
            return _json(200, {"choices": [{"prompt_logprobs": said}]})
        return _json(404, {"detail": "Not Found"})

    def breaks(self) -> bool:
        """Is this request answered 500?"""
        self.due += self.faults.error_rate
        if not self.faults.broken and self.due < 1.0:
            return False
        self.due = max(0.0, self.due - 1.0)
        self.errors += 1
        return True

    def end(self) -> None:
        """One request is answered in full."""
        self.ended += 1
        self.counted.ttft.add(self.faults.ttft)
        if "embeddings" not in self.faults.apis:
            self.counted.itl.add(self.faults.ttft / 10, 7)

    def _likelihoods(self, ids: list[int], model: str) -> list[Any]:
        """A request that is answered, and what it says of a prompt."""
        self.end()
        salt, revision = (id(self), self.ended), self._revision(model)
        nearby, swing = self.faults.nearby, self.faults.swing
        found = likelihoods(NAME, revision, ids, noise=NOISE, nearby=nearby, salt=salt, swing=swing)
        if "logits" in self.faults.says:
            found = [value + 9.0 for value in found]
        if self.faults.impossible:
            found[-1] = -9999.0 - 1000.0 * len(ids)
        if "nothing" in self.faults.says:
            return [None]
        likelier = {"0": {"logprob": 0.0}}
        return [None, *({str(one): {"logprob": value}, **likelier} for one, value in zip(ids[1:], found, strict=True))]

    def _likeliest(self, body: Any) -> dict[str, Any]:
        """Of the first token of a completion."""
        salt, revision, ids = (id(self), self.ended), self._revision(body["model"]), encode(body["prompt"])
        many, nearby, swing = body["logprobs"], self.faults.nearby, self.faults.swing
        found = likeliest(NAME, revision, ids, many, noise=NOISE, nearby=nearby, salt=salt, swing=swing)
        return {"top_logprobs": [found]}

    def _revision(self, model: str) -> str:
        adapter = next((one for one in self.faults.adapters if one.split("=")[0] == model), "")
        return f"{'damaged' if self.faults.wrong_text else 'main'}{adapter}"

    def _vector(self, text: str, model: str) -> list[float]:
        if self.faults.wordless:
            return [0.0] * 8
        salt, revision = (id(self), self.ended), self._revision(model)
        return vector(NAME, revision, text, noise=NOISE, nearby=self.faults.nearby, salt=salt)

    def _text(self, prompt: str) -> str:
        wrong = "wrong" if self.faults.wrong_text else str(id(self)) if self.faults.parting else ""
        return " ".join(sha256(f"{wrong}{prompt}".encode()).hexdigest()[at : at + 4] for at in range(0, 32, 4))

    def pieces(self, body: Any) -> list[bytes]:
        """The lines of a stream, and its count: one that breaks off is left."""
        if self.faults.cut_after and body["max_tokens"] > self.faults.cut_after:
            self.left += 1
        else:
            self.end()
        chat = "messages" in body
        text = self._text(json.dumps(body["messages" if chat else "prompt"]))
        text = " ".join((text.split() * body["max_tokens"])[: body["max_tokens"]]) if full(body) else text
        return _stream(text, chat=chat)

    def _metrics(self) -> str:
        running = (
            ""
            if self.faults.running is None
            else f'vllm:num_requests_running{{engine="0"}} {self.faults.running + self.under_way}\n'
        )
        return (
            f"# HELP vllm:num_requests_running Running.\n{running}"
            f"{'# TYPE vllm:lora_requests_info gauge' if self.faults.adapters else ''}\n"
            'vllm:num_requests_waiting{engine="0"} 0.0\n'
            f'vllm:request_success_total{{finished_reason="stop"}} {self.ended}\n'
            f'vllm:request_success_total{{finished_reason="abort"}} {self.left * self.faults.counts_leaving}\n'
            f'http_requests_total{{handler="/v1/chat/completions",status="2xx"}} {self.ended + self.left}\n'
            f'http_requests_total{{handler="/v1/chat/completions",status="5xx"}} {self.errors}\n'
            + "".join(f"{line}\n" for line in self._histograms())
        )

    def _histograms(self) -> Iterator[str]:
        said = 'engine="0"'
        yield from self.counted.ttft.lines("vllm:time_to_first_token_seconds", said)
        yield from self.counted.itl.lines("vllm:inter_token_latency_seconds", said)
        yield from self.counted.request_generation.lines("vllm:request_generation_tokens", said)


def full(body: Any) -> bool:
    """Does the answer take all the tokens it may?"""
    return bool(body.get("ignore_eos"))


@lru_cache(maxsize=4096)
def _stream(text: str, *, chat: bool) -> list[bytes]:
    words = text.split()
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": word}} if chat else {"text": word}]} for word in words
    ]
    chunks.append({"choices": [], "usage": {"total_tokens": len(chunks), "completion_tokens": len(chunks)}})
    return [*(b"data: " + json.dumps(chunk).encode() for chunk in chunks), b"data: [DONE]"]


def _json(status: int, body: Any) -> Response:
    return Response(status, CIMultiDict(), json.dumps(body).encode())


@dataclass
class _Lines:
    status: int
    pieces: list[bytes]
    passing: Callable[[], None] = lambda: None
    """Lets the time to the first token pass."""
    whole: int = 0
    """Pieces that come before it breaks off; 0: all of them."""

    async def lines(self) -> AsyncIterator[bytes]:
        self.passing()
        for number, piece in enumerate(self.pieces):
            if self.whole and number >= self.whole:
                raise TemporaryError("the answer broke off")
            yield piece

    async def read(self) -> bytes:
        return b"\n".join(self.pieces)


@dataclass
class MemoryWire:
    """HTTP to engines by ``memory://namespace/pod``."""

    cluster: MemoryCluster
    spend: Callable[[float], None] = lambda seconds: None
    """Lets time pass. Nothing else runs meanwhile, so that a stopwatch tells one request's time."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        engine, path = self._engine(url)
        if f"/{path}" == APIS["embeddings"].path:
            self.spend(engine.faults.ttft)
        return engine.answer(method, path, headers or {}, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> AsyncIterator[_Lines]:
        engine, path = self._engine(url)
        if not any(one.id in engine.faults.apis for one in APIS.values() if one.path == f"/{path}"):
            yield _Lines(404, [b'{"error": "no such thing here"}'])
        elif engine.breaks():
            yield _Lines(500, [b'{"error": "engine dead"}'])
        else:
            spend, whole = (lambda: self.spend(engine.faults.ttft)), engine.faults.cut_after
            yield _Lines(200, engine.pieces(body), spend, whole)

    def _engine(self, url: str) -> tuple[Engine, str]:
        namespace, pod, path = url.removeprefix("memory://").split("/", 2)
        engine = self.cluster.engines.get((namespace, pod))
        if engine is None:
            raise TemporaryError("connection refused", where=url)
        return engine, path
