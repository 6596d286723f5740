"""How this model's moves are judged: what may differ between the layers, and how often to be wrong about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointsman.spec.block import Block
from pointsman.spec.words import LayerId

__all__ = ["Evidence", "Move"]

Ratio = Annotated[float, Field(gt=1.0, le=100.0)]


class Evidence(Block):
    """Thresholds of a shift's verdict. Ratios are target to source."""

    false_alarm: Annotated[float, Field(gt=0.0, le=0.2)] = 0.008
    """How often a shift between equals may be failed."""
    miss: Annotated[float, Field(gt=0.0, le=0.2)] = 0.03
    """How often a target at one of the margins below may be passed."""
    errors: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """Share of errors, beside the source's own, that must not pass."""
    ttft_p50: Ratio = 1.5
    """Median time to first token that must not pass."""
    ttft_p95: Ratio = 3.0
    """Its 95th percentile that must not pass."""
    itl_p50: Ratio = 1.5
    """Median inter-token latency that must not pass."""
    itl_p95: Ratio = 3.0
    """Its 95th percentile that must not pass."""
    noise: Annotated[float, Field(ge=1.0, le=100.0)] = 1.1
    """A ratio up to which a difference is nobody's concern, however certain it is."""
    slack: Annotated[float, Field(ge=0.0, le=10.0)] = 0.005
    """Seconds of the same."""
    requests: Annotated[int, Field(ge=0, le=10_000)] = 300
    """Requests of its own that a shift may spend, to both sides together, where tenants' do not tell enough."""
    minutes: Annotated[float, Field(gt=0.0, le=1440.0)] = 15.0
    """How long a shift may spend on them; an engine that takes longer needs more, and the plan says how much."""


class Move(Block):
    """What holds for every move of the model."""

    bridge: LayerId | None = None
    """A layer that tenants may be served from on the way, when source and target cannot stand side by side."""
    evidence: Evidence = Evidence()
    """When a shift passes."""
