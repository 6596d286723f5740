"""What marked requests showed of a split: who answered, by alias, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.edge.contract import Member, Observation
from pointsman.move.judging.binomial import plausible

__all__ = ["Split"]


@dataclass
class Split:
    """Answers so far, over all aliases that move together."""

    members: Sequence[Member]
    target: str
    """Id of the target's layer."""
    answered: dict[str, int] = field(default_factory=dict)
    """By member."""
    failed: dict[str, int] = field(default_factory=dict)
    """By kind."""
    aliases: dict[str, dict[str, int]] = field(default_factory=dict)
    """By alias and member."""

    def add(self, seen: Observation) -> None:
        """Take in some more."""
        _add(self.answered, seen.answered)
        _add(self.failed, seen.failed)
        for alias, counts in seen.aliases.items():
            _add(self.aliases.setdefault(alias, {}), counts)

    def doubt(self, percent: int) -> str:
        """What chance does not explain, in words; empty when it explains all.

        What failed may have been meant for either side. Others' share is none of our doing: it is no doubt of ours.
        """
        broken = sum(self.failed.values())
        hits, count = self._hits(self.answered)
        if not any(hits + more and plausible(hits + more, count + broken, percent / 100) for more in {0, broken}):
            return f"{hits} of {count} requests"
        for alias, counts in self.aliases.items():
            hits, count = self._hits(counts)
            if not any(plausible(hits + more, count + broken, percent / 100) for more in {0, broken}):
                return f"{hits} of {count} requests for {alias}"
        return ""

    def others_may_have_failed(self) -> bool:
        """Can all failures be those of members that are none of ours, going by their share?"""
        failed, whole = sum(self.failed.values()), sum(one.weight for one in self.members)
        share = sum(one.weight for one in self.members if not one.ours) / whole if whole else 0.0
        answered = sum(self.answered.values())
        theirs = answered - self._hits(self.answered)[1]
        return bool(share) and plausible(theirs + failed, answered + failed, share)

    def as_dict(self) -> dict[str, Any]:
        """For the journal: the target's percent of what members of ours answered, and who answered how many."""
        hits, count = self._hits(self.answered)
        others = sum(self.answered.values()) - count
        return {
            "percent": round(100 * hits / count, 1) if count else 0.0,
            "requests": count,
            "answered": dict(self.answered),
            **({"others": others, "othersPercent": self._others_percent(others)} if any(self._others()) else {}),
            **({"aliases": {alias: dict(one) for alias, one in self.aliases.items()}} if len(self.aliases) > 1 else {}),
        }

    def _others_percent(self, others: int) -> float:
        return round(100 * others / max(1, sum(self.answered.values())), 1)

    def _others(self) -> Iterator[str]:
        return (one.id for one in self.members if not one.ours)

    def _hits(self, counts: Mapping[str, int]) -> tuple[int, int]:
        """Answers of the target, and of all that is ours."""
        ours = {one.id: one.layer for one in self.members if one.ours}
        known = {one: many for one, many in counts.items() if one in ours}
        return sum(many for one, many in known.items() if ours[one] == self.target), sum(known.values())


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for key, count in more.items():
        if count:
            sums[key] = sums.get(key, 0) + count
