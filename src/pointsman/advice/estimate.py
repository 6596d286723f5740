"""The estimate of memory as data, with every assumption it rests on and where that is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pointsman.advice.cache import per_token
from pointsman.advice.fit import GIB, OVERHEAD, Fit, Fits
from pointsman.advice.gpus import AS_OF
from pointsman.advice.quantisation import cache_bytes
from pointsman.advice.settings import CPU_CACHE, Settings
from pointsman.advice.situation import Situation
from pointsman.advice.weights import number_width

__all__ = ["as_dict"]


def as_dict(case: Situation) -> dict[str, Any]:
    """Of the layer that the spec declares."""
    layer = case.model.spec.layer
    fit, room = case.fit_on(layer), case.fit_on(layer).room
    shape, weights = case.known.shape, fit.weights
    return {
        "layer": layer,
        "fits": fit.fits.value,
        "why": fit.why or None,
        "estimate": fit.estimate,
        "gpu": fit.gpu.name if fit.gpu else None,
        "gpus": fit.settings.gpus,
        "parameters": weights.parameters if weights else None,
        "activeParameters": weights.active if weights else None,
        "weightsBytes": weights.bytes if weights else None,
        "cachePerTokenBytes": round(per_token(shape, _width(case, fit))) if shape and _width(case, fit) else None,
        "perGpuBytes": {
            "total": room.total,
            "usable": room.usable,
            "weights": room.weights,
            "setAside": room.reserve,
            "cache": max(0, room.cache),
            "oneRequest": room.request,
        }
        if room
        else None,
        "fullRequests": round(room.requests, 1) if room and room.requests is not None else None,
        "fewestGpus": fit.smallest,
        "longestContext": fit.longest,
        "fewestByGpu": dict(fit.others) or None,
        "otherLayers": {name: one.fits.value for name, one in case.fits().items() if one.fits is not fit.fits},
        "assumptions": [{"what": what, "value": value, "from": source} for what, value, source in _assumed(case, fit)],
    }


def _width(case: Situation, fit: Fit) -> float:
    """Bytes of a number in the cache; 0 where that is not known."""
    shape = case.known.shape
    if shape is None:
        return 0.0
    own = shape.quantisation.cache if shape.quantisation and shape.quantisation.cache else None
    return cache_bytes(fit.settings.cache_dtype, own or number_width(shape, fit.settings)) or 0.0


def _assumed(case: Situation, fit: Fit) -> Iterator[tuple[str, str, str]]:
    settings, shape = fit.settings, case.known.shape
    if fit.weights is None:
        return
    yield "weights", fit.weights.how, case.known.where
    if fit.weights.active is not None:
        active = f"{fit.weights.active / 1e9:.3g} billion compute for a token; all lie in memory"
        yield "experts", active, case.known.where
    yield from _machine(case, fit)
    if shape is not None:
        yield from _cache(case, fit)
    if settings.gpus and fit.fits is not Fits.unknown:
        yield from _aside(settings, fit)


def _machine(case: Situation, fit: Fit) -> Iterator[tuple[str, str, str]]:
    settings = fit.settings
    if settings.gpus == 0:
        yield "memory", f"{settings.memory / GIB:.3g} GiB", "spec.resources.limits.memory"
        said = "VLLM_CPU_KVCACHE_SPACE" if settings.cpu_cache != CPU_CACHE else "vLLM's default"
        yield "KV cache", f"{settings.cpu_cache:g} GiB", said
        yield "the process itself", "2 GiB", "a rule of thumb"
        return
    if fit.gpu is not None:
        source = f"{fit.gpu.source}; table of {AS_OF}" if fit.gpu.source.startswith("nvidia-smi") else fit.gpu.source
        yield f"memory of {fit.gpu.name}", f"{fit.gpu.mib} MiB", source
        yield "which GPU", fit.gpu.name, case.gpu_on(case.model.spec.layer)[1]
    used = "the engine's flags" if settings.said_utilisation else "vLLM's default (0.92 in the newest)"
    yield "--gpu-memory-utilization", f"{settings.utilisation:g}", used
    over = f"tensor {settings.tensor} × pipeline {settings.pipeline}"
    yield (
        "divided over",
        over + (f", {settings.copies} copies" if settings.copies > 1 else ""),
        "GPUs a replica, the engine's flags",
    )
    yield "GPUs of a node", str(case.per_node[0]), case.per_node[1]


def _cache(case: Situation, fit: Fit) -> Iterator[tuple[str, str, str]]:
    shape, where = case.known.shape, case.known.where
    assert shape is not None
    if shape.encoder:
        yield "KV cache", "none: an encoder reads a text as a whole", where
        return
    width = _width(case, fit)
    if not width:
        return
    if shape.latent:
        kept = f"latent attention: one vector of {shape.latent.kv_rank} + {shape.latent.rope} numbers, on every GPU"
    else:
        kept = f"{shape.kv_heads} key-value heads of {shape.head} (of {shape.heads} heads)"
    yield "kept of a token", f"{shape.layers} layers × {kept}", where
    short = [one for one in shape.windows if one]
    if short:
        yield "sliding window", f"{short[0]} tokens in {len(short)} of {shape.layers} layers", where
    flag = fit.settings.cache_dtype
    said = "--kv-cache-dtype" if flag != "auto" else "vLLM's --kv-cache-dtype=auto: as the weights compute"
    yield "a number in the cache", f"{width * 8:g} bits", said


def _aside(settings: Settings, fit: Fit) -> Iterator[tuple[str, str, str]]:
    assert fit.room is not None
    amount = f"{fit.room.reserve / GIB:.2g} GiB a GPU, {OVERHEAD / GIB:.0f} GiB of it for CUDA, NCCL and graphs"
    yield "set aside", amount, "a rule of thumb; vLLM measures it at its start"
    step = "the engine's flags" if settings.said_step else "assumed; vLLM chooses 2048 or 8192 by the GPU"
    if not fit.estimate:
        yield "--max-num-batched-tokens", str(settings.step), step
