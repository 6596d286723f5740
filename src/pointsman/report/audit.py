"""What is paid for and nobody uses, for people: each with its owner, its money and the command that ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from pointsman.report.cost import money
from pointsman.report.counting import count_of
from pointsman.report.folding import write_folded
from pointsman.report.table import note

__all__ = ["print_audit"]

MANY = 40
"""Findings of one kind, of which more are only counted."""
NOTHING = "nothing is paid for that nobody uses"


def print_audit(stream: TextIO, said: Mapping[str, Any]) -> None:
    """All of it."""
    write_folded(stream, list(_verdict(said)))
    for one in said["unseen"]:
        note(stream, f"not looked at: {one['what']}: {one['why']}")
    for one in (said["prices"] or {}).get("warnings", ()):
        note(stream, one)
    kept = [line for one in said["kept"] for line in _kept(one)]
    write_folded(stream, [*_findings(said["findings"]), *kept, *_outside(said)])


def _findings(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What costs most first; of many of one kind the first ones."""
    told = Counter[str]()
    for one in sorted(found, key=_dearest):
        told[one["kind"]] += 1
        if told[one["kind"]] <= MANY:
            yield from _finding(one)
    for kind, count in told.items():
        if count > MANY:
            yield f"and {count - MANY} more of kind {kind}: -o json has them all"


def _dearest(one: Mapping[str, Any]) -> float:
    """By what it is known to cost."""
    amounts = one["money"] or {}
    known = amounts.get("perHour") or (amounts.get("atLeast") or {}).get("perHour")
    return -float(known or 0)


def _finding(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['name']}: {one['what']}"
    yield f"  owner: {one['owner']}"
    if one["money"] is not None:
        amounts = one["money"]
        why = f" ({one['moneyNotKnown']})" if one["moneyNotKnown"] else ""
        yield f"  costs: {money(amounts)}/h, {money(amounts, 'perMonth')}/month{why}"
    yield f"  ends:  {one['end']}"
    if one["note"]:
        yield f"         {one['note']}"


def _kept(one: Mapping[str, Any]) -> Iterator[str]:
    amounts = one["money"]
    costs = f": {money(amounts)}/h, {money(amounts, 'perMonth')}/month" if amounts is not None else ""
    yield f"kept: {one['name']} ({one['kept']}){costs}"
    yield f"  ends:  {one['end']}"


def _verdict(said: Mapping[str, Any]) -> Iterator[str]:
    prices = said["prices"]
    if said["findings"]:
        amounts = said["money"]
        what = (
            f"{money(amounts)}/h, {money(amounts, 'perMonth')}/month" if prices else "money not known: no prices given"
        )
        currency = f" {prices['currency']}, prices of {prices['date']} ({prices['basis']})" if prices else ""
        yield f"{count_of(len(said['findings']), 'thing')} found: {what}{currency}"
        kinds = Counter(one["kind"] for one in said["findings"])
        yield f"of kinds: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}"
    elif said["unseen"]:
        yield "nothing found in what could be looked at"
    else:
        yield f"{NOTHING}, but for {count_of(len(said['kept']), 'thing')} told to stay" if said["kept"] else NOTHING
    yield f"looked at: {count_of(said['models'], 'model')}, {count_of(said['calls']['lists'], 'list call')}"


def _outside(said: Mapping[str, Any]) -> Iterator[str]:
    yield "not seen from inside the cluster:"
    yield from (f"  - {one}" for one in said["outside"])
