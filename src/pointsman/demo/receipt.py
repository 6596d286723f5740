"""The receipt of a move as tenants felt it: the move's own receipt, with the clients' ledger beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.demo.ledger import Entry, Ledger, Window, stream_share, summary

__all__ = ["as_lines", "joined"]

Receipt = dict[str, Any]


def joined(move: Mapping[str, Any], ledger: Ledger, window: Window, around: float) -> Receipt:
    """One object; ``around`` seconds on either side of the window tell how it was before and after."""
    during = ledger.within(window)
    felt = summary(during)
    return {
        **move,
        "requests": felt["requests"],
        "lost": felt["lost"],
        "cut": felt["cut"],
        "wrong": felt["wrong"],
        "streamShareInFlight": stream_share(during, window),
        "requestsPerSecond": round(len(ledger.sent_within(window)) / max(0.001, window.end - window.begin), 2),
        "tenants": {
            "before": summary(ledger.sent_within(Window(window.begin - around, window.begin))),
            "during": felt,
            "after": summary(ledger.sent_within(Window(window.end, window.end + around))),
        },
        "lostRequests": _losses(during, window),
    }


def _losses(entries: Sequence[Entry], window: Window) -> list[Receipt]:
    """What was lost, by reason: how often, when it was sent, how long it had waited."""
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if not entry.answered:
            grouped.setdefault((entry.failure or "unfinished", entry.detail), []).append(entry)
    return [
        {
            "kind": kind,
            "why": why,
            "count": len(group),
            "sentFrom": round(min(one.sent for one in group) - window.begin, 2),
            "sentTo": round(max(one.sent for one in group) - window.begin, 2),
            "longestWait": round(max((one.ended or window.end) - one.sent for one in group), 2),
        }
        for (kind, why), group in sorted(grouped.items(), key=lambda item: -len(item[1]))
    ][:20]


def as_lines(receipt: Mapping[str, Any]) -> list[str]:
    """The tenants' half, for people."""
    during = receipt["tenants"]["during"]
    share = f"{100 * receipt['streamShareInFlight']:.0f} %"
    lines = [
        f"  tenants       {receipt['requests']} requests at {receipt['requestsPerSecond']:.1f}/s, "
        f"{during['streams']} streams ({share} of what was in flight)",
        f"  lost          {receipt['lost']}   cut {receipt['cut']}   wrong {receipt['wrong']}"
        + "".join(f"   {kind} {count}" for kind, count in during["errors"].items()),
        "  answered by   " + ", ".join(f"{name} {count}" for name, count in during["answeredBy"].items()),
    ]
    for name in ("before", "during", "after"):
        felt = receipt["tenants"][name]
        lines.append(f"  {name:<13} {felt['requests']:>5} requests  latency {_spread(felt)}")
    lines += [
        f"  lost          {one['count']} × {one['kind']}, sent {one['sentFrom']:+.1f} to {one['sentTo']:+.1f} s, "
        f"after up to {one['longestWait']:.1f} s: {' '.join(one['why'].split())}"
        for one in receipt["lostRequests"]
    ]
    return lines


def _spread(felt: Mapping[str, Any]) -> str:
    latency, ttft = felt["latency"], felt["ttft"]
    told = [f"{rank} {latency[rank]:.2f} s" for rank in ("p50", "p95", "p99") if rank in latency]
    first = f", first token p50 {ttft['p50']:.2f} s p99 {ttft['p99']:.2f} s" if ttft else ""
    return " ".join(told) + first
