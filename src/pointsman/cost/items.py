"""Each thing that is paid for, one by one: a pod's GPUs, GPUs nobody asks for, a volume, a load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from pointsman.cost.engines import Use
from pointsman.cost.models import NOBODY, Owner

__all__ = ["GPU", "LOAD_BALANCER", "VOLUME", "Item"]

GPU, VOLUME, LOAD_BALANCER = "gpu", "volume", "loadBalancer"


@dataclass(frozen=True, slots=True)
class Item:
    """One."""

    kind: str
    name: str
    """The object: ``Pod serving/qwen-0``."""
    owner: Owner = NOBODY
    """Whose it is; of nobody's, or nobody's that is known, empty."""
    namespace: str = ""
    node: str = ""
    state: str = ""
    """``running``, ``nobody's``, ``mounted``, ``parked``, ``released``, …"""
    devices: Mapping[str, int] = field(default_factory=dict)
    """Accelerators by resource name."""
    gpus: Fraction = Fraction(0)
    """GPUs among them, slices left out."""
    gib: Decimal | None = None
    """Of a volume."""
    hourly: Decimal | None = None
    """Money an hour; None when no price says it."""
    why: str = ""
    """Why not."""
    reserved: bool = True
    """Does a pod request it? False: it is there, and nobody asks for it."""
    use: Use | None = None
    """Of an engine's GPUs."""

    @property
    def share(self) -> Fraction | None:
        """How much of it is used, 0 to 1; None where nobody can say."""
        if not self.reserved:
            return Fraction(0)
        return self.use.share if self.use is not None else None
