"""What a layer itself takes beside the engines: controllers, an endpoint picker, GPUs that only prefill.

Amounts are those of KServe v0.20.0's own manifests (``config/manager/manager.yaml``, ``config/llmisvc/manager.yaml``
and ``config/llmisvcconfig/config-llm-scheduler.yaml``): what is requested, not what is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pointsman.advice.prices import Price
from pointsman.layers.registry import layer as layer_called
from pointsman.spec.model import Model

__all__ = ["Overhead", "Part", "overhead_of"]

MANIFESTS = "KServe v0.20.0, its own manifests"


@dataclass(frozen=True, slots=True)
class Part:
    """Pods that the layer needs."""

    what: str
    cpu: str
    memory: str
    """Requested; empty where its manifest requests nothing, or it is somebody else's."""
    shared: bool
    """One for all models, or one for each?"""
    source: str


@dataclass(frozen=True, slots=True)
class Overhead:
    """Of one model on one layer, an hour."""

    parts: tuple[Part, ...]
    gpus: int
    """Of engines that answer."""
    prefill: int
    """GPUs that only prefill."""
    price: Decimal | None
    """Of all GPUs; None where no price is known."""
    extra: Decimal | None
    """Of those that only prefill."""
    source: str
    """Of the price."""


_CERTIFICATES = Part("cert-manager, three pods, unless it is there already", "", "", True, MANIFESTS)
_KSERVE = Part("KServe's controller", "100m", "200Mi", True, MANIFESTS)
_PARTS: Mapping[str, tuple[Part, ...]] = {
    "raw-vllm": (),
    "kserve": (_KSERVE, _CERTIFICATES),
    "llm-d": (
        Part("the endpoint picker, with its tokenizer", "1256m", "2548Mi", False, MANIFESTS),
        Part("the llmisvc controller", "100m", "300Mi", True, MANIFESTS),
        Part("a Gateway's data plane; what it takes is its maker's business", "", "", True, "docs/layers/llm-d.md"),
        _CERTIFICATES,
    ),
}


def overhead_of(model: Model, layer: str, price: Price | None) -> Overhead:
    """What it takes, by the spec; ``price``: of one GPU."""
    needs = layer_called(layer).needs(model)
    every = sum(one.gpus for one in needs)
    prefill = sum(one.gpus for one in needs if one.role == "prefill")
    said = model.on(layer).spec.accelerator.price_per_hour
    known = Price(said, "spec.accelerator.pricePerHour") if said is not None else price
    return Overhead(
        _PARTS[layer],
        every - prefill,
        prefill,
        known.of(every) if known else None,
        known.of(prefill) if known else None,
        known.source if known else "",
    )
