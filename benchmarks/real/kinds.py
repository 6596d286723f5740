"""What is served to be compared: a model's own weights in every honest way this machine has, and what is not them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Kind", "Start", "file_of", "known", "starts", "wanted"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is served: a model's own weights, or something else in their place."""

    model: str
    name: str
    what: str
    """In words."""
    honest: bool = False
    claimed: bool = True
    """Is it said to be told from the model's own?"""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of an engine."""

    kind: Kind
    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""
    """Files that are not the model's own; its settings count when an engine starts."""
    adapters: Mapping[str, int] = field(default_factory=dict)
    """The seed of each LoRA adapter, by its name."""
    loads: tuple[tuple[str, int], ...] = (("idle", 0),)
    api: str = "chat"
    others: tuple[Kind, ...] = ()
    """Weights that are loaded into the running engine afterwards, one after the other."""


ONE = {"OMP_NUM_THREADS": "1"}
TWO = {"OMP_NUM_THREADS": "2"}
HONEST = (
    ("float32", "float32, two threads", ("--dtype=float32",), TWO),
    ("bfloat16", "bfloat16, two threads", ("--dtype=bfloat16",), TWO),
    (
        "small",
        "float16, chunks of 64 tokens, no prefix cache, one thread",
        ("--dtype=float16", "--no-enable-prefix-caching", "--max-num-batched-tokens=64", "--max-num-seqs=4"),
        ONE,
    ),
)
LOADS = (("idle", 0), ("again", 0), ("busy", 2), ("crowded", 8))
"""Tenants that have a request under way meanwhile."""
OTHERS = {
    "off-5": "every weight off by 5 %",
    "off-2": "every weight off by 2 %",
    "off-1": "every weight off by 1 %",
    "tuned": "trained on for ten steps",
    "matrix": "one matrix of one layer random",
    "cut": "half of one matrix of one layer zero",
    "embedding-cut": "half of the embeddings zero",
    "swapped": "two layers in each other's place",
    "int8": "quantised to 8 bits, groups of 64",
    "int4": "quantised to 4 bits, groups of 64",
}
ALIKE = ("int8",)
"""What nobody claims to tell from another precision."""
SETTINGS = {"rope": "another rope_theta in config.json", "norm": "another rms_norm_eps in config.json"}
RELOADED = "float32"
"""The engine that other weights are loaded into."""
STARTED = ("experts",)
"""Models of which each kind is a start of its own: vLLM 0.32 for CPUs loads a mixture's experts right only once."""
WITH = ("--enable-lora", "--max-lora-rank=8")
RANKS = {"smollm2": 3, "experts": 2}
"""Ranks of tensor parallelism that divide the heads of attention."""
MODELS = tuple(RANKS)
VECTORS, ADAPTED = "smollm2@embeddings", "smollm2@adapters"
"""The same weights as an embedding model, and with LoRA adapters."""


def starts() -> Iterator[Start]:
    """All that is measured."""
    for model in MODELS:
        for name, what, words, env in (*HONEST, _parallel(RANKS[model])):
            others = tuple(_others(model)) if name == RELOADED and model not in STARTED else ()
            yield Start(Kind(model, name, what, honest=True), words, env, loads=LOADS, others=others)
        for kind in _others(model) if model in STARTED else ():
            yield Start(kind, ("--dtype=float32",), TWO, kind.name)
        if model != "smollm2":
            continue
        for name, what in SETTINGS.items():
            yield Start(Kind(model, name, what), ("--dtype=float32",), TWO, name)
        yield Start(Kind(model, "template", "another chat template"), ("--dtype=float32",), TWO, "template")
    for name, what, words, env in HONEST:
        others = tuple(_others(VECTORS)) if name == RELOADED else ()
        pooling = (*words, "--runner=pooling", "--convert=embed")
        kind = Kind(VECTORS, name, what, honest=True)
        yield Start(kind, pooling, env, loads=LOADS, api="embeddings", others=others)
    both = {"red": 1, "blue": 2}
    for dtype in ("float32", "bfloat16"):
        kind = Kind(ADAPTED, dtype, f"{dtype} with two LoRA adapters", honest=True)
        yield Start(kind, (f"--dtype={dtype}", *WITH), TWO, adapters=both, loads=LOADS[:3])
    words = ("--dtype=float32", *WITH)
    other = Kind(ADAPTED, "other", "one of two LoRA adapters is another")
    yield Start(other, words, TWO, adapters={"red": 1, "blue": 3})
    missing = Kind(ADAPTED, "missing", "one of two LoRA adapters is missing")
    yield Start(missing, words, TWO, adapters={"red": 1})


def _parallel(ranks: int) -> tuple[str, str, tuple[str, ...], Mapping[str, str]]:
    what = f"float32 on {ranks} ranks (tensor parallelism)"
    return "parallel", what, ("--dtype=float32", f"--tensor-parallel-size={ranks}"), ONE


def _others(model: str) -> Iterator[Kind]:
    found = OTHERS | ({"expert": "one of eight experts of one layer random"} if model == "experts" else {})
    for name, what in found.items():
        yield Kind(model, name, what, claimed=name not in ALIKE)


def wanted(start: Start) -> list[tuple[Kind, str]]:
    """What one start is asked: kinds and loads."""
    return [*((start.kind, load) for load, _ in start.loads), *((kind, "idle") for kind in start.others)]


def file_of(folder: Path, kind: Kind, load: str) -> Path:
    """What keeps an answer."""
    return folder / f"{kind.model}.{kind.name}.{load}.json"


def known() -> Iterator[tuple[Kind, str]]:
    """All kinds and loads."""
    for start in starts():
        yield from wanted(start)
