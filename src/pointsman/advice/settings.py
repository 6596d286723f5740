"""What an engine's own flags say of memory, with vLLM's defaults where they say nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from pointsman.layers.promise import length
from pointsman.spec.arguments import values
from pointsman.spec.model import Model
from pointsman.spec.words import amount

__all__ = ["Settings", "settings_of"]

UTILISATION = 0.9
STEP = 8192
CPU_CACHE = 4.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one engine."""

    gpus: int
    """Of a replica; 0 on a CPU."""
    tensor: int
    pipeline: int
    copies: int
    """Data parallel ranks, each with weights of its own."""
    utilisation: float
    said_utilisation: bool
    """Is it written, or vLLM's default?"""
    step: int
    """``--max-num-batched-tokens``."""
    said_step: bool
    dtype: str
    """``--dtype``; ``auto`` where it is not written."""
    quantisation: str
    cache_dtype: str
    length: int
    """Tokens of prompt and answer that are promised."""
    nodes: int
    memory: int
    """The container's limit, in bytes."""
    cpu_cache: float
    """GiB of KV cache on a CPU (VLLM_CPU_KVCACHE_SPACE)."""
    lora: bool
    offload: bool
    """Is a part of the weights kept in the host's memory?"""


def settings_of(model: Model) -> Settings:
    """Of a model as a layer runs it (``model.on``)."""
    said, gpus = values(model.spec.engine.args), model.spec.accelerator.gpus_per_replica
    pipeline, copies = _number(said.get("pipeline-parallel-size")), _number(said.get("data-parallel-size"))
    tensor = _number(said.get("tensor-parallel-size"), max(1, gpus // max(1, pipeline * copies)))
    used = _fraction(said.get("gpu-memory-utilization"))
    step = length(said.get("max-num-batched-tokens"))
    return Settings(
        gpus=gpus,
        tensor=tensor,
        pipeline=pipeline,
        copies=copies,
        utilisation=used or UTILISATION,
        said_utilisation=used is not None,
        step=step or STEP,
        said_step=step is not None,
        dtype=said.get("dtype", "auto"),
        quantisation=said.get("quantization", ""),
        cache_dtype=said.get("kv-cache-dtype", "auto"),
        length=model.spec.contract.max_model_len,
        nodes=_number(said.get("nnodes")),
        memory=int(amount(model.spec.resources.limits.memory)),
        cpu_cache=_cpu_cache(model.spec.engine.env.get("VLLM_CPU_KVCACHE_SPACE", "")),
        lora="enable-lora" in said or "lora-modules" in said,
        offload="cpu-offload-gb" in said,
    )


def _number(text: str | None, usual: int = 1) -> int:
    return int(text) if text and re.fullmatch(r"[1-9][0-9]{0,4}", text) else usual


def _fraction(text: str | None) -> float | None:
    if not re.fullmatch(r"(0?\.\d{1,6}|1(\.0*)?|0\.\d{1,6})", text or ""):
        return None
    return float(Decimal(text or "0")) or None


def _cpu_cache(text: str) -> float:
    """GiB; vLLM takes 0 and nothing for its default."""
    return float(text) if re.fullmatch(r"\d{1,5}", text) and int(text) else CPU_CACHE
