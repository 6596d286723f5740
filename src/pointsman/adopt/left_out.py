"""What was not read, and why: said instead of guessed."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LeftOut"]


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """One thing that was not read, or not understood."""

    where: str
    """``serving/kserve/kustomization.yaml:4``."""
    why: str
    next_action: str = ""
    fails: bool = field(default=False, compare=False)
    """Is it sure that Kustomize, and so Argo CD, refuses to build it?"""

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"where": self.where, "why": self.why, "next": self.next_action}
