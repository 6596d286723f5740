"""The layers there are, in one explicit tuple."""

from __future__ import annotations

from pointsman.errors import UsageError
from pointsman.layers.by_model import ByModel
from pointsman.layers.contract import Layer
from pointsman.layers.kserve import KServe
from pointsman.layers.llm_d import LlmD
from pointsman.layers.raw_vllm import RawVllm
from pointsman.layers.written.kserve import WrittenKServe
from pointsman.layers.written.llm_d import WrittenLlmD
from pointsman.layers.written.raw_vllm import WrittenRawVllm

__all__ = ["LAYERS", "layer"]

LAYERS: tuple[Layer, ...] = (
    ByModel(RawVllm(), WrittenRawVllm()),
    ByModel(KServe(), WrittenKServe()),
    ByModel(LlmD(), WrittenLlmD()),
)
"""Every layer, in the order people meet them."""


def layer(id: str) -> Layer:  # noqa: A002
    """The layer called ``id``; raises UsageError naming the known ones."""
    for each in LAYERS:
        if each.id == id:
            return each
    known = ", ".join(each.id for each in LAYERS)
    raise UsageError(f"there is no layer {id!r}", next_action=f"use one of: {known}", code="layer-unknown")
