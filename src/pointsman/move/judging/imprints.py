"""What an engine makes of given texts: what it is known by when two are compared.

It is asked how likely it finds the tokens of eight passages, and what tokens conversations become. An embedding model
is asked for the passages' vectors, and one with LoRA adapters for the likeliest tokens after parts of them. The source
is asked one thing more: for the second half of each passage alone. How far that moves its log-probabilities is how
much this model makes of what came before, and what other weights, or another precision, do to it goes along with that
(``docs/adr/0035-same-weights.md``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import isfinite, sqrt
from random import Random
from statistics import fmean
from typing import Any, TypeVar

from pointsman.move.probes.engine import Engine, Likelihoods

__all__ = ["NOTHING", "PASSAGES", "Imprint", "first_apart", "half", "imprint_of", "turned"]

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

PARTS = 0.6, 0.75, 0.9
"""Where passages are broken off, to ask what comes next; of adapters, the middle one alone."""
FIRST = 5
"""Of the likeliest tokens of one side, those that are looked for on the other."""
SHADOW = 64
"""Numbers that are kept of a vector."""
ADAPTERS = 32
"""LoRA adapters of one engine that are compared; that others are there is seen all the same."""
FARTHEST = 10.0
"""A single token counts for no more: engines write log-probabilities of 0 as -9999."""
SKIPPED, FEWEST = 4, 50
"""Tokens at the beginning of a half that do not count, having next to nothing before them; and how many tokens of all
halves have to be left."""


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
    likeliest: tuple[Mapping[str, float], ...] = ()
    """The likeliest tokens after each part of each passage, and their log-probabilities; empty as well, and where all
    tokens were told. vLLM 0.32 with LoRA adapters switched on dies of ``prompt_logprobs`` while it serves others
    (measured: rows of logits for the whole prompt meet an adapter for each request)."""
    sense: float | None = None
    """Mean distance of the log-probabilities (vectors) of the second halves, with and without the first halves before
    them, in nats (lengths); None: it was not asked, or cannot be told."""
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
            "likeliest": [{token: round(value, 3) for token, value in one.items()} for one in self.likeliest],
            "sense": None if self.sense is None else round(self.sense, 4),
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
            tuple(dict(one) for one in data.get("likeliest", ())),
            data.get("sense"),
            str(data.get("why", "the source was asked by an older version")),
            {name: cls.from_dict(one) for name, one in data.get("adapters", {}).items()},
        )


NOTHING = Imprint(why="nobody was asked")


async def imprint_of(engine: Engine, *, at_once: int = 1, halves: bool = False) -> Imprint:
    """Ask an engine, so many passages at once: one after the other where tenants are served meanwhile.

    ``halves``: ask for the second halves alone, too.
    """
    room = asyncio.Semaphore(at_once)

    async def ask(what: Callable[[str], Awaitable[T]], passage: str) -> T:
        async with room:
            return await what(passage)

    async def likelihoods(of: Engine, *, halves: bool = False) -> Imprint:
        said = _all_said(await asyncio.gather(*(ask(of.likelihoods, passage) for passage in PASSAGES)))
        if isinstance(said, str):
            return Imprint(why=said)
        alone = await asyncio.gather(*(ask(of.likelihoods, half(passage)) for passage in PASSAGES)) if halves else ()
        sense = _sense([(one, half) for one, half in zip(said, alone, strict=False) if not isinstance(half, str)])
        return Imprint((), tuple(_digest(one.tokens) for one in said), tuple(one.values for one in said), sense=sense)

    async def vectors(of: Engine, *, halves: bool = False) -> Imprint:
        said = _all_said(await asyncio.gather(*(ask(of.vector, passage) for passage in PASSAGES)))
        if isinstance(said, str):
            return Imprint(why=said)
        kept = tuple(map(_shadow, said))
        alone = await asyncio.gather(*(ask(of.vector, half(passage)) for passage in PASSAGES)) if halves else ()
        both = [(one, _shadow(other)) for one, other in zip(kept, alone, strict=False) if not isinstance(other, str)]
        return Imprint(vectors=kept, sense=turned(*zip(*both, strict=True)) if both else None)

    async def likeliest(of: Engine, *, halves: bool = False) -> Imprint:
        parts = [_part(passage, share) for share in (PARTS if of is engine else PARTS[1:2]) for passage in PASSAGES]
        said = _all_said(await asyncio.gather(*(ask(of.likeliest, part) for part in parts)))
        if isinstance(said, str):
            return Imprint(why=said)
        alone = await asyncio.gather(*(ask(of.likeliest, half(part)) for part in parts)) if halves else ()
        both = [(other, one) for one, other in zip(said, alone, strict=False) if not isinstance(other, str)]
        return Imprint(likeliest=tuple(said), sense=fmean(map(first_apart, *zip(*both, strict=True))) if both else None)

    chats = PASSAGES if engine.api.id == "chat" else ()
    templates = await asyncio.gather(*(ask(engine.template, passage) for passage in chats))
    said = vectors if not engine.api.tokens else likeliest if await engine.adapts() else likelihoods
    whole = await said(engine, halves=halves)
    names = await engine.adapters()
    adapters = {name: await said(replace(engine, name=name)) for name in names[:ADAPTERS]}
    unasked = {name: Imprint(why=f"{ADAPTERS} of {len(names)} are compared") for name in names[ADAPTERS:]}
    return replace(whole, templates=_all(templates), adapters={**adapters, **unasked})


def turned(mine: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """Mean distance of vectors whose length is 1 (that of their shadows, which is the same within a tenth)."""
    return fmean(
        sqrt(sum((one - other) ** 2 for one, other in zip(left, right, strict=True)))
        for left, right in zip(mine, theirs, strict=True)
    )


def first_apart(mine: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Mean distance of the log-probabilities of the other's likeliest tokens; one that is not named is the last."""
    last = min(mine.values())
    first = sorted(theirs, key=lambda token: -theirs[token])[:FIRST]
    return fmean(min(FARTHEST, abs(mine.get(token, last) - theirs[token])) for token in first)


def _part(passage: str, share: float) -> str:
    """Its beginning, to the end of a word."""
    return passage[: passage.index(" ", int(share * len(passage)))]


def half(passage: str) -> str:
    """The second half, from the space before a word on."""
    return passage[passage.index(" ", len(passage) // 2) :]


def _sense(pairs: Sequence[tuple[Likelihoods, Likelihoods]]) -> float | None:
    """Over the tokens at the end that are the same in a passage and its half."""
    moved: list[float] = []
    for whole, alone in pairs:
        same = zip(reversed(whole.tokens), reversed(alone.tokens), strict=False)
        count = next((at for at, (one, other) in enumerate(same) if one != other), len(alone.tokens)) - SKIPPED
        values = zip(whole.values[-count:], alone.values[-count:], strict=True) if count > 0 else ()
        moved += [min(FARTHEST, abs(one - other)) for one, other in values]
    return fmean(moved) if len(moved) >= FEWEST and isfinite(fmean(moved)) else None


def _all_said(found: Sequence[T | str]) -> list[T] | str:
    """What was said to each, or why one was not answered."""
    said = [one for one in found if not isinstance(one, str)]
    return said if len(said) == len(found) else next(one for one in found if isinstance(one, str))


def _shadow(vector: Sequence[float]) -> tuple[float, ...]:
    """A vector made 1 long, by ``SHADOW`` sums of its numbers, each with signs of its own: distances stay."""
    size = sqrt(sum(one * one for one in vector)) or 1.0
    signs = Random(len(vector))
    sums = (sum(one if signs.random() < 0.5 else -one for one in vector) for _ in range(SHADOW))
    return tuple(one / size / sqrt(SHADOW) for one in sums)


def _all(templates: Sequence[Sequence[int] | None]) -> tuple[str, ...]:
    return tuple(_digest(one) for one in templates if one) if all(templates) else ()


def _digest(tokens: Sequence[int]) -> str:
    return sha256(",".join(map(str, tokens)).encode()).hexdigest()[:16]
