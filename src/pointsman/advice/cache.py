"""The KV cache of one request, counted as vLLM counts it (``vllm/v1/kv_cache_interface.py``).

A layer keeps blocks of 16 tokens: twice (key and value) heads × head length × bytes, or one latent vector where the
attention is latent, which tensor parallelism does not divide. A layer with a sliding window keeps its window and the
tokens of one step. vLLM starts only where one request of ``--max-model-len`` tokens fits.
"""

from __future__ import annotations

from pointsman.advice.shape import Shape

__all__ = ["BLOCK", "per_token", "request_bytes"]

BLOCK = 16
"""Tokens of a block (vLLM's ``DEFAULT_BLOCK_SIZE``)."""


def per_token(shape: Shape, width: float, tensor: int = 1) -> float:
    """Bytes one token takes on one of ``tensor`` GPUs, in the layers that keep all tokens.

    Args:
        shape: the model's.
        width: bytes of one number.
        tensor: GPUs that the heads are divided over.
    """
    return _layer(shape, width, tensor) * sum(window is None for window in shape.windows)


def request_bytes(shape: Shape, length: int, width: float, tensor: int = 1, pipeline: int = 1, step: int = 8192) -> int:
    """Bytes that a request of ``length`` tokens takes on one GPU.

    Args:
        shape: the model's.
        length: tokens of prompt and answer.
        width: bytes of one number.
        tensor: GPUs that the heads are divided over.
        pipeline: GPUs that the layers are divided over.
        step: tokens that are computed at once (``--max-num-batched-tokens``).
    """
    blocks = sum(_blocks(window, length, step) for window in shape.windows)
    return -(-int(blocks * BLOCK * _layer(shape, width, tensor)) // pipeline)


def _layer(shape: Shape, width: float, tensor: int) -> float:
    """Bytes of a token in one layer."""
    if shape.latent:
        return (shape.latent.kv_rank + shape.latent.rope) * width
    return 2 * max(1, shape.kv_heads // tensor) * shape.head * width


def _blocks(window: int | None, length: int, step: int) -> int:
    if window is None:
        return -(-length // BLOCK)
    return -(-min(window - 1 + step, length) // BLOCK) + 1 if window else 0
