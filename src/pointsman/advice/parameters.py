"""How many parameters a shape has: the sum of its matrices, all experts of a mixture among them.

The sums are those of Hugging Face's own modelling code; ``tests/advice`` holds them to the totals that the models'
authors publish (Llama 3.1 8B: 8,030,261,248; DeepSeek V3: 671 billion).
"""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.advice.shape import ENCODERS, Shape

__all__ = ["Parameters", "parameters_of"]

_BIASED = frozenset({"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl"})
"""Families whose query, key and value have a bias."""
_NORMED = frozenset({"qwen3", "qwen3_moe", "gemma3", "gemma3_text", "olmo2"})
"""Families that normalise queries and keys."""
_TWO = frozenset({"gpt2", "opt", "gpt_neox", "falcon", "starcoder2", "phi", "bloom", *ENCODERS})
"""Families whose feed-forward part has two matrices; others have a gate besides."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers of them."""

    matrices: int
    """In the layers: what quantisation makes smaller."""
    rest: int
    """Embeddings, norms, a vision tower: what it leaves alone."""
    active: int
    """Of a mixture: those that compute for one token; else all. They cost time, not memory."""

    @property
    def total(self) -> int:
        """All, which have to lie in memory."""
        return self.matrices + self.rest


def parameters_of(shape: Shape) -> Parameters:
    """Count them."""
    attention = _latent(shape) if shape.latent else _attention(shape)
    mixed = shape.layers - shape.experts.dense if shape.experts else 0
    dense = shape.layers - mixed
    plain = _forward(shape, shape.width)
    all_experts, some = _experts(shape)
    matrices = shape.layers * attention + dense * plain + mixed * all_experts
    active = shape.layers * attention + dense * plain + mixed * some
    rest = shape.layers * _norms(shape) + _embeddings(shape) + shape.vision
    return Parameters(matrices, rest, active + rest)


def _attention(shape: Shape) -> int:
    queries, keys = shape.heads * shape.head, shape.kv_heads * shape.head
    bias = queries + 2 * keys if shape.family in _BIASED else 0
    if shape.encoder:
        bias = 4 * shape.hidden
    return 2 * shape.hidden * queries + 2 * shape.hidden * keys + bias


def _latent(shape: Shape) -> int:
    assert shape.latent is not None
    one = shape.latent
    query = shape.heads * (one.nope + one.rope)
    asked = shape.hidden * one.q_rank + one.q_rank * query if one.q_rank else shape.hidden * query
    kept = shape.hidden * (one.kv_rank + one.rope) + one.kv_rank * shape.heads * (one.nope + one.value)
    return asked + kept + shape.heads * one.value * shape.hidden


def _forward(shape: Shape, width: int) -> int:
    matrices = 2 if shape.family in _TWO else 3
    return matrices * shape.hidden * width + (width + shape.hidden if shape.encoder else 0)


def _experts(shape: Shape) -> tuple[int, int]:
    """Of a layer with experts: all of it, and what computes for one token."""
    found = shape.experts
    if found is None:
        return 0, 0
    one, always = _forward(shape, found.width), _forward(shape, found.shared) + shape.hidden * found.count
    return found.count * one + always, found.active * one + always


def _norms(shape: Shape) -> int:
    of_heads = 2 * shape.head if shape.family in _NORMED else 0
    of_latent = shape.latent.kv_rank + shape.latent.q_rank if shape.latent else 0
    return (4 if shape.encoder else 2) * shape.hidden + of_heads + of_latent


def _embeddings(shape: Shape) -> int:
    if shape.encoder:  # words, places, kinds; a norm; the pooler
        return (shape.vocabulary + shape.positions + 1) * shape.hidden + shape.hidden * (shape.hidden + 3)
    return (1 if shape.tied else 2) * shape.vocabulary * shape.hidden + shape.hidden
