"""Does a model fit its accelerators? Weights, KV cache and what is set aside, against what vLLM may use.

vLLM takes ``--gpu-memory-utilization`` of each GPU; less weights, less what one step computes in, less what NCCL and
CUDA graphs hold, the rest is KV cache, and it refuses to start where one request of the promised length does not fit
(``v1/worker/gpu_worker.py``, ``v1/core/kv_cache_utils.py``). What a step takes is measured there and guessed here, so a
result that half of that guess or half as much again would turn is called too close to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from pointsman.advice.cache import request_bytes
from pointsman.advice.gpus import Gpu
from pointsman.advice.known import Known
from pointsman.advice.quantisation import cache_bytes
from pointsman.advice.settings import Settings
from pointsman.advice.weights import Weights, number_width, weights_of

__all__ = ["Fit", "Fits", "Room", "fit_of", "reserve_of", "room_on", "smallest"]

GIB = 1 << 30
OVERHEAD = GIB
"""Of each GPU: CUDA's context, NCCL, CUDA graphs. A rule of thumb; vLLM's log says the true numbers when it starts."""
UNSEEN = 2 * GIB
"""Of each GPU where the model's shape is not known."""


class Fits(StrEnum):
    """The answer."""

    yes = "fits"
    no = "does not fit"
    close = "too close to tell"
    unknown = "not known"


@dataclass(frozen=True, slots=True)
class Room:
    """Of one GPU, in bytes."""

    total: int
    usable: int
    """What vLLM may take of it."""
    weights: int
    reserve: int
    cache: int
    """What is left for the KV cache; below 0 where weights alone are too much."""
    request: int | None
    """Of one request of the promised length; None when it is not known."""

    @property
    def requests(self) -> float | None:
        """How many of them at once; None where nothing is cached, or it is not known."""
        return max(0.0, self.cache / self.request) if self.request else None


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer, and what it rests on."""

    fits: Fits
    why: str
    gpu: Gpu | None
    settings: Settings
    weights: Weights | None
    room: Room | None
    estimate: bool
    smallest: int | None
    """The fewest GPUs of that kind that hold it (of an estimate: its weights); None when not known, or none does."""
    longest: int | None
    """The longest context of which one request surely fits what is declared, in steps of 1024 tokens."""
    others: tuple[tuple[str, int], ...]
    """Where the GPU is not known: how many of each kind would do."""
    unknown: tuple[str, ...]


@lru_cache(maxsize=256)
def fit_of(known: Known, settings: Settings, gpu: Gpu | None, gpus: tuple[Gpu, ...], per_node: int) -> Fit:
    """The answer for what is declared.

    Args:
        known: what is known of the model.
        settings: what its engine is started with.
        gpu: the accelerator; None when nobody says which.
        gpus: those that are tried where it is not known.
        per_node: GPUs of one node, over which heads can be divided.
    """
    weights = weights_of(known, settings)
    unknown = (*(known.shape.unknown if known.shape else ()), *(weights.unknown if weights else ()))
    if settings.lora:
        unknown = (*unknown, "the slots of LoRA adapters are not counted: tens to hundreds of MB each")
    unknown += tuple(f"--{one} is filled in when it starts, so its default was counted" for one in settings.hidden)
    if settings.offload:
        unknown = (*unknown, "--cpu-offload-gb moves a part of the weights to the host, which is not counted")
    plain = Fit(Fits.unknown, "", gpu, settings, weights, None, known.estimate, None, None, (), unknown)
    if weights is None:
        return replace(plain, why=known.remark or "neither a config.json nor the repository's name tells its size")
    if settings.gpus == 0:
        return _on_cpu(plain, known)
    if gpu is None:
        fewest = [(one.name, smallest(known, settings, one, per_node)) for one in gpus]
        others = tuple((name, count) for name, count in fewest if count is not None)
        return replace(plain, why="which GPU it is on is not said", others=others)
    room = room_on(known, settings, gpu)
    assert room is not None
    fits, why = _judged(known, settings, room)
    least = smallest(known, settings, gpu, per_node)
    return replace(plain, fits=fits, why=why, room=room, smallest=least, longest=_longest(known, settings, gpu))


def room_on(known: Known, settings: Settings, gpu: Gpu, scale: float = 1.0) -> Room | None:
    """What each GPU would hold; ``scale``: of what is set aside. None when the weights' size is not known."""
    weights = weights_of(known, settings)
    if weights is None:
        return None
    usable = int(gpu.bytes * settings.utilisation)
    share = weights.bytes // (settings.tensor * settings.pipeline)
    reserve = int(reserve_of(known, settings) * scale)
    return Room(gpu.bytes, usable, share, reserve, usable - share - reserve, _request(known, settings))


def reserve_of(known: Known, settings: Settings) -> int:
    """What one step computes in: its tokens through a layer, and the logits of 256 sequences thrice."""
    shape = known.shape
    if shape is None:
        return UNSEEN
    if shape.experts:
        each = max(1, shape.experts.active) * (shape.hidden + 3 * shape.experts.width // settings.tensor)
    else:
        each = 3 * shape.width // settings.tensor
    numbers = settings.step * (4 * shape.hidden + each) * 2
    logits = 3 * 256 * shape.vocabulary * 4 if not shape.encoder else 0
    return OVERHEAD + numbers + logits


def smallest(known: Known, settings: Settings, gpu: Gpu, per_node: int) -> int | None:
    """The fewest GPUs that surely hold it: divided over one node's first, then over several nodes' layers."""
    for tensor, pipeline in _ways(known, per_node):
        tried = replace(settings, gpus=tensor * pipeline, tensor=tensor, pipeline=pipeline, copies=1)
        room = room_on(known, tried, gpu)
        if room is not None and _holds(known, tried, room):
            return tensor * pipeline
    return None


def _holds(known: Known, settings: Settings, room: Room) -> bool:
    """Surely; where only a name says the size, at least its weights."""
    fits = _judged(known, settings, room)[0]
    return fits is Fits.yes or (known.estimate and fits is Fits.unknown and room.cache > 0)


def _longest(known: Known, settings: Settings, gpu: Gpu) -> int | None:
    """By halving, since what a request caches grows with its length."""
    low, high = 0, max(known.shape.positions, settings.length) // 1024 if known.shape else 0
    while low < high:
        tried = replace(settings, length=1024 * (middle := (low + high + 1) // 2))
        room = room_on(known, tried, gpu)
        if room is not None and _judged(known, tried, room)[0] is Fits.yes:
            low = middle
        else:
            high = middle - 1
    return 1024 * low or None


def _ways(known: Known, per_node: int) -> list[tuple[int, int]]:
    """Divisors of the heads (vLLM refuses others), within a node; then two nodes and more."""
    heads = known.shape.heads if known.shape else 1 << 10
    inside = [one for one in (1, 2, 4, 8, 16) if one <= per_node and heads % one == 0]
    return [(one, 1) for one in inside] + [(inside[-1], nodes) for nodes in (2, 3, 4, 8)]


def _request(known: Known, settings: Settings) -> int | None:
    shape = known.shape
    if shape is None:
        return None
    usual = shape.quantisation.cache if shape.quantisation and shape.quantisation.cache else None
    width = cache_bytes(settings.cache_dtype, usual or number_width(shape, settings))
    if width is None:
        return None
    return request_bytes(shape, settings.length, width, settings.tensor, settings.pipeline, settings.step)


def _judged(known: Known, settings: Settings, room: Room) -> tuple[Fits, str]:
    if refused := _refused(known, settings, room):
        return Fits.no, refused
    if known.shape is None:
        return Fits.unknown, "the weights go in; what a request caches cannot be told from a name"
    if room.request is None:
        return Fits.unknown, f"how much --kv-cache-dtype={settings.cache_dtype} takes is not known here"
    found = {_enough(room, room.reserve * (share - 1.0)) for share in (0.5, 1.0, 1.5)}
    if len(found) == 2:
        return Fits.close, "it depends on what a step computes in, which vLLM measures when it starts"
    return (Fits.yes, "") if found == {True} else (Fits.no, "one request of the promised length does not fit")


def _refused(known: Known, settings: Settings, room: Room) -> str:
    """Why vLLM would not start whatever is cached; empty when it would."""
    heads = known.shape.heads if known.shape else 0
    if heads % settings.tensor:
        return f"{heads} heads cannot be divided over {settings.tensor} GPUs, and vLLM refuses to start"
    if room.weights >= room.usable:
        return "the weights alone are more than vLLM may use of a GPU"
    return _too_long(known, settings)


def _too_long(known: Known, settings: Settings) -> str:
    """Why vLLM refuses the promised length whatever the memory (config/model.py); empty when it does not."""
    shape = known.shape
    if shape is None or not shape.positions or shape.scaled or settings.length <= shape.positions:
        return ""
    return f"{settings.length} tokens are promised, and the model was made for {shape.positions}"


def _enough(room: Room, more: float) -> bool:
    return room.cache - more >= (room.request or 1)


def _on_cpu(plain: Fit, known: Known) -> Fit:
    """The container's limit against weights, the KV cache that is set aside, and 2 GiB of the process itself."""
    settings, weights = plain.settings, plain.weights
    assert weights is not None
    cache = int(settings.cpu_cache * GIB)
    room = Room(settings.memory, settings.memory, weights.bytes, UNSEEN, cache, _request(known, settings))
    need = weights.bytes + cache + UNSEEN
    if need > settings.memory:
        return replace(plain, fits=Fits.no, why="the container's memory limit is less than all of it", room=room)
    if known.shape is None:
        return replace(plain, why="the weights go in; what a request caches cannot be told from a name", room=room)
    short = room.request is not None and room.request > cache
    why = "one request of the promised length needs more than VLLM_CPU_KVCACHE_SPACE" if short else ""
    why = _too_long(known, settings) or why
    return replace(plain, fits=Fits.no if why else Fits.yes, why=why, room=room)
