"""What engines counted, as the journal keeps it: one entry per engine process, the latest reading wins.

An engine's counters begin at 0 with its process and are gone with it. An entry is therefore keyed by pod and restart,
and a process that was there when the move began has its first reading in the opening record. Nothing here asks
anybody: ``pointsman.move.counting.capture`` reads, this folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.move.journal.tally import Counts, total

__all__ = ["CAPTURED", "LEFT", "Captured", "take_captured"]

CAPTURED = "captured"
"""Key of a record's detail."""
LEFT = "left"
"""In it, when a move is claimed: the allowance of the process that carried it before (``journal.tally``)."""

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Captured:
    """The fold of all records' captures."""

    first: Mapping[str, Entry] = field(default_factory=dict)
    """Engine processes that ran when the move was opened, as they were read then."""
    last: Mapping[str, Entry] = field(default_factory=dict)
    """Every engine process that was ever seen, as it was read last."""
    own: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """The move's own requests: by process of ours, by layer, by way; each process counts from 0."""
    edge: Mapping[str, str] = field(default_factory=dict)
    """The edge's ready replicas and the revision each runs, at the last look."""
    edge_first: Mapping[str, Mapping[str, int] | None] = field(default_factory=dict)
    """What the edge's replicas had answered when the move began, by member; None: that one does not say."""
    edge_last: Mapping[str, Mapping[str, int] | None] = field(default_factory=dict)
    """What every replica of the edge that was ever seen had answered, as it was read last."""
    lapses: tuple[int | None, ...] = ()
    """For each process of ours that died with requests of its own not written down: how many at most; None: unknown."""
    allowance: Mapping[str, int] = field(default_factory=dict)
    """The last allowance of each process that a record has taken the place of."""
    allowing: bool = False
    """Does the process that opened the move say how many requests of its own it may send? Older ones did not."""
    complete: bool = False
    """Was there a first reading at all? Journals of an older version have none."""

    def own_of(self, layer: str) -> dict[str, int]:
        """The move's own requests to a layer, by way, over all processes that carried it."""
        total: dict[str, int] = {}
        for by_layer in self.own.values():
            for way, count in by_layer.get(layer, {}).items():
                total[way] = total.get(way, 0) + count
        return total


def take_captured(before: Captured, detail: Mapping[str, Any], *, epoch: int, opening: bool, claimed: bool) -> Captured:
    """The fold after one more record."""
    found = detail.get(CAPTURED)
    if claimed and not before.allowing:
        before = replace(before, lapses=(*before.lapses, None))
    if not isinstance(found, Mapping):
        return before
    engines: Mapping[str, Entry] = found.get("engines", {})
    after = replace(
        before,
        first=dict(engines) if opening else before.first,
        last={**before.last, **engines},
        edge=found.get("edge", before.edge),
        edge_first=found.get("answered", {}) if opening else before.edge_first,
        edge_last={**before.edge_last, **found.get("answered", {})},
        allowing=before.allowing or (opening and "allowance" in found),
        complete=before.complete or (opening and "engines" in found),
    )
    if "own" in found:
        after = replace(after, own={**before.own, str(epoch): found["own"]})
    if "allowance" in found:
        after = replace(after, allowance={**before.allowance, str(epoch): found["allowance"]})
    for dead, left in found.get(LEFT, {}).items():
        after = _lapsed(after, dead, left)
    return after


def _lapsed(before: Captured, epoch: str, left: Mapping[str, Any]) -> Captured:
    """A process died after it had allowed itself to ask: of what it asked, that much is not known."""
    if "torn" in left:
        return replace(before, lapses=(*before.lapses, None))
    if left["serial"] <= before.allowance.get(epoch, 0):
        return before
    recorded: Counts = before.own.get(epoch, {})
    most = total(left["own"]) + left["open"]
    known = max(recorded, left["own"], key=total)
    return replace(
        before,
        own={**before.own, epoch: known},
        lapses=(*before.lapses, max(0, most - total(known))),
        allowance={**before.allowance, epoch: left["serial"]},
    )
