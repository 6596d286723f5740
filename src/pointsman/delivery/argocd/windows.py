"""Sync windows of an AppProject: which concern an Application, which are open now, and what they let through.

Rules as argo-cd 3.2 has them (``SyncWindows.CanSync``). Argo CD itself asks them only in its own API, and an operation
that comes through Kubernetes is taken and then held back, where it cannot even be terminated (25361): so they are asked
here, before. A schedule that cannot be read is not guessed at: it is not known whether that window is open.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.globs import fits
from pointsman.delivery.argocd.shape import items, mapping, words

__all__ = ["Window", "concerns", "lets_through", "windows_of"]

_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {**{name: number for number, name in enumerate(_MONTHS, 1)}, **{name: day for day, name in enumerate(_DAYS)}}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
LONGEST = timedelta(days=40)
"""A window that lasts longer is not looked back for."""
MOST_UNKNOWN = 6


@dataclass(frozen=True, slots=True)
class Window:
    """One window."""

    deny: bool
    schedule: str
    duration: str
    zone: str
    manual: bool
    """It lets syncs through that a person began."""
    active: bool | None
    """None: it cannot be told."""

    @property
    def sentence(self) -> str:
        """For people."""
        now = {True: "open now", False: "not open now", None: "perhaps open now"}[self.active]
        manual = "lets syncs by hand through" if self.manual else "holds syncs by hand back too"
        kind = "deny" if self.deny else "allow"
        return f"{kind} window '{self.schedule}' for {self.duration} ({self.zone or 'UTC'}): {now}, {manual}"


def windows_of(project: Mapping[str, Any], app: Application, now: datetime) -> list[Window]:
    """Those that concern the Application."""
    found = items(mapping(project.get("spec")).get("syncWindows"))
    return [_window(one, now) for one in found if concerns(one, app)]


def lets_through(windows: Sequence[Window]) -> bool | None:
    """May a sync begin that a person asked for? None when it hangs on a window of which it is not known."""
    unknown = [one for one in windows if one.active is None]
    if len(unknown) > MOST_UNKNOWN:
        return None
    sure = [one for one in windows if one.active]
    shut = [one for one in windows if one.active is False]
    answers = {
        _decided([*sure, *_picked(unknown, picks, True)], [*shut, *_picked(unknown, picks, False)])
        for picks in itertools.product((True, False), repeat=len(unknown))
    }
    return answers.pop() if len(answers) == 1 else None


def _picked(windows: Sequence[Window], picks: Sequence[bool], wanted: bool) -> list[Window]:
    return [one for one, pick in zip(windows, picks, strict=True) if pick is wanted]


def _decided(active: Sequence[Window], inactive: Sequence[Window]) -> bool:
    denying = [one for one in active if one.deny]
    if denying:
        return all(one.manual for one in denying)
    if any(not one.deny for one in active):
        return True
    return all(one.manual for one in inactive if not one.deny)


def concerns(window: Mapping[str, Any], app: Application) -> bool:
    """Does a window of its project hold for an Application?"""
    target = mapping(app.spec.get("destination"))
    asked = [
        (words(window.get("applications")), [app.metadata.get("name")]),
        (words(window.get("namespaces")), [target.get("namespace")]),
        (words(window.get("clusters")), [target.get("name"), target.get("server")]),
    ]
    said = [any(fits(glob, str(name)) for glob in globs for name in names if name) for globs, names in asked if globs]
    return (all(said) and bool(said)) if window.get("andOperator") else any(said)


def _window(found: Mapping[str, Any], now: datetime) -> Window:
    schedule, duration, zone = (str(found.get(key) or "") for key in ("schedule", "duration", "timeZone"))
    active = _active(schedule, duration, zone, now)
    return Window(found.get("kind") == "deny", schedule, duration, zone, bool(found.get("manualSync")), active)


def _active(schedule: str, duration: str, zone: str, now: datetime) -> bool | None:
    """Did it begin within its duration before now? None when that cannot be told."""
    lasts = _lasting(duration)
    try:
        place: tzinfo = ZoneInfo(zone) if zone else UTC
        begins = [_allowed(word, *bounds) for word, bounds in zip(schedule.split(), _FIELDS, strict=True)]
    except (ValueError, KeyError, OSError):
        return None
    if lasts is None or lasts > LONGEST:
        return None
    return any(_begins(begins, minute.astimezone(place)) for minute in _minutes(now, lasts))


def _minutes(now: datetime, lasts: timedelta) -> Iterator[datetime]:
    """Whole minutes before now, the last first, at most so long ago."""
    minute = now.replace(second=0, microsecond=0)
    while minute > now - lasts:
        if minute < now:
            yield minute
        minute -= timedelta(minutes=1)


def _begins(fields: Sequence[tuple[frozenset[int], bool]], at: datetime) -> bool:
    """Day of month and day of week: one of them will do where neither is a star (robfig/cron, as Argo CD uses it)."""
    (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = fields
    day, weekday = at.day in days, at.isoweekday() % 7 in weekdays
    fits = day and weekday if any_day or any_weekday else day or weekday
    return at.minute in minutes and at.hour in hours and at.month in months and fits


def _allowed(word: str, low: int, high: int) -> tuple[frozenset[int], bool]:
    """The values of one field, and whether it is a star; raises ValueError for what cannot be read."""
    parts = [_part(one, low, high) for one in word.split(",")]
    return frozenset().union(*(values for values, _ in parts)), any(star for _, star in parts)


def _part(word: str, low: int, high: int) -> tuple[frozenset[int], bool]:
    span, _, step = word.partition("/")
    every = int(step) if step else 1
    if span in ("*", "?"):
        return frozenset(range(low, high + 1, every)), every == 1
    first, dash, last = (_NAMES.get(one.lower(), one) for one in span.partition("-"))
    begin = int(first)
    end = int(last) if dash else (high if step else begin)
    if not low <= begin <= end <= high or every < 1:
        raise ValueError(word)
    return frozenset(range(begin, end + 1, every)), False


def _lasting(text: str) -> timedelta | None:
    """``1h30m`` as Go writes it."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
