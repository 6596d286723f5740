"""One line per request of every tenant, and what can be said of them: the receipt's numbers come from here.

A request is answered when the whole right text came from a known member under the right model name, and, for a
stream, with a finish reason and ``[DONE]``. Everything else is lost, whatever its status said.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FAILURES", "Entry", "Ledger", "Window", "stream_share", "summary"]

FAILURES = ("connect", "timeout", "status", "cut", "wrong")
"""Kinds of failure: no connection, no answer in time, an HTTP error, an answer that broke off, a wrong one."""


@dataclass(slots=True)
class Entry:
    """One request. Times are seconds on the load's clock; None: it did not happen."""

    number: int
    stream: bool
    prompt: int
    max_tokens: int
    sent: float
    first: float | None = None
    ended: float | None = None
    status: int = 0
    member: str = ""
    """Who answered, by the edge's own header."""
    base: str = ""
    """Where the answer came from, as the edge says: the base URL that it asked."""
    retries: int = 0
    """Attempts of the edge that failed before this answer."""
    unlike: bool = False
    """Was its text another than the right one?"""
    failure: str = ""
    detail: str = ""

    @property
    def answered(self) -> bool:
        """The whole right answer came."""
        return self.ended is not None and not self.failure


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the load's clock."""

    begin: float
    end: float

    def touches(self, entry: Entry) -> bool:
        """Was the request under way at some moment of the window?"""
        return entry.sent < self.end and (entry.ended is None or entry.ended > self.begin)

    def overlap(self, entry: Entry) -> float:
        """Seconds of the window during which the request was under way."""
        ended = self.end if entry.ended is None else entry.ended
        return max(0.0, min(self.end, ended) - max(self.begin, entry.sent))


@dataclass(slots=True)
class Ledger:
    """All requests, in the order they were sent."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        """Requests without an end; the tail is enough to look at, since every request has a timeout."""
        return sum(1 for entry in self.entries[-4000:] if entry.ended is None)

    def within(self, window: Window) -> list[Entry]:
        """Requests that were under way in the window."""
        return [entry for entry in self.entries if window.touches(entry)]

    def sent_within(self, window: Window) -> list[Entry]:
        """Requests sent in the window."""
        return [entry for entry in self.entries if window.begin <= entry.sent < window.end]


def summary(entries: Sequence[Entry]) -> dict[str, Any]:
    """Counts, failures by kind, latency, who answered."""
    kinds = Counter(entry.failure for entry in entries if entry.failure)
    unfinished = sum(1 for entry in entries if entry.ended is None)
    good = [entry for entry in entries if entry.answered]
    return {
        "requests": len(entries),
        "streams": sum(entry.stream for entry in entries),
        "lost": len(entries) - len(good),
        "cut": kinds["cut"],
        "wrong": kinds["wrong"],
        "unfinished": unfinished,
        "silentSeconds": _silent(entries),
        "errors": {kind: kinds[kind] for kind in FAILURES if kinds[kind]},
        "retriedByEdge": sum(entry.retries > 0 for entry in good),
        "latency": _quantiles(entry.ended - entry.sent for entry in good if entry.ended is not None),
        "ttft": _quantiles(entry.first - entry.sent for entry in good if entry.stream and entry.first is not None),
        "answeredBy": dict(sorted(Counter(entry.member for entry in good).items())),
    }


def _silent(entries: Iterable[Entry]) -> float:
    """Seconds from the first unanswered request to the next answered one, the longest such stretch; by time of sending.

    A stretch that is not over ends with the last request.
    """
    longest, since, last = 0.0, None, 0.0
    for entry in sorted(entries, key=lambda one: one.sent):
        last = entry.sent
        if entry.answered:
            longest, since = max(longest, last - since) if since is not None else longest, None
        elif since is None and entry.ended is not None:
            since = entry.sent
    return round(max(longest, last - since if since is not None else 0.0), 2)


def stream_share(entries: Sequence[Entry], window: Window) -> float:
    """Share of the requests in flight that were streams, averaged over the window's time."""
    total = sum(window.overlap(entry) for entry in entries)
    streams = sum(window.overlap(entry) for entry in entries if entry.stream)
    return round(streams / total, 3) if total else 0.0


def _quantiles(values: Iterable[float]) -> dict[str, float]:
    known = sorted(values)
    if len(known) < 2:
        return {f"p{rank}": round(known[0], 4) for rank in (50, 95, 99)} if known else {}
    cuts = statistics.quantiles(known, n=100, method="inclusive")
    return {f"p{rank}": round(cuts[rank - 1], 4) for rank in (50, 95, 99)}
