"""What a move needs of the cluster, and what it starts and stops paying for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointsman.layers.contract import Layer
from pointsman.layers.needs import Requests
from pointsman.move.plan.capacity import Room
from pointsman.spec.model import Model

__all__ = ["Needs", "Price", "hourly", "needs_of", "price_of"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What the target asks for, and what is free by the scheduler's count (requests, taints, pods that wait)."""

    gpus: int
    cpu: int
    """Thousandths of a core."""
    memory: int
    """Bytes."""
    free_gpus: int
    total_gpus: int
    pending_gpus: int
    """Asked for by pods that no node took yet; they come first."""
    free_cpu: int
    free_memory: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-like."""
        return {
            "gpus": {
                "needed": self.gpus,
                "free": self.free_gpus,
                "total": self.total_gpus,
                "pending": self.pending_gpus,
            },
            "cpuMillicores": {"needed": self.cpu, "free": self.free_cpu},
            "memoryBytes": {"needed": self.memory, "free": self.free_memory},
        }


@dataclass(frozen=True, slots=True)
class Price:
    """Money an hour, in the currency of ``accelerator.pricePerHour``; None: none is declared for that layer."""

    starts: Decimal | None
    stops: Decimal | None
    both_seconds: float
    """For how long both are paid for, as predicted."""

    @property
    def both(self) -> Decimal | None:
        """What standing side by side costs beyond the dearer of the two."""
        if self.starts is None or self.stops is None:
            return None
        return (min(self.starts, self.stops) * Decimal(str(self.both_seconds)) / 3600).quantize(Decimal("0.01"))

    def as_dict(self) -> dict[str, Any]:
        """JSON-like; amounts are text, so that nobody rounds them."""
        told = {"startsPerHour": self.starts, "stopsPerHour": self.stops, "whileBoth": self.both}
        amounts = {key: None if one is None else str(one) for key, one in told.items()}
        return {**amounts, "bothSeconds": round(self.both_seconds, 1)}


def needs_of(layer: Layer, model: Model, room: Room) -> Needs:
    """What the layer asks for, beside what the room has."""
    asks = Requests()
    for need in layer.needs(model):
        asks = asks.plus(need.asks)
    free = room.spare
    return Needs(asks.gpus, asks.cpu, asks.memory, room.available, room.total, room.pending, free.cpu, free.memory)


def price_of(source: Layer, target: Layer, model: Model, both_seconds: float) -> Price:
    """What the move starts and stops."""
    return Price(hourly(target, model, target.gpus(model)), hourly(source, model, source.gpus(model)), both_seconds)


def hourly(layer: Layer, model: Model, gpus: int) -> Decimal | None:
    """Money an hour for so many of the layer's accelerators; None when no price is declared for it."""
    price = model.on(layer.id).spec.accelerator.price_per_hour
    if not gpus:
        return Decimal(0)
    return None if price is None else price * gpus
