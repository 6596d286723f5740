"""Do the receipts say what tenants counted? Held against each other to the request, while tenants never pause.

What an engine process has answered only grows. Read when all is quiet, before tenants come and after they left, it
divides without a rest into what lies in receipts' windows, from their first to their last reading of the process,
and what lies outside of all windows. Receipts take their moves' own requests out, so for every layer what tenants
were answered is what the receipts say and what was answered outside. A receipt that does not know says a range, and
then the sum is a range too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.demo.counts import Count
from pointsman.demo.ledger import Entry
from pointsman.demo.reconciliation import Bounds, Reconciliation, Row
from pointsman.move.counting.traffic import UNKNOWN
from pointsman.move.probes.counters import whole

__all__ = ["reconcile"]

Receipt = Mapping[str, Any]


@dataclass
class _Sum:
    bounds: Bounds = field(default_factory=Bounds)
    why: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def reconcile(
    before: Mapping[str, Count],
    after: Mapping[str, Count],
    receipts: Iterable[Receipt],
    entries: Sequence[Entry],
    layer_of: Callable[[Entry], str],
) -> Reconciliation:
    """Hold the ledger's entries against the receipts of all moves between two quiet counts of the engines.

    ``layer_of`` is the layer that an entry's answer came from; empty: nobody knows.
    """
    told = sorted(receipts, key=lambda one: str(one["started"]))
    counted = {*(one.layer for one in before.values()), *(one.layer for one in after.values())}
    named = {layer for one in told for layer in one["traffic"]["layers"]}
    heard = {layer_of(one) for one in entries if one.answered}
    rows = {
        layer: _row(layer, before, after, told, [one for one in entries if layer_of(one) in ("", layer)])
        for layer in sorted(counted | named | heard)
    }
    return Reconciliation(rows, sum(not one.answered for one in entries))


def _row(
    layer: str,
    before: Mapping[str, Count],
    after: Mapping[str, Count],
    receipts: Sequence[Receipt],
    entries: Sequence[Entry],
) -> Row:
    said, outside = _said(layer, receipts), _outside(layer, before, after, receipts)
    answered = sum(one.answered for one in entries)
    why = tuple(dict.fromkeys([*said.why, *outside.why]))
    return Row(answered, said.bounds, outside.bounds, len(entries) - answered, why, tuple(outside.wrong))


def _said(layer: str, receipts: Sequence[Receipt]) -> _Sum:
    """What the receipts together say that tenants were answered by the layer."""
    total = _Sum()
    for receipt in receipts:
        row = receipt["traffic"]["layers"].get(layer)
        if row is None:
            continue
        if row["tenants"] == UNKNOWN:
            least, most = row["range"]["atLeast"], row["range"]["atMost"]
            total.bounds += Bounds(0 if least == UNKNOWN else least, math.inf if most == UNKNOWN else most)
            total.why += [f"{receipt['move']}: {why}" for why in row["why"]]
        else:
            total.bounds += Bounds(row["tenants"], row["tenants"])
    return total


def _outside(layer: str, before: Mapping[str, Count], after: Mapping[str, Count], receipts: Sequence[Receipt]) -> _Sum:
    """What the layer's engine processes answered outside of all receipts' windows."""
    windows: dict[str, list[tuple[str, Mapping[str, Any]]]] = {
        key: [] for counts in (before, after) for key, one in counts.items() if one.layer == layer
    }
    for receipt in receipts:
        for row in receipt["engines"]:
            if row["layer"] == layer and row["role"] == "serve":
                windows.setdefault(row["process"], []).append((receipt["move"], row))
    total = _Sum()
    for key, rows in windows.items():
        _add(total, key, _gaps(key, before.get(key), after.get(key), rows))
    return total


Gap = tuple[int | None, int | None, str]
"""The process' count where a gap begins and where it ends (None: not known), and what it is."""


def _gaps(
    key: str, before: Count | None, after: Count | None, rows: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterable[Gap]:
    place: int | None = before.answered if before else 0
    gone = False
    for move, row in rows:
        yield place, _at(row["first"]), f"before {move}"
        place, gone = _at(row["last"]), row["gone"]
    if after is not None:
        yield place, after.answered, "at the end"
    elif not gone:
        yield place, None, "and ended outside of every move"


def _at(numbers: Any) -> int | None:
    """The process' count in a receipt's reading; one that began during the move began at 0."""
    if numbers == UNKNOWN:
        return None
    return round(whole(numbers["finished"])) if numbers else 0


def _add(total: _Sum, key: str, gaps: Iterable[Gap]) -> None:
    for begin, end, where in gaps:
        if begin is None or end is None:
            total.bounds += Bounds(0, math.inf)
            total.why.append(f"{key} was not read {where}")
        else:
            total.bounds += Bounds(end - begin, end - begin)
            total.wrong += [f"{key} had answered {begin}, and {end} {where}"] if end < begin else []
