"""What is told beside the data: a warning with a stable code and a place."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Told"]


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One warning."""

    code: str
    where: str
    what: str
    next_action: str = ""

    def lines(self) -> list[str]:
        """As the program writes it, for people."""
        head = f"warning [{self.code}] at {self.where}: {self.what}"
        return [head, f"  next: {self.next_action}"] if self.next_action else [head]

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"code": self.code, "where": self.where, "what": self.what, "next": self.next_action}
