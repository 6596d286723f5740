"""The layers there are, in one explicit tuple."""

from __future__ import annotations

from pointsman.errors import UsageError
from pointsman.layers.contract import Layer
from pointsman.layers.kserve import KServe
from pointsman.layers.llm_d import LlmD
from pointsman.layers.raw_vllm import RawVllm

__all__ = ["LAYERS", "layer"]

LAYERS: tuple[Layer, ...] = (RawVllm(), KServe(), LlmD())
"""Every layer, in the order people meet them."""


def layer(id: str) -> Layer:  # noqa: A002
    """The layer called ``id``; raises UsageError naming the known ones."""
    for each in LAYERS:
        if each.id == id:
            return each
    known = ", ".join(each.id for each in LAYERS)
    raise UsageError(f"there is no layer {id!r}", next_action=f"use one of: {known}", code="layer-unknown")
