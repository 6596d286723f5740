"""Small pieces of text that all reports share: durations, splits, receipts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from pointsman.foreign import harmless
from pointsman.report.counting import count_of

__all__ = ["TITLES", "receipt_lines", "took", "traffic_lines", "write_lines"]

TITLES = {
    "preflight": "preflight",
    "deploy": "deploy the target",
    "serve-ready": "wait until it serves",
    "contract": "prove the contract",
    "shift-10": "shift 10 % of tenants",
    "shift-50": "shift 50 % of tenants",
    "shift-100": "shift all tenants",
    "hold": "hold the source warm",
    "detach": "take the source out",
    "drain": "drain the source",
    "park": "park the source",
}
"""Words for people; a step without any shows its id."""


def took(seconds: float) -> str:
    """``0.3 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60:02d} s"


def receipt_lines(receipt: Mapping[str, Any]) -> list[str]:
    """A move's receipt, for people."""
    head = f"{receipt['model']}: {receipt['from']} → {receipt['to']}, {receipt['state']} in {took(receipt['seconds'])}"
    lines = [head, f"  move          {receipt['move']}", f"  served from   {receipt['servedFrom']}"]
    width = max(12, *(len(step["id"]) + 1 for step in receipt["steps"])) if receipt["steps"] else 12
    for step in receipt["steps"]:
        waits = _waits(step["waits"])
        evidence = _evidence(step)
        told = "; ".join(part for part in (evidence, f"waited: {waits}" if waits else "") if part)
        mark, word = _standing(step["result"], receipt["state"])
        told = "; ".join(part for part in (word, told) if part)
        spent = "-" if word == _UNDER_WAY else took(step["seconds"])
        lines.append(f"  {mark} {step['id']:<{width}}{spent:>9}  {told}".rstrip())
    lines.append(f"  waits         {_waits(receipt['waits']) or 'none'}")
    goal = took(receipt["overheadGoalSeconds"])
    lines.append(f"  overhead      {took(receipt['overheadSeconds'])} (goal: at most {goal})")
    lines += _downtime(receipt["downtime"], receipt["predicted"].get("downtimeSeconds", 0.0))
    lines += _aliases(receipt)
    lines += traffic_lines(receipt["traffic"])
    lines += _pauses(receipt)
    lines += [f"  interrupted   {how}" for how in receipt.get("interruptions", ())]
    lines += [f"  failed        {why}" for why in receipt["failures"]]
    return lines


_UNDER_WAY = "under way"
_RUNNING = ("forward", "committed", "undoing", "aborting")
"""States of a move whose steps run."""


def _standing(result: str, state: str) -> tuple[str, str]:
    """The mark of a step, and a word for one that neither ended nor failed."""
    if result in ("done", "outcome"):
        return "✓", ""
    if result in ("intent", "undo-intent") and state in _RUNNING:
        return ("→" if result == "intent" else "↩"), _UNDER_WAY
    if result == "intent":
        return "·", "paused" if state == "paused" else "not ended"
    return ("↩" if result in ("undo-intent", "undo-outcome") else "✗"), ""


def _pauses(receipt: Mapping[str, Any]) -> list[str]:
    """Why the move is paused, if it is, and what it was paused for before."""
    *before, last = receipt["pauses"] or [""]
    now = receipt["state"] == "paused"
    was = [why for why in (*before, "" if now else last) if why]
    return [*(f"  was paused    {why}" for why in was), *([f"  paused        {last}"] if now else [])]


def _waits(spent: Mapping[str, float]) -> str:
    """Seconds by kind; what would read 0.0 s is left out."""
    return ", ".join(f"{kind} {took(seconds)}" for kind, seconds in spent.items() if round(seconds, 1))


def _downtime(downtime: Mapping[str, Any], predicted: float) -> list[str]:
    """The time without an engine, where there was one on purpose."""
    measured, accepted = downtime["measuredSeconds"], downtime["acceptedSeconds"]
    if not accepted:
        return []
    said = "not over yet" if measured is None else took(measured)
    return [f"  no engine     {said} (predicted {took(predicted)}, accepted at most {took(accepted)})"]


def _aliases(receipt: Mapping[str, Any]) -> list[str]:
    """Which names moved where there are several, which were left, and who asked the source afterwards."""
    moved, left = receipt["aliases"]["moved"], receipt["aliases"]["left"]
    lines = [f"  aliases       {', '.join(moved)}"] if len(moved) > 1 else []
    lines += [f"  left          {', '.join(left)}: may have lost their engine, as --leave said"] if left else []
    said = receipt["askedAfterwards"].get("said")
    return [*lines, *([f"  asked after   {said}"] if said else [])]


def traffic_lines(traffic: Mapping[str, Any]) -> list[str]:
    """What the engines counted: tenants' requests by layer, the move's own beside them, and why a number is unknown."""
    by_layer = ", ".join(f"{layer} {row['tenants']}{_range(row)}" for layer, row in traffic["layers"].items())
    lines = [
        f"  answered      {traffic['tenants']} requests of tenants ({by_layer}), {traffic['own']} of the move's own",
        f"  cut           {traffic['cut']}",
    ]
    known = ((layer, row["aborted"]) for layer, row in traffic["layers"].items() if row["aborted"] != "unknown")
    unfinished = [f"{layer} {count}" for layer, count in known if count]
    if unfinished:
        lines.append(f"  unfinished    {', '.join(unfinished)}: whoever asked left, or the engine gave up")
    if others := traffic["others"]:
        least = f": at least {others['atLeast']}" if others["tenants"] == "unknown" != others["atLeast"] else ""
        lines.append(f"  others        {others['tenants']} requests answered by members that are none of ours{least}")
    reasons = dict.fromkeys(why for row in traffic["layers"].values() for why in row["why"])
    return [*lines, *(f"  unknown       {why}" for why in reasons)]


def _range(row: Mapping[str, Any]) -> str:
    """What is known of a number that is not exact."""
    known = [
        f"{words} {row['range'][key]}"
        for key, words in (("atLeast", "at least"), ("atMost", "at most"))
        if row["range"][key] != "unknown"
    ]
    return f": {', '.join(known)}" if row["tenants"] == "unknown" and known else ""


def _evidence(step: Mapping[str, Any]) -> str:
    evidence = step["evidence"]
    if "observed" in evidence:
        observed = evidence["observed"]
        split = f"asked {evidence['asked']} %, observed {observed['percent']} % of {observed['requests']} requests"
        return split + _judged(evidence)
    if "pods" in evidence:
        return f"{count_of(len(evidence['pods']), 'engine pod')} answered"
    if "checks" in evidence:
        return f"{len(next(iter(evidence['checks'].values()), {}))} checks passed"
    return ""


def _judged(evidence: Mapping[str, Any]) -> str:
    """How a shift was judged, in a few words."""
    found = evidence.get("evidence")
    if not found:
        return ""
    said = "undecided, accepted by a person" if found["accepted"] else "no worse than the source"
    return f"; {said} by {found['looks']} looks and {found['probes']} probes"


def write_lines(stream: TextIO, lines: list[str]) -> None:
    """Write lines and let them be seen."""
    stream.write("".join(f"{harmless(line)}\n" for line in lines))
    stream.flush()
