"""What one replica runs on: accelerators, CPU and memory, and where its pods may be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pointsman.spec.block import Block
from pointsman.spec.words import Money, Quantity

__all__ = ["Accelerator", "ResourceList", "Resources", "Toleration"]


class Toleration(Block):
    """A taint that the pods accept."""

    key: str | None = None
    """The taint's key; every one when absent."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """How ``value`` is compared."""
    value: str | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; every one when absent."""


class Accelerator(Block):
    """What one replica computes on."""

    gpus_per_replica: Annotated[int, Field(ge=0, le=64)] = 1
    """0 runs on the CPU."""
    price_per_hour: Money | None = None
    """What one accelerator costs an hour, in whatever currency the reader thinks in; for plans only."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False)] = ()
    """Taints the pods accept."""


class ResourceList(Block):
    """One side of the resources: both numbers are written, because KServe fills in its own for a missing one."""

    cpu: Quantity
    """Cores."""
    memory: Quantity
    """Bytes."""


class Resources(Block):
    """CPU and memory of one engine container."""

    requests: ResourceList
    """What the scheduler sets aside."""
    limits: ResourceList
    """What it may use."""
