"""What checks found, and what they could not look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.findings import Finding as Mendable
from pointsman.checks.check import Check, Level, Told

__all__ = ["Broken", "Finding", "Outcome", "Skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One."""

    check: Check
    where: str
    """``file:line``, or the object where it comes from a cluster."""
    object: str
    """``InferenceService kserve/qwen``; empty where it is of none."""
    told: Told
    ignored: str = ""
    """The reason that stands beside it for ignoring it; empty when it counts."""

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.check.level

    @property
    def what(self) -> str:
        """The sentence, with the object's name."""
        return f"{self.object}: {self.told.what}" if self.object else self.told.what

    @property
    def next_action(self) -> str:
        """What to do."""
        return self.told.next_action or self.check.remedy

    def mendable(self) -> Mendable:
        """As the mender takes it."""
        told = self.told
        return Mendable(self.check.id, told.model, self.where, self.what, self.next_action, told.fixes, told.tied)

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "id": self.check.id,
            "name": self.check.name,
            "level": self.level.value,
            "where": self.where,
            "object": self.object or None,
            "model": self.told.model or None,
            "what": self.what,
            "cause": self.check.cause,
            "next": self.next_action,
            "sure": self.check.sure.value,
            "fact": self.check.fact,
            "page": self.check.page,
            "fixable": bool(self.told.fixes),
            "ignored": self.ignored or None,
        }


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that could not look, or not everywhere."""

    check: Check
    why: str

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"id": self.check.id, "name": self.check.name, "why": self.why}


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that raised: a bug of ours, and no statement about anything."""

    check: Check
    error: str

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"id": self.check.id, "name": self.check.name, "error": self.error}


@dataclass(slots=True)
class Outcome:
    """All of it."""

    findings: list[Finding] = field(default_factory=list)
    """Those that are ignored, too."""
    skipped: list[Skipped] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    ran: int = 0
    """Checks that looked at everything they read."""
    objects: int = 0
    configurations: int = 0
    """Files of LiteLLM that no object holds."""
    models: int = 0
    """Files that say that they are Models."""

    @property
    def looked(self) -> bool:
        """Was there anything to look at?"""
        return bool(self.objects or self.configurations or self.models)

    @property
    def counted(self) -> list[Finding]:
        """Those that nobody ignores."""
        return [one for one in self.findings if not one.ignored]

    def at_least(self, level: Level) -> Sequence[Finding]:
        """Those of this level or worse."""
        return [one for one in self.counted if one.level.rank >= level.rank]
