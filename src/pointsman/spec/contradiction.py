"""What a check of two fields has to say."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.spec.document import Place

__all__ = ["Contradiction"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two fields that cannot both be meant."""

    place: Place
    what: str
    next_action: str
    code: str
