"""How many bits a weight takes, by what a model's ``quantization_config`` or an engine's flag says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DTYPES", "Quantisation", "by_flag", "cache_bytes", "quantisation_of"]

DTYPES: Mapping[str, int] = {
    "float32": 4,
    "float": 4,
    "bfloat16": 2,
    "float16": 2,
    "half": 2,
    "float8_e4m3fn": 1,
}
"""Bytes of one number."""
_SCALE = 16
"""Bits of a group's scale."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """Of the layers' matrices. Embeddings, the last matrix and norms stay as they are."""

    method: str
    bits: float | None
    """A weight's, its share of scales and zero points included; None when this program cannot tell."""
    cache: float | None = None
    """Bytes of a number in the KV cache, where the checkpoint says so itself."""


def quantisation_of(said: Any) -> Quantisation | None:
    """What the configuration says; None for weights that are not quantised."""
    if not isinstance(said, Mapping) or not said:
        return None
    method = str(said.get("quant_method") or said.get("quant_algo") or "unknown").lower()
    cache = 1.0 if said.get("kv_cache_scheme") or str(said.get("kv_cache_quant_algo")).upper() == "FP8" else None
    return Quantisation(method, _bits(method, said), cache)


def by_flag(flag: str) -> Quantisation | None:
    """``--quantization`` on weights that are not: those are made smaller while they are loaded."""
    bits = {"fp8": 8.0, "bitsandbytes": 4.5, "ptpc_fp8": 8.0, "experts_int8": 8.0}.get(flag)
    return Quantisation(flag, bits)


def cache_bytes(flag: str, usual: float) -> float | None:
    """Bytes of a number in the KV cache by ``--kv-cache-dtype``; None for one that is not known here."""
    if flag in ("", "auto"):
        return usual
    if flag.startswith(("fp8", "int8")):
        return 1.0
    return DTYPES.get(flag)


def _bits(method: str, said: Mapping[str, Any]) -> float | None:
    if method in ("awq", "gptq", "awq_marlin", "gptq_marlin"):
        return _grouped(said.get("bits") or said.get("w_bit"), said.get("group_size", 128), zeros=True)
    if method in ("fp8", "fbgemm_fp8"):
        return 8.0
    if method == "mxfp4":
        return 4.25
    if method == "bitsandbytes":
        return 4.5 if said.get("load_in_4bit") else 8.0
    if method == "modelopt":
        return {"FP8": 8.0, "NVFP4": 4.5}.get(str(said.get("quant_algo")).upper())
    return _compressed(said) if method == "compressed-tensors" else None


def _grouped(bits: Any, group: Any, *, zeros: bool) -> float | None:
    if not isinstance(bits, int) or not 1 <= bits <= 16:
        return None
    extra = (_SCALE + (bits if zeros else 0)) / group if isinstance(group, int) and group > 0 else 0.0
    return bits + extra


def _compressed(said: Mapping[str, Any]) -> float | None:
    groups = said.get("config_groups")
    first: Any = next(iter(groups.values()), {}) if isinstance(groups, Mapping) else {}
    weights = first.get("weights") if isinstance(first, Mapping) else None
    if not isinstance(weights, Mapping):
        return None
    return _grouped(weights.get("num_bits"), weights.get("group_size"), zeros=False)
