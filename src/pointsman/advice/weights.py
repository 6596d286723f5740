"""The bytes of a model's weights once they are loaded, and how that number was come by."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.advice.known import Known
from pointsman.advice.parameters import parameters_of
from pointsman.advice.quantisation import DTYPES, Quantisation, by_flag
from pointsman.advice.settings import Settings
from pointsman.advice.shape import Shape

__all__ = ["Weights", "number_width", "weights_of"]


@dataclass(frozen=True, slots=True)
class Weights:
    """All of them, of one copy of the model."""

    bytes: int
    parameters: int | None
    active: int | None
    """Of a mixture of experts: those that compute for a token."""
    how: str
    """As a sentence's part."""
    unknown: tuple[str, ...] = ()


def number_width(shape: Shape, settings: Settings) -> int:
    """Bytes of a number that is not quantised. ``--dtype=auto`` loads float32 as 16 bits (vLLM, config/model.py)."""
    if settings.dtype != "auto":
        return DTYPES.get(settings.dtype, 2)
    return min(2, DTYPES.get(shape.dtype, 2))


def weights_of(known: Known, settings: Settings) -> Weights | None:
    """The weights; None when nothing tells their size."""
    if known.shape is None:
        return _by_name(known, settings)
    shape, width = known.shape, number_width(known.shape, settings)
    counted = parameters_of(shape)
    made = shape.quantisation or (by_flag(settings.quantisation) if settings.quantisation else None)
    active = counted.active if shape.experts else None
    if known.bytes is not None and DTYPES.get(shape.dtype, width) == width and (shape.quantisation or not made):
        return Weights(known.bytes, counted.total, active, "the bytes that model.safetensors.index.json says")
    bits, unknown = _bits(made, width)
    size = int(counted.matrices * bits / 8) + counted.rest * width
    told = f"{_billions(counted.total)} parameters by config.json, {_numbers(made, bits, width)}"
    return Weights(size, counted.total, active, told, unknown)


def _bits(made: Quantisation | None, width: int) -> tuple[float, tuple[str, ...]]:
    if made is None:
        return width * 8.0, ()
    if made.bits is None:
        why = f"how many bits {made.method} takes is not known here, so weights are counted as not quantised"
        return width * 8.0, (why,)
    return made.bits, ()


def _numbers(made: Quantisation | None, bits: float, width: int) -> str:
    plain = f"{width * 8} bits each"
    if made is None or made.bits is None:
        return plain
    return f"{made.method} {bits:.4g} bits each in the layers (scales included), {width * 8} elsewhere"


def _by_name(known: Known, settings: Settings) -> Weights | None:
    if known.parameters is None:
        return None
    width = DTYPES.get(settings.dtype, 2) * 8.0
    bits = known.bits if known.bits < 16 else width
    bits = 8.0 if settings.quantisation == "fp8" else bits
    told = f"{_billions(known.parameters)} parameters, {bits:.4g} bits each, an estimate by the name alone"
    return Weights(int(known.parameters * bits / 8), known.parameters, None, told, (known.remark,) * bool(known.remark))


def _billions(number: int) -> str:
    return f"{number / 1e9:.3g} billion" if number >= 1e9 else f"{number / 1e6:.3g} million"
