"""The two completion routes: refuse, wait, generate, write.

An answer is counted as given before its last bytes leave, so that whoever has read an answer finds it in the
counters; and only if the client is still there, so that the counters never say more than the clients got.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from pointsman.lab.engine.embedding import reply, texts_of
from pointsman.lab.engine.engine import Engine, Run, crash
from pointsman.lab.engine.model import embeddings, next_logprobs, prompt_logprobs
from pointsman.lab.engine.replies import DONE, Reply, dumps, error, usage
from pointsman.lab.engine.requests import Ask, BadRequestError, parse_ask, parse_body

__all__ = ["complete", "embed"]

NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the "
    "tokenizer does not define one."
)
"""What vLLM says to a chat with a base model."""
_SSE = {"Content-Type": "text/event-stream; charset=utf-8"}


async def complete(engine: Engine, request: web.BaseRequest, *, chat: bool) -> web.StreamResponse:
    """Answer a completion request, chat or plain, streamed or whole."""
    try:
        body = parse_body(await request.content.read(), request.headers.get("Content-Type", ""))
        if chat and engine.settings.base:
            raise BadRequestError(NO_TEMPLATE)
        ask = parse_ask(body, chat=chat)
        if refusal := _refuse(engine, ask):
            return refusal
        limit = ask.limit(engine.max_model_len(engine.settings))
    except BadRequestError as problem:
        return _answer(400, error(400, str(problem), problem.kind, problem.param))
    name = ask.model if ask.model and ask.model in engine.arguments.adapters else engine.names(engine.settings)[0]
    kind = "chatcmpl" if chat else "cmpl"
    number = request.headers.get("X-Request-Id") or uuid.uuid4().hex
    reasoning = chat and engine.settings.reasoning
    reply = Reply(chat, f"{kind}-{number}", int(time.time()), name, engine.fingerprint, reasoning)
    if ask.stream:
        return await _stream(engine, request, ask, limit, reply)
    return await _whole(engine, request, ask, limit, reply)


async def embed(engine: Engine, request: web.BaseRequest) -> web.StreamResponse:
    """Answer a request for vectors."""
    try:
        body = parse_body(await request.content.read(), request.headers.get("Content-Type", ""))
        texts = texts_of(body)
        ask = parse_ask({"model": body.get("model"), "prompt": "\n".join(texts), "max_tokens": 1}, chat=False)
        if refusal := _refuse(engine, ask):
            return refusal
        ask.limit(engine.max_model_len(engine.settings))
    except BadRequestError as problem:
        return _answer(400, error(400, str(problem), problem.kind, problem.param))
    async with engine.run(request, ask, 1) as run:
        await asyncio.sleep(run.started + run.first_token_after - time.monotonic())
        engine.count(run)
    vectors = embeddings(texts, engine.weights_of(ask.model), engine.settings, (engine.salt, engine.answered))
    return _answer(200, reply(body, engine.names(engine.settings)[0], vectors, len(ask.ids)))


def _refuse(engine: Engine, ask: Ask) -> web.Response | None:
    settings = engine.settings
    faults = settings.faults
    if ask.model not in (None, *engine.names(settings), *engine.arguments.adapters):
        text = f"The model `{ask.model}` does not exist."
        return _answer(404, error(404, text, "NotFoundError", "model"))
    if engine.draining:
        return _answer(503, error(503, "The server is shutting down.", "ServiceUnavailableError"))
    if faults.never_ready or (faults.ready_too_early and not engine.warm):
        return _answer(503, error(503, "The engine is not ready.", "ServiceUnavailableError"))
    if faults.crash_after_requests and engine.answered >= faults.crash_after_requests:
        crash()
    engine.errors_due += faults.error_rate
    if engine.errors_due >= 1.0 - 1e-9:
        engine.errors_due -= 1.0
        return _answer(500, error(500, "EngineCore encountered an issue.", "InternalServerError"))
    return None


async def _whole(engine: Engine, request: web.BaseRequest, ask: Ask, limit: int, reply: Reply) -> web.StreamResponse:
    async with engine.run(request, ask, limit) as run:
        settings = engine.settings
        if ask.prompt_logprobs is not None and engine.arguments.lora and engine.metrics.running > 1:
            crash()  # as vLLM 0.32 does: rows of logits for a prompt, and an adapter for each request
        pause = settings.itl * settings.faults.slow * (run.answer.tokens - 1)
        await asyncio.sleep(run.started + run.first_token_after + pause - time.monotonic())
        engine.count(run)
    answer, counts = run.answer, usage(len(ask.ids), run.answer.tokens)
    asked = ask, engine.weights_of(ask.model), engine.settings, (engine.salt, engine.answered)
    told, likeliest = prompt_logprobs(*asked), next_logprobs(*asked)
    body = reply.whole(answer.text, answer.finish, answer.stop, counts, told, likeliest)
    return _answer(200, body | {"kv_transfer_params": engine.handover(ask)})


async def _stream(engine: Engine, request: web.BaseRequest, ask: Ask, limit: int, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(headers=_SSE)
    response.enable_chunked_encoding()
    await response.prepare(request)
    async with engine.run(request, ask, limit) as run:
        await _tokens(engine, run, reply, response)
        ending = _ending(run, reply)
        engine.count(run)
    await response.write(ending)
    await response.write_eof()
    return response


async def _tokens(engine: Engine, run: Run, reply: Reply, response: web.StreamResponse) -> None:
    before, after = reply.middle()
    due = run.started + run.first_token_after
    opening = reply.first()
    for piece in run.answer.pieces[:-1]:
        await _until(engine, run, due)
        run.made += 1
        engine.metrics.generation_tokens += 1
        tail = _continuous(run, after) if run.ask.continuous_usage else after
        await response.write(opening + before + dumps(piece).encode() + tail)
        opening = b""
        due += engine.settings.itl * engine.settings.faults.slow
    await _until(engine, run, due)
    if opening:
        await response.write(opening)


async def _until(engine: Engine, run: Run, due: float) -> None:
    now = time.monotonic()
    cut = engine.settings.faults.cut_stream_after
    if cut and now - run.started >= cut:
        run.cut()
    await asyncio.sleep(due - now)


def _continuous(run: Run, after: bytes) -> bytes:
    counts: Mapping[str, Any] = usage(len(run.ask.ids), run.made)
    return after[:-3] + b',"usage":' + dumps(counts).encode() + after[-3:]


def _ending(run: Run, reply: Reply) -> bytes:
    answer, ask = run.answer, run.ask
    ending = reply.last(answer.pieces[-1], answer.finish, answer.stop, stamp=not ask.include_usage)
    if ask.include_usage:
        ending += reply.counts(usage(len(ask.ids), answer.tokens))
    return ending + DONE


def _answer(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=dumps(body).encode(), content_type="application/json")
