"""What was not read, and why: said instead of guessed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeftOut"]


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """One thing that was not read, or not understood."""

    where: str
    """``serving/kserve/kustomization.yaml:4``."""
    why: str
    next_action: str = ""

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"where": self.where, "why": self.why, "next": self.next_action}
