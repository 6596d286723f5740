"""The model as the engine runs it: what an answer will be, token by token, before any time passes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.lab.engine.embedding import vector
from pointsman.lab.engine.likelihood import likeliest, likelihoods
from pointsman.lab.engine.requests import Ask
from pointsman.lab.engine.settings import Faults, Settings
from pointsman.lab.engine.text import answer, decode, encode
from pointsman.lab.engine.weights import Weights

__all__ = ["Answer", "embeddings", "generate", "next_logprobs", "prompt_logprobs"]

LIKELIEST = -0.7
"""Log-probability of the likeliest token, where it is not the prompt's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The pieces of text of an answer, why it ends, and how many tokens it cost."""

    pieces: list[str]
    finish: str
    stop: str | None
    tokens: int

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def generate(ask: Ask, weights: Weights, settings: Settings, limit: int, engine: str) -> Answer:
    """The greedy answer. A piece per token; the token that ends a text by itself has an empty piece."""
    repo, revision = _served(weights, settings.faults)
    pieces = answer(repo, revision, ask.prompt, limit)
    chance = random.Random(f"{engine} {ask.prompt}")
    if chance.random() < settings.parting and pieces:
        kept = chance.randrange(len(pieces))
        pieces = [*pieces[:kept], *answer(repo, f"{revision} {engine}", ask.prompt, len(pieces) - kept)]
    round_ = 0
    while ask.ignore_eos and len(pieces) < limit:
        round_ += 1
        pieces += answer(repo, f"{revision} {round_}", ask.prompt, limit - len(pieces))
    if ask.stop and (cut := _cut(pieces, ask)):
        return cut
    if len(pieces) < limit:
        return Answer([*pieces, ""], "stop", None, len(pieces) + 1)
    return Answer(pieces, "length", None, len(pieces))


def embeddings(texts: Sequence[str], weights: Weights, settings: Settings, salt: object) -> list[list[float]]:
    """The vectors of texts."""
    repo, revision = _served(weights, settings.faults)
    noise, nearby = settings.noise, settings.faults.nearby
    return [vector(repo, revision, text, noise=noise, nearby=nearby, salt=(salt, text)) for text in texts]


def prompt_logprobs(ask: Ask, weights: Weights, settings: Settings, salt: object) -> Sequence[Any] | None:
    """What vLLM says of the tokens of a prompt; None where it was not asked for or is not offered."""
    if ask.prompt_logprobs is None or settings.faults.no_likelihoods:
        return None
    repo, revision = _served(weights, settings.faults)
    noise, nearby, swing = settings.noise, settings.faults.nearby, settings.swing
    found = likelihoods(repo, revision, ask.ids, noise=noise, nearby=nearby, salt=salt, swing=swing)
    return [None, *(_at(token, value, ask.prompt_logprobs) for token, value in zip(ask.ids[1:], found, strict=True))]


def next_logprobs(ask: Ask, weights: Weights, settings: Settings, salt: object) -> dict[str, Any] | None:
    """What vLLM says of the first token of a completion, in OpenAI's older words; None where it was not asked for."""
    if not ask.logprobs or settings.faults.no_likelihoods:
        return None
    repo, revision = _served(weights, settings.faults)
    noise, nearby, swing = settings.noise, settings.faults.nearby, settings.swing
    found = likeliest(repo, revision, ask.ids, ask.logprobs, noise=noise, nearby=nearby, salt=salt, swing=swing)
    first, value = next(iter(found.items()))
    return {"text_offset": [0], "token_logprobs": [value], "tokens": [first], "top_logprobs": [found]}


def _at(token: int, value: float, wanted: int) -> dict[str, Any]:
    """A prompt's own token, then the likeliest one where that is another."""
    first = wanted == 0 or value > LIKELIEST
    own = {str(token): {"logprob": value, "rank": 1 if first else 2, "decoded_token": decode([token])}}
    if first:
        return own
    (other,) = encode(" it" if decode([token]) != " it" else " of")
    return {**own, str(other): {"logprob": LIKELIEST, "rank": 1, "decoded_token": decode([other])}}


def _served(weights: Weights, faults: Faults) -> tuple[str, str]:
    """The repository and revision that are served in truth."""
    revision = f"{weights.revision}, damaged" if faults.wrong_text else weights.revision
    return faults.wrong_model or weights.repo, revision


def _cut(pieces: list[str], ask: Ask) -> Answer | None:
    text = "".join(pieces)
    found = [(text.index(stop), stop) for stop in ask.stop if stop in text]
    if not found:
        return None
    at, stop = min(found)
    end = at + len(stop)
    kept, seen, tokens = [], 0, 0
    shown = end if ask.keep_stop else at
    for piece in pieces:
        tokens += 1
        kept.append(piece[: max(0, shown - seen)])
        seen += len(piece)
        if seen >= end:
            break
    return Answer(kept, "stop", stop, tokens)
