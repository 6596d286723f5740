"""Who answered tenants during a move, and how often: the engines' own counts, less the move's own requests.

Every number is a count or the word ``unknown``; what is known of an unknown one stands beside it as a range. A number
is exact when every engine process of the layer was read at both ends of its time in the move, and every request that
the move sent itself is accounted for, or cannot make a difference: a range of one number is that number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.move.journal.readings import Captured, Entry
from pointsman.move.journal.tally import EVERY, OTHERS
from pointsman.move.probes.counters import more, unfinished, whole

__all__ = ["UNKNOWN", "traffic_of"]

UNKNOWN = "unknown"

Count = int | str


@dataclass(frozen=True, slots=True)
class _Sum:
    """What a layer's engines counted: a number that is at least true, and why it may be more."""

    answered: int = 0
    aborted: int = 0
    failed: int = 0
    cut: int = 0
    why: tuple[str, ...] = ()
    """Reasons why more may have happened than is known; none: the numbers are exact."""
    blind: tuple[str, ...] = ()
    """Reasons why not even a lower bound is known."""
    silent: bool = False
    """Did an engine say nothing at the end, so that nobody knows what was under way on it?"""


def traffic_of(captured: Captured, layers: Iterable[str], members: Mapping[str, str]) -> dict[str, Any]:
    """By layer, and over all; ``members`` are the layers of the alias' members by id."""
    edge = _edge(captured, members)
    named = list(dict.fromkeys([*layers, *(str(one["layer"]) for one in captured.last.values())]))
    rows = {layer: _row(layer, captured) for layer in named}
    return {
        "tenants": _together(row["tenants"] for row in rows.values()),
        "own": sum(sum(count for way, count in row["own"].items() if way != "unsure") for row in rows.values()),
        "cut": _together(row["cut"] for row in rows.values()),
        "layers": rows,
        "others": _others(captured, edge) if OTHERS in members.values() else None,
        "edge": edge,
    }


def _others(captured: Captured, edge: Mapping[str, Any]) -> dict[str, Any]:
    """Members of the alias that are none of ours: no engine of theirs is read, so the edge's counters are all."""
    mine = sum(count for way, count in captured.own_of(OTHERS).items() if way != "unsure")
    count = edge["answered"].get(OTHERS, UNKNOWN if edge["why"] else 0)
    least = edge["atLeast"].get(OTHERS, 0) if isinstance(edge["atLeast"], Mapping) else UNKNOWN
    return {
        "tenants": count - mine if isinstance(count, int) else UNKNOWN,
        "atLeast": max(0, least - mine) if isinstance(least, int) else UNKNOWN,
        "own": mine,
    }


def _edge(captured: Captured, members: Mapping[str, str]) -> dict[str, Any]:
    """What the edge's own counters say. Its replicas are replaced at every shift and take their last counts along."""
    least: dict[str, int] = {}
    for name, counts in captured.edge_last.items():
        before = captured.edge_first.get(name) or {}
        for member, count in (counts or {}).items():
            layer = members.get(member) or members.get(member.partition("@")[0], member)
            least[layer] = least.get(layer, 0) + count - before.get(member, 0)
    mute = sorted(name for name, counts in captured.edge_last.items() if counts is None)
    mute += sorted(name for name, counts in captured.edge_first.items() if counts is None and name not in mute)
    gone = sorted(set(captured.edge_last) - set(captured.edge) - set(mute))
    why = [f"replica {name} serves no counters" for name in mute]
    why += [f"replica {name} ended after its last reading" for name in gone]
    if not captured.edge_last:
        why.append("no replica was read")
    known = [name for name in captured.edge_last if name not in mute]
    return {
        "answered": dict.fromkeys(least, UNKNOWN) if why else dict(least),
        "atLeast": dict(least) if known else UNKNOWN,
        "why": why,
    }


def _together(counts: Iterable[Count]) -> Count:
    total = 0
    for count in counts:
        if isinstance(count, str):
            return UNKNOWN
        total += count
    return total


def _row(layer: str, captured: Captured) -> dict[str, Any]:
    entries = {key: one for key, one in captured.last.items() if one["layer"] == layer and one["role"] == "serve"}
    summed = _summed(entries, captured)
    own = captured.own_of(layer)
    mine = sum(count for way, count in own.items() if way != "unsure")
    unsure = own.get("unsure", 0) + captured.own_of(EVERY).get("unsure", 0)
    doubts = [f"{unsure} requests of the move's own got no answer and may have been counted"] if unsure else []
    doubts += [_lapse(many) for many in captured.lapses]
    if summed.answered < mine:
        doubts.append("more requests of the move's own were answered than the engines counted")
    exact = not (summed.why or summed.blind)
    known = _range(summed, mine, unsure, captured.lapses)
    tenants = known["atMost"] if known["atLeast"] == known["atMost"] else UNKNOWN
    return {
        "answered": summed.answered if exact else UNKNOWN,
        "tenants": tenants,
        "range": known,
        "own": own,
        "aborted": summed.aborted if exact else UNKNOWN,
        "failed": summed.failed if exact else UNKNOWN,
        "cut": UNKNOWN if summed.blind or summed.silent else summed.cut,
        "engines": len(entries),
        "why": [*summed.blind, *summed.why, *doubts] if tenants == UNKNOWN else [],
    }


def _lapse(many: int | None) -> str:
    least = "an unknown number of" if many is None else f"up to {many}"
    return f"a process of the move's own died, with {least} requests of its own that it had not written down"


def _range(summed: _Sum, mine: int, unsure: int, lapses: Sequence[int | None]) -> dict[str, Count]:
    """What is known of tenants' answered requests in any case."""
    known = not summed.blind
    lapsed = sum(many or 0 for many in lapses)
    bounded = known and None not in lapses
    least = max(0, summed.answered - mine - unsure - lapsed) if bounded else UNKNOWN
    most = summed.answered - mine if known and not summed.why and summed.answered >= mine else UNKNOWN
    return {"atLeast": least, "atMost": most}


def _summed(entries: Mapping[str, Entry], captured: Captured) -> _Sum:
    answered = aborted = failed = cut = 0
    silent = False
    why: list[str] = []
    blind: list[str] = [] if captured.complete else ["the journal has no reading from before the move"]
    for key, last in entries.items():
        first = captured.first.get(key)
        if "finished" not in last or (first is not None and "finished" not in first):
            blind.append(f"{last['pod']} was never read: {last.get('unread', 'no answer')}")
            continue
        before = first or {}
        finished, http = (more(before.get(name, {}), last.get(name, {})) for name in ("finished", "answered"))
        answered += round(whole(finished))
        aborted += round(unfinished(finished, http))
        failed += round(http.get("5xx", 0.0))
        if last["gone"] and not last["final"]:
            cut += int((last["running"] or 0) + (last["waiting"] or 0))
            why.append(f"{last['pod']} ended after its last reading, while tenants could still reach it")
        elif not last["gone"] and last.get("unread"):
            silent = True
            why.append(f"{last['pod']} could not be read at the end: {last['unread']}")
    return _Sum(answered, aborted, failed, cut, tuple(why), tuple(blind), silent)
