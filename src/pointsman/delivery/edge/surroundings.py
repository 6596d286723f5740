"""What changes of an edge in git are made with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pointsman.delivery.boundary import Clock, Cluster

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery is made with."""

    cluster: Cluster
    clock: Clock
    clone: Path
    """A clone of the repository, any folder of it; nothing in it is touched but objects and refs of ours."""
    timeout: float = 300.0
    """Seconds for Argo CD to bring a commit into the cluster."""
