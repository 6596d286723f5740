"""What is needed of a layer that no file says: people state it on the command line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Needs"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What was stated; None and False: nobody said so."""

    fleet: int | None = None
    """Models that are run alike, this one among them."""
    canary: bool = False
    """A new revision is to get a share of the traffic first."""
    url_per_model: bool = False
    """Each model is to have an address outside of the cluster."""
    kv_routing: bool = False
    """Requests are to go where their prefix is cached already."""
    idle_hours: float | None = None
    """Hours a day in which nobody asks."""
    teams: str | None = None
    """``one`` or ``many`` that deploy models."""
    gpus_available: int | None = None
    """Accelerators that this model may have."""
    gpus_per_node: int = 8
    """Of one machine."""
    said_per_node: bool = False

    def said(self) -> dict[str, object]:
        """What was stated, by the option that stated it."""
        told: dict[str, object] = {
            "--fleet": self.fleet,
            "--canary": self.canary or None,
            "--url-per-model": self.url_per_model or None,
            "--kv-routing": self.kv_routing or None,
            "--idle-hours": self.idle_hours,
            "--teams": self.teams,
            "--gpus-available": self.gpus_available,
            "--gpus-per-node": self.gpus_per_node if self.said_per_node else None,
        }
        return {option: value for option, value in told.items() if value is not None}
