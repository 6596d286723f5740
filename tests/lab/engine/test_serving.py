"""What a client sees of a simulated engine that is up."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import fmean

import pytest
import pytest_asyncio
from aiohttp import ClientError

from tests.lab.engine.process import MODEL, Running, chat, engine, pieces, said, until

KEY = {"Authorization": "Bearer secret"}
ANSWERED = 'http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"}'


@pytest_asyncio.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    words = ("--served-model-name", "qwen", "publishers/llm-d/models/qwen", "--max-model-len", "256")
    async with engine(tmp_path_factory.mktemp("engine"), *words, env={"VLLM_API_KEY": "secret"}) as running:
        yield running


async def test_models_lists_every_served_name_and_the_context(served: Running) -> None:
    status, body = await served.get("/v1/models", KEY)
    assert status == 200
    assert [card["id"] for card in body["data"]] == ["qwen", "publishers/llm-d/models/qwen"]
    assert {(card["max_model_len"], card["root"]) for card in body["data"]} == {(256, MODEL)}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
async def test_v1_without_the_right_key_is_unauthorized(served: Running, headers: dict[str, str]) -> None:
    assert await served.post("/v1/chat/completions", chat(), headers) == (401, {"error": "Unauthorized"})


async def test_health_version_and_metrics_need_no_key(served: Running) -> None:
    assert [await served.status(path) for path in ("/health", "/ping", "/version", "/metrics")] == [200] * 4


async def test_a_stream_says_what_the_whole_answer_says(served: Running) -> None:
    ask = chat(model="qwen", max_tokens=20)
    _, whole = await served.post("/v1/chat/completions", ask, KEY)
    events = await served.events("/v1/chat/completions", ask | {"stream_options": {"include_usage": True}}, KEY)
    assert "".join(pieces(events)) == said(whole)
    first, *_, ending, counts, done = events
    assert done == "[DONE]"
    assert json.loads(first)["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert json.loads(ending)["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == "length"
    assert json.loads(counts)["usage"] | {"prompt_tokens_details": None} == whole["usage"]
    assert len(events) == 20 + 3
    assert {json.loads(event)["model"] for event in events[:-1]} == {"qwen"}
    assert len({json.loads(event)["id"] for event in events[:-1]}) == 1


async def test_plain_completions_stream_too(served: Running) -> None:
    ask = {"model": "qwen", "prompt": "The night train", "max_tokens": 8}
    _, whole = await served.post("/v1/completions", ask, KEY)
    *events, done = await served.events("/v1/completions", ask, KEY)
    assert done == "[DONE]"
    assert "".join(json.loads(event)["choices"][0]["text"] for event in events) == whole["choices"][0]["text"]
    assert whole["object"] == "text_completion"


async def likelihoods(running: Running, prompt: object, key: dict[str, str] = KEY, **more: object) -> dict[str, object]:
    ask = {"prompt": prompt, "max_tokens": 1, "prompt_logprobs": 0} | more
    status, body = await running.post("/v1/completions", ask, key)
    assert status == 200, body
    first, *rest = body["choices"][0]["prompt_logprobs"]
    assert first is None
    return {token: said["logprob"] for one in rest for token, said in list(one.items())[:1]}


def apart(one: dict[str, object], other: dict[str, object]) -> float:
    assert list(one) == list(other)
    return fmean(abs(one[token] - other[token]) for token in one)  # type: ignore[operator]


PROSE = " ".join(f"{number} trains leave the yard {number} times a day." for number in range(20))


async def test_log_probabilities_of_a_prompt_are_of_its_own_tokens(served: Running) -> None:
    _, tokens = await served.post("/tokenize", {"prompt": "The night train leaves"}, KEY)
    by_text = await likelihoods(served, "The night train leaves")
    by_ids = await likelihoods(served, tokens["tokens"])
    assert list(by_text) == list(by_ids) == [str(one) for one in tokens["tokens"][1:]]
    assert all(value <= 0 for value in by_text.values())  # type: ignore[operator]


async def test_the_likeliest_token_stands_behind_the_prompts_own(served: Running) -> None:
    ask = {"prompt": PROSE[:200], "max_tokens": 1, "prompt_logprobs": 1}
    _, body = await served.post("/v1/completions", ask, KEY)
    places = body["choices"][0]["prompt_logprobs"][1:]
    assert {len(one) for one in places} == {1, 2}
    for one in places:
        own, *other = one.values()
        assert own["rank"] == 1 + len(other)
        assert all(likelier["rank"] == 1 and likelier["logprob"] > own["logprob"] for likelier in other)


async def test_nothing_is_said_of_a_prompt_unless_it_is_asked_for(served: Running) -> None:
    _, body = await served.post("/v1/completions", {"prompt": "The night train", "max_tokens": 1}, KEY)
    assert body["choices"][0]["prompt_logprobs"] is None
    ask = chat(max_tokens=1, prompt_logprobs=1)
    _, whole = await served.post("/v1/chat/completions", ask, KEY)
    assert len(whole["prompt_logprobs"]) == whole["usage"]["prompt_tokens"]
    status, refused = await served.post("/v1/completions", {"prompt": "x", "stream": True, "prompt_logprobs": 1}, KEY)
    assert (status, "not available when `stream=True`" in refused["error"]["message"]) == (400, True)


async def test_no_engine_is_exact_and_other_weights_are_further_off(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"noise": 0.027}) as running:
        first = await likelihoods(running, PROSE, {})
        assert 0.02 < apart(first, await likelihoods(running, PROSE, {})) < 0.08

        async def under(**settings: object) -> dict[str, object]:
            before = running.log.count("settings changed")
            running.settings(**settings)
            await until(lambda: running.log.count("settings changed") > before, "settings read")
            return await likelihoods(running, PROSE, {})

        assert 0.12 < apart(first, await under(faults={"nearby": 0.18})) < 0.3
        assert apart(first, await under(faults={"wrong_model": "other/weights"})) > 1
        before = running.log.count("settings changed")
        running.settings(faults={"no_likelihoods": True})
        await until(lambda: running.log.count("settings changed") > before, "settings read")
        _, body = await running.post("/v1/completions", {"prompt": "x y", "prompt_logprobs": 0})
        assert body["choices"][0]["prompt_logprobs"] is None


async def test_lora_adapters_are_served_beside_their_model(tmp_path: Path) -> None:
    modules = ("--enable-lora", "--lora-modules", "law=/adapters/law", '{"name": "tax", "path": "/adapters/tax"}')
    async with engine(tmp_path, "--served-model-name", "qwen", *modules) as running:
        _, listed = await running.get("/v1/models")
        cards = {card["id"]: (card["parent"], card["root"]) for card in listed["data"]}
        assert cards == {"qwen": (None, MODEL), "law": ("qwen", "/adapters/law"), "tax": ("qwen", "/adapters/tax")}
        plain, law, tax = [await likelihoods(running, PROSE, {}, model=name) for name in cards]
        assert min(apart(plain, law), apart(plain, tax), apart(law, tax)) > 0.1
        assert apart(law, await likelihoods(running, PROSE, {}, model="law")) < 0.1
        status, _ = await running.post("/v1/completions", {"prompt": "x", "model": "wine"})
        assert status == 404
        _, body = await running.post("/v1/chat/completions", chat(model="law", max_tokens=1))
        assert body["model"] == "law"


async def test_with_adapters_it_dies_of_the_log_probabilities_of_a_prompt_beside_others(tmp_path: Path) -> None:
    """As vLLM 0.32 does: ``einsum(): subscript b has size 4 for operand 1`` in the worker, and the engine is gone."""
    async with engine(tmp_path, "--enable-lora", settings={"itl": 0.2}) as running:
        async with running.session.get(running.url + "/metrics") as answer:
            assert "vllm:lora_requests_info" in await answer.text()
        assert len(await likelihoods(running, PROSE[:80], {})) > 5
        tenant = asyncio.create_task(running.post("/v1/chat/completions", chat()))
        await running.becomes("vllm:num_requests_running", 1)
        with pytest.raises(ClientError):
            await likelihoods(running, PROSE[:80], {})
        assert await running.ended() == 1
        with pytest.raises(ClientError):
            await tenant


async def test_the_likeliest_tokens_after_a_text_are_named(served: Running) -> None:
    ask = {"prompt": "The night train", "max_tokens": 1, "logprobs": 10}
    _, body = await served.post("/v1/completions", ask, KEY)
    (told,) = body["choices"][0]["logprobs"]["top_logprobs"]
    assert len(told) == 10
    assert list(told.values()) == sorted(told.values(), reverse=True)
    async with served.session.get(served.url + "/metrics") as answer:
        assert "vllm:lora_requests_info" not in await answer.text()


async def test_greedy_answers_of_two_engines_may_part(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        engine(tmp_path / "one", settings={"parting": 1.0}) as one,
        engine(tmp_path / "two", settings={"parting": 1.0}) as two,
    ):
        answers = [said((await running.post("/v1/chat/completions", chat()))[1]) for running in (one, one, two)]
        assert answers[0] == answers[1] != answers[2]


async def test_a_model_that_reasons_may_have_no_content(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"reasoning": True}) as running:
        _, whole = await running.post("/v1/chat/completions", chat(max_tokens=8))
        message = whole["choices"][0]["message"]
        assert message["content"] is None
        events = await running.events("/v1/chat/completions", chat(max_tokens=8))
        deltas = [json.loads(event)["choices"][0]["delta"] for event in events[1:-1]]
        assert "".join(one["reasoning"] for one in deltas) == message["reasoning"] != ""


async def test_answers_do_not_depend_on_name_or_temperature(served: Running) -> None:
    bodies = [chat(model="qwen"), chat(model="publishers/llm-d/models/qwen", temperature=1.3), chat()]
    answers = [await served.post("/v1/chat/completions", body, KEY) for body in bodies]
    assert len({said(body) for _, body in answers}) == 1
    assert answers[0][1]["choices"][0]["finish_reason"] == "stop"


async def test_an_answer_ends_at_a_stop_string(served: Running) -> None:
    _, whole = await served.post("/v1/chat/completions", chat(), KEY)
    word = said(whole).split()[5]
    _, cut = await served.post("/v1/chat/completions", chat(stop=[word]), KEY)
    events = await served.events("/v1/chat/completions", chat(stop=word), KEY)
    assert said(cut) == said(whole)[: said(whole).index(word)] == "".join(pieces(events))
    assert (cut["choices"][0]["finish_reason"], cut["choices"][0]["stop_reason"]) == ("stop", word)


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "text"),
    [
        ("/v1/chat/completions", chat(model="other"), 404, "NotFoundError", "The model `other` does not exist."),
        ("/v1/chat/completions", chat("word " * 300), 400, "BadRequestError", "maximum context length is 256 tokens"),
        ("/v1/chat/completions", chat(max_tokens=250), 400, "BadRequestError", "However, you requested 250 output"),
        ("/v1/chat/completions", {"model": "qwen"}, 400, "Bad Request", "'loc': ('body', 'messages')"),
        ("/v1/chat/completions", chat(stream="maybe"), 400, "Bad Request", "valid boolean"),
        ("/v1/chat/completions", chat(max_tokens=0), 400, "BadRequestError", "must be at least 1"),
        ("/v1/completions", {"model": "qwen"}, 400, "Bad Request", "Either prompt or prompt_embeds"),
        ("/v1/nothing", {}, 404, "Not Found", "Not Found"),
    ],
)
async def test_a_wrong_request_gets_an_error_in_the_shape_of_vllm(
    served: Running, path: str, body: dict[str, object], status: int, kind: str, text: str
) -> None:
    answered, said_ = await served.post(path, body, KEY)
    error = said_["error"]
    assert (answered, error["code"], error["type"]) == (status, status, kind)
    assert text in error["message"]


async def test_a_body_that_is_no_json_is_a_bad_request(served: Running) -> None:
    headers = KEY | {"Content-Type": "application/json"}
    async with served.session.post(served.url + "/v1/completions", data=b"{", headers=headers) as answer:
        assert answer.status == 400
        assert "JSON decode error" in (await answer.json())["error"]["message"]


async def test_tokenize_and_detokenize_are_inverse(served: Running) -> None:
    text = "Zürich, then the 7:15 — and back?"
    _, ids = await served.post("/tokenize", {"prompt": text})
    assert ids["count"] == len(ids["tokens"])
    assert ids["max_model_len"] == 256
    assert await served.post("/detokenize", {"tokens": ids["tokens"]}) == (200, {"prompt": text})


async def test_every_full_answer_is_counted_once_and_by_reason(served: Running) -> None:
    before = await served.metrics()
    asks = [chat(f"question {number}", max_tokens=5 if number % 2 else 150) for number in range(10)]
    whole = (served.post("/v1/chat/completions", ask, KEY) for ask in asks)
    streams = (served.events("/v1/chat/completions", ask, KEY) for ask in asks)
    await asyncio.gather(*whole, *streams)
    after = await served.metrics()
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown['vllm:request_success_total{finished_reason="length"}'] == 10
    assert grown['vllm:request_success_total{finished_reason="stop"}'] == 10
    assert grown['vllm:request_success_total{finished_reason="abort"}'] == 0
    assert grown['http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"}'] == 20
    assert grown["vllm:time_to_first_token_seconds_count"] == grown["vllm:e2e_request_latency_seconds_count"] == 20
    assert grown["vllm:generation_tokens_total"] == grown["vllm:request_generation_tokens_sum"]
    assert after["vllm:num_requests_running"] == after["vllm:num_requests_waiting"] == 0
    assert after["vllm:kv_cache_usage_perc"] == 0


async def test_a_client_that_hangs_up_is_an_answer_that_nothing_finished_and_frees_its_place(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"itl": 0.2}) as running:
        for left, streamed in enumerate((True, False), 1):
            ask = asyncio.create_task(running.post("/v1/chat/completions", chat(stream=streamed)))
            await running.becomes("vllm:num_requests_running", 1)
            ask.cancel()
            await running.becomes("vllm:num_requests_running", 0)
            await running.becomes(ANSWERED, left)
            assert [await running.finished(reason) for reason in ("stop", "length", "abort", "error")] == [0] * 4


async def test_requests_beyond_the_concurrency_wait_in_line(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"concurrency": 2, "ttft": 0.3}) as running:
        asks = [asyncio.create_task(running.post("/v1/chat/completions", chat(max_tokens=1))) for _ in range(6)]
        await running.becomes("vllm:num_requests_waiting", 4)
        assert (await running.metrics())["vllm:num_requests_running"] == 2
        asks[-1].cancel()
        await running.becomes("vllm:num_requests_waiting", 3)
        assert [status for status, _ in await asyncio.gather(*asks[:-1])] == [200] * 5
        assert await running.finished("length") == 5
        assert await running.finished("abort") == 0
        await running.becomes(ANSWERED, 6)


async def test_a_known_prompt_starts_sooner(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"ttft": 0.2}) as running:
        ask = chat("a long question about trains " * 20, max_tokens=1)
        await running.post("/v1/chat/completions", ask)
        first = (await running.metrics())["vllm:time_to_first_token_seconds_sum"]
        await running.post("/v1/chat/completions", ask)
        second = (await running.metrics())["vllm:time_to_first_token_seconds_sum"] - first
        assert second < 0.5 * first
        assert (await running.metrics())["vllm:prefix_cache_hits_total"] > 0


async def test_an_embedding_model_gives_vectors_and_nothing_else(tmp_path: Path) -> None:
    async with engine(tmp_path, "--runner=pooling", settings={"noise": 0.027}) as running:
        ask = {"input": ["The night train", "A bridge"], "model": MODEL}
        status, body = await running.post("/v1/embeddings", ask)
        assert status == 200
        assert [one["index"] for one in body["data"]] == [0, 1]
        _, packed = await running.post("/v1/embeddings", {**ask, "encoding_format": "base64"})
        numbers = struct.unpack("<96f", base64.b64decode(packed["data"][0]["embedding"]))
        far = sum((one - other) ** 2 for one, other in zip(numbers, body["data"][0]["embedding"], strict=True)) ** 0.5
        assert 0 < far < 0.1
        assert [(await running.post(path, chat()))[0] for path in ("/v1/chat/completions", "/v1/completions")] == [
            404
        ] * 2
        assert (await running.post("/v1/embeddings", {"input": 7, "model": MODEL}))[0] == 400


async def test_a_base_model_takes_no_chat(tmp_path: Path) -> None:
    async with engine(tmp_path, settings={"base": True}) as running:
        status, body = await running.post("/v1/chat/completions", chat())
        assert (status, "you must provide a chat template" in body["error"]["message"]) == (400, True)
        assert (await running.post("/v1/completions", {"prompt": "The night train", "max_tokens": 4}))[0] == 200
