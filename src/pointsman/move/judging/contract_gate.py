"""The contract gate: what tenants are promised, asked of the target's engines before any tenant reaches them.

Each check has a stable id and gets the engines of both sides. A check returns what it saw, or raises naming
expected and found. The list is data; the order is from cheap to dear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.edge.contract import ShownKey
from pointsman.errors import MoveFailedError, TemporaryError
from pointsman.kube.http import Response
from pointsman.move.judging.imprints import NOTHING, Imprint, imprint_of
from pointsman.move.judging.weights import begin_alike, same_adapters, same_template, same_weights
from pointsman.move.probes.engine import LONG, Engine
from pointsman.spec.model import Model

__all__ = ["CHECKS", "PROMPTS", "Check", "Pair", "Reference", "reference_of"]

PROMPTS = (
    "Name three parts of a railway signal.",
    "Write one sentence about a bridge at night.",
    "What is seventeen plus twenty-five? Answer with the number only.",
    "Translate to French: the train leaves at noon.",
)
ANSWER_TOKENS = 20
MOST_TOKENS = 4096
"""Tokens of the longest stream that is asked for."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What an engine of the source answers, to compare others with."""

    max_model_len: int
    answers: tuple[str, ...]
    """To ``PROMPTS``, in their order."""
    longest: int = 0
    """Tokens that hardly an answer of the engine that was asked exceeded so far, by its buckets; 0: not known."""
    imprint: Imprint = NOTHING

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "maxModelLen": self.max_model_len,
            "answers": list(self.answers),
            "longest": self.longest,
            "imprint": self.imprint.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reference:
        """As ``as_dict`` wrote it."""
        return cls(
            int(data["maxModelLen"]),
            tuple(data["answers"]),
            int(data.get("longest", 0)),
            Imprint.from_dict(data.get("imprint", {})),
        )


async def reference_of(model: Model, engine: Engine) -> Reference:
    """Ask an engine of the source; raises MoveFailedError when it does not know the served name."""
    card, *answers = await asyncio.gather(
        engine.models(), *(engine.ask(prompt, max_tokens=ANSWER_TOKENS) for prompt in PROMPTS)
    )
    found = _card(card, model.spec.served_model_name, "context-length")
    longest, imprint = await engine.longest_answer(), await imprint_of(engine, halves=True)
    return Reference(int(found.get("max_model_len") or 0), tuple(engine.said(one) for one in answers), longest, imprint)


@dataclass(frozen=True, slots=True)
class Pair:
    """One engine of the target, what the source answered, and what was promised."""

    model: Model
    target: Engine
    source: Reference | None
    """None when there is no source to compare with: a model that is brought up for the first time."""
    shown: Sequence[ShownKey] = ()
    """The keys that the edge will show it."""
    imprint: Imprint = NOTHING
    """The target's."""

    @property
    def quantised(self) -> bool:
        """May one of both serve its weights in fewer bits?"""
        return self.model.spec.contract.weights == "quantised"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise."""

    id: str
    promise: str
    run: Callable[[Pair], Awaitable[str]]
    long: bool = False
    """It takes as long as tenants' longest requests, so it comes after the others."""


def _fail(check: str, what: str) -> MoveFailedError:
    return MoveFailedError(what, next_action="compare the target's engine arguments with the spec", code=check)


def _card(answer: Response, name: str, check: str) -> dict[str, Any]:
    """The entry of the served name in ``/v1/models``."""
    if answer.status != 200:
        raise _fail(check, f"/v1/models answers {answer.status} to the right key: {answer.text[:160]}")
    try:
        listed = {str(card["id"]): dict(card) for card in answer.json()["data"]}
    except (ValueError, KeyError, TypeError) as error:
        raise _fail(check, f"/v1/models cannot be read: {answer.text[:160]}") from error
    if name not in listed:
        raise _fail(check, f"serves {', '.join(sorted(listed)) or 'nothing'}, promised is {name}")
    return listed[name]


async def _served_name(pair: Pair) -> str:
    name = pair.model.spec.served_model_name
    _card(await pair.target.models(), name, "served-name")
    return name


async def _context_length(pair: Pair) -> str:
    name, promised = pair.model.spec.served_model_name, pair.model.spec.contract.max_model_len
    found = int(_card(await pair.target.models(), name, "context-length").get("max_model_len") or 0)
    if found < promised:
        raise _fail("context-length", f"takes {found} tokens, promised are {promised}")
    if pair.source is not None:
        before = pair.source.max_model_len
        if found < before:
            raise _fail("context-length", f"takes {found} tokens, the source takes {before}")
    return f"{found} tokens"


async def _refuses(pair: Pair, check: str, key: str, what: str) -> str:
    if pair.model.spec.contract.auth is None:
        return "not promised: whoever reaches the engine is answered (spec.contract.auth: none)"
    answers = [await pair.target.models(key=key), await pair.target.ask(PROMPTS[0], max_tokens=1, key=key)]
    for answer in answers:
        if answer.status != 401:
            raise _fail(check, f"answers {answer.status} to a request with {what}, promised is 401")
    return "401"


async def _no_key(pair: Pair) -> str:
    return await _refuses(pair, "no-key-refused", "", "no key")


async def _wrong_key(pair: Pair) -> str:
    return await _refuses(pair, "wrong-key-refused", "not-the-key", "a wrong key")


async def _key_accepted(pair: Pair) -> str:
    answer = await pair.target.ask(PROMPTS[0], max_tokens=1)
    if answer.status != 200:
        raise _fail("key-accepted", f"answers {answer.status} to the right key: {answer.text[:160]}")
    return "200"


async def _edge_key(pair: Pair) -> str:
    """Tenants come with the edge's key, not with the one of the spec."""
    if pair.model.spec.contract.auth is None:
        return "not promised"
    unknown = [f"{one.alias}: {one.why}" for one in pair.shown if one.value is None]
    for one in pair.shown:
        if one.value is not None and (answer := await pair.target.models(key=one.value)).status != 200:
            raise MoveFailedError(
                f"answers {answer.status} to the key that the edge shows for {one.alias}",
                next_action="let the edge's entry show the engine's key (spec.tenant.upstreamKey, or its Secret)",
            )
    return f"not known of {'; '.join(unknown)}" if unknown else "200"


async def _streaming(pair: Pair) -> str:
    if not pair.model.spec.contract.streaming:
        return "not promised"
    if not pair.target.api.tokens:
        return "a vector is no stream"
    seen = await pair.target.stream(PROMPTS[1], max_tokens=ANSWER_TOKENS)
    if seen.status != 200:
        raise _fail("streaming", f"answers a stream with {seen.status}")
    missing = [name for name, there in (("[DONE]", seen.done), ("usage", seen.usage), ("text", seen.text)) if not there]
    if missing:
        raise _fail("streaming", f"a stream ends without {' and '.join(missing)}")
    if seen.chunks < 2:
        raise _fail("streaming", f"a stream came in {seen.chunks} piece: something in between collects it")
    return f"{seen.chunks} pieces"


async def _long_stream(pair: Pair) -> str:
    """What cuts streams at some time lets short ones pass, and tenants' long ones would be the first to meet it."""
    tokens = min(pair.source.longest if pair.source else 0, MOST_TOKENS, pair.model.spec.contract.max_model_len // 2)
    if tokens <= ANSWER_TOKENS or not pair.model.spec.contract.streaming or not pair.target.api.tokens:
        return "no long ones are known"
    told = f"a stream of {tokens} tokens, which the source's longest answers take,"
    try:
        seen = await pair.target.long_stream(PROMPTS[1], tokens)
    except TemporaryError as error:
        raise _fail("long-stream", f"{told} breaks off: {error.what}") from error
    if seen.late and seen.chunks:
        return f"{seen.chunks} pieces of {tokens} tokens, and still coming after {LONG:g} s"
    if not seen.done:
        raise _fail("long-stream", f"{told} ends without [DONE] (status {seen.status}, {seen.chunks} pieces)")
    if seen.tokens < tokens:
        raise _fail("long-stream", f"{told} ends after {seen.tokens}")
    return f"{tokens} tokens"


async def _template(pair: Pair) -> str:
    if pair.source is None:
        return "no source to compare with"
    if pair.target.api.id != "chat":
        return f"tenants ask for {pair.target.api.id}, and no template comes into it"
    return same_template(pair.imprint, pair.source.imprint)


async def _adapters(pair: Pair) -> str:
    if pair.source is None:
        return "no source to compare with"
    return same_adapters(pair.imprint, pair.source.imprint, quantised=pair.quantised)


async def _weights(pair: Pair) -> str:
    if pair.source is None:
        return "no source to compare with"
    mine, theirs = pair.imprint, pair.source.imprint
    if told := same_weights(mine, theirs, quantised=pair.quantised):
        return told
    why = mine.why or f"on the source {theirs.why}"
    if not pair.target.api.tokens:
        raise MoveFailedError(
            f"nothing was compared: {why}", next_action="look at the engine's log, and at spec.contract.api"
        )
    answers = await asyncio.gather(*(pair.target.ask(prompt, max_tokens=ANSWER_TOKENS) for prompt in PROMPTS))
    return begin_alike([pair.target.said(one) for one in answers], pair.source.answers, why)


CHECKS: tuple[Check, ...] = (
    Check("served-name", "the served name is in /v1/models", _served_name),
    Check("context-length", "the context is as long as promised and as on the source", _context_length),
    Check("no-key-refused", "a request without a key is refused", _no_key),
    Check("wrong-key-refused", "a request with a wrong key is refused", _wrong_key),
    Check("key-accepted", "a request with the key is answered", _key_accepted),
    Check("edge-key", "the key that the edge shows is taken", _edge_key),
    Check("streaming", "a stream comes in pieces and ends with usage and [DONE]", _streaming),
    Check("template", "a conversation becomes the same tokens as on the source", _template),
    Check("weights", "given tokens are as likely as on the source", _weights),
    Check("adapters", "the source's LoRA adapters are served, and are the same", _adapters),
    Check("long-stream", "a stream as long as the source's longest answers comes whole", _long_stream, long=True),
)
