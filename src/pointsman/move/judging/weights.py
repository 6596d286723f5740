"""Are the weights the same? Not asked by words: honest engines part in them, and other weights may begin alike.

An engine says how likely it finds given tokens (``prompt_logprobs``). Precision, parallelism, kernels and the batch
move these log-probabilities a little; other weights move them by more. What the chat template makes of a conversation
is a list of tokens, and equal or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import zip_longest
from math import sqrt
from random import Random
from statistics import fmean
from typing import Any, TypeVar

from pointsman.errors import MoveFailedError
from pointsman.move.probes.engine import Engine

__all__ = [
    "APART",
    "NOTHING",
    "PASSAGES",
    "Imprint",
    "begin_alike",
    "distance",
    "imprint_of",
    "same_adapters",
    "same_template",
    "same_weights",
    "turned",
]

T = TypeVar("T")

PASSAGES = (
    "The signal box stands at the end of the yard, and from its window the pointsman sees every track that leads into "
    "the station. At six he writes the number of the first train into his book, pulls two levers, and waits until the "
    "needle on the wall has come to rest.",
    "def shares(total: int, parts: int) -> list[int]:\n    whole, rest = divmod(total, parts)\n    return [whole + 1] "
    "* rest + [whole] * (parts - rest)\n\n\nassert sum(shares(17, 5)) == 17\nassert shares(6, 3) == [2, 2, 2]\n",
    'Answer with JSON only. {"city": "Lisbon", "country": "Portugal", "population": 545796, "rivers": ["Tagus"], '
    '"founded": null, "coast": true, "neighbours": [{"city": "Almada", "km": 8.1}, {"city": "Sintra", "km": 24}]}',
    "Il pleuvait depuis le matin. Le chef de gare regarda l'horloge, puis le quai vide, et dit à voix basse que le "
    "dernier train ne viendrait plus ce soir. Personne ne lui répondit, sauf le vent dans les arbres.",
    "Question: A train leaves at 14:35 and needs 2 hours and 50 minutes. When does it arrive? Answer: 14:35 plus two "
    "hours is 16:35, and 50 minutes more make 17:25. It arrives at 17:25. Check: from 17:25 back to 14:35 are 170 "
    "minutes.",
    "In 1825 the first public railway that used steam engines was opened between Stockton and Darlington. Within "
    "thirty years Britain had more than ten thousand kilometres of track, and the time of day had to be "
    "the same everywhere.",
    "| layer | replicas | GPUs |\n|---|---:|---:|\n| raw | 2 | 4 |\n| kserve | 1 | 2 |\n| llm-d | 3 | 6 |\n\nThe table "
    "lists three layers. Together they have six replicas on twelve GPUs; llm-d has half of both.",
    "Water boils at a lower temperature on a mountain because the air presses less on its surface. That is why an egg "
    "needs more time there, although the pot steams just as much, and why a lid with a weight on it helps the cook.",
)
"""Prose, code, JSON, another language, reckoning, a table: kernels that are off are seldom off for all of them."""

APART = 0.06
"""Mean distance of log-probabilities in nats, from which on the weights are others.

Measured with vLLM 0.32 on a CPU, SmolLM2-135M, 566 tokens (``make real-fingerprint``, ADR 35): precisions, batches,
load and ranks are at most 0.041 apart; ten steps of training 0.083, every weight off by 1 % 0.091, by 2 % 0.19, one
random matrix 0.57, 4 bits 0.89. 8 bits are 0.045 to 0.059 off."""
FEWER = 1.2
"""The same where one layer may serve the weights quantised: above what 4 bits do to a model of 135M parameters."""
TURNED, FEWER_TURNED = 0.1, 0.5
"""Distance of vectors whose length is 1, likewise; bfloat16 turns those of SmolLM2's last token by 0.013 (torch)."""
SHADOW = 64
"""Numbers that are kept of a vector."""
FARTHEST = 10.0
"""A single token counts for no more: engines write log-probabilities of 0 as -9999."""
ADAPTERS = 32
"""LoRA adapters of one engine that are compared; that others are there is seen all the same."""
BEGIN = 3
"""Words of an answer that count as its beginning."""


@dataclass(frozen=True, slots=True)
class Imprint:
    """What an engine makes of ``PASSAGES``."""

    templates: tuple[str, ...] = ()
    """A digest of each one's tokens as a conversation; empty where the engine does not say."""
    tokens: tuple[str, ...] = ()
    """A digest of each one's tokens as plain text; empty as well."""
    likelihoods: tuple[tuple[float, ...], ...] = ()
    """Log-probabilities of the tokens of each, without the first one's; empty as well."""
    vectors: tuple[tuple[float, ...], ...] = ()
    """Of an embedding model: what is left of the vector of each (``_shadow``); empty as well."""
    why: str = ""
    """Why it says neither log-probabilities nor vectors."""
    adapters: Mapping[str, Imprint] = field(default_factory=dict)
    """Of each LoRA adapter that it serves, by name; conversations are not asked of them."""

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "templates": list(self.templates),
            "tokens": list(self.tokens),
            "likelihoods": [[round(value, 4) for value in one] for one in self.likelihoods],
            "vectors": [[round(value, 5) for value in one] for one in self.vectors],
            "why": self.why,
            "adapters": {name: one.as_dict() for name, one in self.adapters.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Imprint:
        """As ``as_dict`` wrote it; what was kept before it was known has nothing in it."""
        return cls(
            tuple(data.get("templates", ())),
            tuple(data.get("tokens", ())),
            tuple(tuple(one) for one in data.get("likelihoods", ())),
            tuple(tuple(one) for one in data.get("vectors", ())),
            str(data.get("why", "the source was asked by an older version")),
            {name: cls.from_dict(one) for name, one in data.get("adapters", {}).items()},
        )


NOTHING = Imprint(why="nobody was asked")


async def imprint_of(engine: Engine, *, at_once: int = 1) -> Imprint:
    """Ask an engine, so many passages at once: one after the other where tenants are served meanwhile."""
    room = asyncio.Semaphore(at_once)

    async def ask(what: Callable[[str], Awaitable[T]], passage: str) -> T:
        async with room:
            return await what(passage)

    async def likelihoods(of: Engine) -> Imprint:
        found = await asyncio.gather(*(ask(of.likelihoods, passage) for passage in PASSAGES))
        said = [one for one in found if not isinstance(one, str)]
        if len(said) < len(found):
            return Imprint(why=next(one for one in found if isinstance(one, str)))
        return Imprint((), tuple(_digest(one.tokens) for one in said), tuple(one.values for one in said))

    async def vectors(of: Engine) -> Imprint:
        found = await asyncio.gather(*(ask(of.vector, passage) for passage in PASSAGES))
        said = [one for one in found if not isinstance(one, str)]
        if len(said) < len(found):
            return Imprint(why=next(one for one in found if isinstance(one, str)))
        return Imprint(vectors=tuple(map(_shadow, said)))

    chats = PASSAGES if engine.api.id == "chat" else ()
    templates = await asyncio.gather(*(ask(engine.template, passage) for passage in chats))
    said = likelihoods if engine.api.tokens else vectors
    whole = await said(engine)
    names = await engine.adapters()
    adapters = {name: await said(replace(engine, name=name)) for name in names[:ADAPTERS]}
    unasked = {name: Imprint(why=f"{ADAPTERS} of {len(names)} are compared") for name in names[ADAPTERS:]}
    return replace(whole, templates=_all(templates), adapters={**adapters, **unasked})


def same_template(mine: Imprint, theirs: Imprint) -> str:
    """Do both make the same tokens of a conversation? What was seen; raises MoveFailedError where they do not."""
    if not mine.templates or not theirs.templates:
        return f"not compared: the {'source' if mine.templates else 'engine'} has no /tokenize"
    if unlike := _unlike(mine.templates, theirs.templates):
        raise MoveFailedError(
            f"makes other tokens of a conversation than the source (of {unlike} of {len(PASSAGES)}): another chat "
            "template or tokenizer",
            next_action="compare --chat-template and --tokenizer, and the weights' tokenizer files, of both layers",
        )
    return f"{len(PASSAGES)} conversations become the same tokens"


def same_weights(mine: Imprint, theirs: Imprint, *, quantised: bool = False) -> str:
    """Does an engine find given tokens as likely as the source did? What was seen, empty when it cannot be told.

    ``quantised``: one of both may serve them in fewer bits. Raises MoveFailedError where the weights are others.
    """
    if mine.vectors and theirs.vectors:
        return _same_vectors(mine.vectors, theirs.vectors, quantised=quantised)
    if not mine.likelihoods or not theirs.likelihoods:
        return ""
    if unlike := _unlike(mine.tokens, theirs.tokens):
        raise MoveFailedError(
            f"cuts {unlike} of {len(PASSAGES)} texts into other tokens than the source: another tokenizer",
            next_action="compare the weights of both layers: repository, revision, tokenizer files",
        )
    apart, count = distance(mine, theirs)
    seen = f"log-probabilities of {count} tokens are {apart:.3f} apart in the mean"
    return _within(seen, apart, FEWER if quantised else APART, quantised=quantised)


def distance(mine: Imprint, theirs: Imprint) -> tuple[float, int]:
    """Mean distance of log-probabilities in nats, and of how many tokens; of two imprints that have the same tokens."""
    pairs = [
        pair
        for one, other in zip(mine.likelihoods, theirs.likelihoods, strict=True)
        for pair in zip(one, other, strict=True)
    ]
    return fmean(min(FARTHEST, abs(one - other)) for one, other in pairs), len(pairs)


def turned(mine: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """Mean distance of vectors whose length is 1 (that of their shadows, which is the same within a tenth)."""
    return fmean(
        sqrt(sum((one - other) ** 2 for one, other in zip(left, right, strict=True)))
        for left, right in zip(mine, theirs, strict=True)
    )


def _same_vectors(mine: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], *, quantised: bool) -> str:
    apart = turned(mine, theirs)
    seen = f"vectors of {len(mine)} texts are {apart:.3f} of their length apart in the mean"
    return _within(seen, apart, FEWER_TURNED if quantised else TURNED, quantised=quantised)


def _within(seen: str, apart: float, limit: float, *, quantised: bool) -> str:
    """The verdict in words; raises MoveFailedError."""
    if not apart < limit:
        meant = "" if quantised else "; if one layer is meant to serve them quantised, spec.contract.weights: quantised"
        raise MoveFailedError(
            f"{seen} from the source's, and those of the same weights are less than {limit:g} apart"
            + (" when quantised" if quantised else ""),
            next_action="compare the weights of both layers: repository, revision, quantization, damaged files" + meant,
        )
    if quantised:
        return f"{seen}, allowed up to {limit:g} (spec.contract.weights: quantised): a nearby revision would pass"
    return f"{seen}, other weights from {limit:g} on; quantised to 8 bits they may look the same"


def _shadow(vector: Sequence[float]) -> tuple[float, ...]:
    """A vector made 1 long, by ``SHADOW`` sums of its numbers, each with signs of its own: distances stay."""
    size = sqrt(sum(one * one for one in vector)) or 1.0
    signs = Random(len(vector))
    sums = (sum(one if signs.random() < 0.5 else -one for one in vector) for _ in range(SHADOW))
    return tuple(one / size / sqrt(SHADOW) for one in sums)


def same_adapters(mine: Imprint, theirs: Imprint, *, quantised: bool = False) -> str:
    """Are the source's LoRA adapters there, and the same? What was seen; raises MoveFailedError where they are not."""
    missing = sorted(theirs.adapters.keys() - mine.adapters.keys())
    if missing:
        raise MoveFailedError(
            f"does not serve {', '.join(missing)}, which the source serves as LoRA "
            f"{'adapters' if len(missing) > 1 else 'adapter'}",
            next_action="give --lora-modules in spec.engine.args, where every layer has it",
        )
    unsaid: dict[str, str] = {}
    for name, one in theirs.adapters.items():
        try:
            if not same_weights(mine.adapters[name], one, quantised=quantised):
                unsaid[name] = mine.adapters[name].why or one.why
        except MoveFailedError as error:
            raise MoveFailedError(f"LoRA adapter {name}: {error.what}", next_action=error.next_action) from error
    if unsaid:
        return f"{', '.join(unsaid)} served and not compared: {', '.join(dict.fromkeys(unsaid.values()))}"
    return f"{', '.join(sorted(theirs.adapters))}: as on the source" if theirs.adapters else "the source serves none"


def begin_alike(mine: Sequence[str], theirs: Sequence[str], why: str) -> str:
    """The answers themselves, where there is nothing better; raises MoveFailedError where none begins alike."""
    both = list(zip(mine, theirs, strict=True))
    if not any(one.strip() and other.strip() for one, other in both):
        raise MoveFailedError(
            f"nothing was compared: {why}, and the answers are empty",
            next_action="serve with a version that offers prompt_logprobs on /v1/completions",
        )
    alike = sum(one == other for one, other in both)
    begun = sum(one.split()[:BEGIN] == other.split()[:BEGIN] for one, other in both if one.strip())
    if not begun:
        raise MoveFailedError(
            f"none of {len(both)} answers at temperature 0 begins as the source's: {mine[0][:60]!r}, "
            f"the source {theirs[0][:60]!r} ({why})",
            next_action="compare the weights of both layers: repository, revision, quantization, damaged files",
        )
    return (
        f"by words alone, since {why}: {alike} of {len(both)} answers alike, {begun} begin alike; "
        "a nearby revision would pass"
    )


def _unlike(mine: Sequence[str], theirs: Sequence[str]) -> int:
    return sum(one != other for one, other in zip_longest(mine, theirs))


def _all(templates: Sequence[Sequence[int] | None]) -> tuple[str, ...]:
    return tuple(_digest(one) for one in templates if one) if all(templates) else ()


def _digest(tokens: Sequence[int]) -> str:
    return sha256(",".join(map(str, tokens)).encode()).hexdigest()[:16]
