"""Everything that advice on one model rests on, put together once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.advice.cluster import Surroundings
from pointsman.advice.fit import Fit, fit_of
from pointsman.advice.gpus import GPUS, Gpu, gpu_of_labels
from pointsman.advice.known import Known
from pointsman.advice.needs import Needs
from pointsman.advice.prices import Price
from pointsman.advice.settings import settings_of
from pointsman.layers.registry import LAYERS
from pointsman.spec.arguments import values
from pointsman.spec.model import Model

__all__ = ["Situation"]


@dataclass(frozen=True, slots=True)
class Situation:
    """Of one model."""

    model: Model
    needs: Needs
    known: Known
    gpu: Gpu | None = None
    """As it was said on the command line."""
    cluster: Surroundings | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)

    @property
    def per_node(self) -> tuple[int, str]:
        """GPUs of one machine, and where that is from."""
        if self.needs.said_per_node:
            return self.needs.gpus_per_node, "--gpus-per-node"
        if self.cluster is not None and self.cluster.per_node:
            return self.cluster.per_node, "the cluster's nodes"
        return self.needs.gpus_per_node, "assumed: an HGX machine has 8"

    def gpu_on(self, layer: str) -> tuple[Gpu | None, str]:
        """What the layer computes on, and where that is from."""
        if self.gpu is not None:
            return self.gpu, "--gpu"
        chosen = gpu_of_labels(self.model.on(layer).spec.accelerator.node_selector)
        if chosen is not None:
            return chosen[0], f"the node selector {chosen[1]}"
        kinds = self.cluster.kinds if self.cluster else ()
        return (kinds[0], "the cluster's only kind of GPU") if len(kinds) == 1 else (None, "")

    def fit_on(self, layer: str) -> Fit:
        """Does it fit there?"""
        gpu = self.gpu_on(layer)[0]
        return fit_of(self.known, settings_of(self.model, layer), gpu, GPUS, self.per_node[0])

    def fits(self) -> dict[str, Fit]:
        """On each layer."""
        return {one.id: self.fit_on(one.id) for one in LAYERS}

    def price_on(self, layer: str) -> Price | None:
        """Of one GPU an hour there."""
        gpu = self.gpu_on(layer)[0]
        return self.prices.get(gpu.name) if gpu else None

    def args_on(self, layer: str) -> dict[str, str]:
        """The engine's flags there."""
        return values(self.model.on(layer).spec.engine.args)
