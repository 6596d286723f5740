"""What an engine's own flags say of memory, with vLLM's defaults where they say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pointsman.advice.side import side_of
from pointsman.kube.quantity import quantity
from pointsman.layers.promise import length
from pointsman.spec.arguments import values
from pointsman.spec.model import Model

__all__ = ["Settings", "settings_of"]

UTILISATION = 0.9
STEP = 8192
CPU_CACHE = 4.0


@dataclass(frozen=True, slots=True)
class Given:
    """What an engine is given."""

    args: Sequence[str]
    gpus: int
    memory: str
    hidden: frozenset[str] = frozenset()
    """Flags whose values are filled in when it starts."""


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
    hidden: tuple[str, ...] = ()
    """Flags that memory depends on and whose values are filled in when it starts."""


def settings_of(model: Model, layer: str) -> Settings:
    """As a layer runs it: by the spec, or by the manifests that people wrote for it."""
    there = model.on(layer).spec
    given = Given(there.engine.args, there.accelerator.gpus_per_replica, there.resources.limits.memory)
    if model.spec.layers.block(layer).written is not None:
        engine = side_of(model, layer).engine
        given = Given(engine.args, engine.gpus, engine.limits.get("memory", given.memory), engine.hidden)
    return _settings(given, there.contract.max_model_len, there.engine.env.get("VLLM_CPU_KVCACHE_SPACE", ""))


def _settings(given: Given, promised: int, cpu_cache: str) -> Settings:
    said, gpus = values(given.args), given.gpus
    pipeline, copies = _number(said.get("pipeline-parallel-size")), _number(said.get("data-parallel-size"))
    used = _fraction(said.get("gpu-memory-utilization"))
    step = length(said.get("max-num-batched-tokens"))
    return Settings(
        gpus=gpus,
        tensor=_number(said.get("tensor-parallel-size"), max(1, gpus // max(1, pipeline * copies))),
        pipeline=pipeline,
        copies=copies,
        utilisation=used or UTILISATION,
        said_utilisation=used is not None,
        step=step or STEP,
        said_step=step is not None,
        dtype=said.get("dtype", "auto"),
        quantisation=said.get("quantization", ""),
        cache_dtype=said.get("kv-cache-dtype", "auto"),
        length=promised,
        nodes=_number(said.get("nnodes")),
        memory=_bytes(given.memory),
        cpu_cache=_cpu_cache(cpu_cache),
        lora="enable-lora" in said or "lora-modules" in said,
        offload="cpu-offload-gb" in said,
        hidden=tuple(sorted(given.hidden & _MATTER)),
    )


_MATTER = frozenset(
    {"tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "gpu-memory-utilization", "quantization"}
    | {"dtype", "kv-cache-dtype", "max-num-batched-tokens", "max-model-len", "nnodes"}
)


def _bytes(text: str) -> int:
    """0 for what is no quantity: people's manifests are not judged here."""
    try:
        return int(quantity(text))
    except ValueError:
        return 0


def _number(text: str | None, usual: int = 1) -> int:
    return int(text) if text and re.fullmatch(r"[1-9][0-9]{0,4}", text) else usual


def _fraction(text: str | None) -> float | None:
    if not re.fullmatch(r"(0?\.\d{1,6}|1(\.0*)?|0\.\d{1,6})", text or ""):
        return None
    return float(Decimal(text or "0")) or None


def _cpu_cache(text: str) -> float:
    """GiB; vLLM takes 0 and nothing for its default."""
    return float(text) if re.fullmatch(r"\d{1,5}", text) and int(text) else CPU_CACHE
