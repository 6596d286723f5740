"""How many replicas a roll starts and ends, as the Deployment controller resolves it (kubernetes 1.34).

``maxUnavailable`` rounds down, ``maxSurge`` up, both are 25 % where nothing is said; when both come to 0, one replica
is ended first, since a surge might never find a place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Object

__all__ = ["Rolling", "rolling"]


@dataclass(frozen=True, slots=True)
class Rolling:
    """How many replicas a roll starts beside, and how many it ends before new ones serve."""

    replicas: int
    surge: int
    unavailable: int


def rolling(deployment: Object) -> Rolling:
    """As the Deployment controller resolves it."""
    spec = deployment["spec"]
    replicas = int(spec.get("replicas", 1))
    asked = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge = _resolved(asked.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = _resolved(asked.get("maxUnavailable", "25%"), replicas, math.floor)
    if not surge and not unavailable:
        unavailable = 1
    return Rolling(replicas, surge, min(unavailable, replicas))


def _resolved(value: Any, replicas: int, rounded: Callable[[float], int]) -> int:
    text = str(value)
    return rounded(int(text[:-1]) * replicas / 100) if text.endswith("%") else int(text)
