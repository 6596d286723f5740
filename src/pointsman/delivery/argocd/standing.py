"""What stands in an Application's way to a new operation: one that runs, waits, hangs, or never ends.

``Running`` with ``finishedAt`` is a wait for the next try, or a zombie: told apart by when that try was due
(argo-cd 3.2, RetryStrategy.NextRetryAt).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pointsman.delivery.argocd.application import Application, time_of
from pointsman.delivery.argocd.operation import differences
from pointsman.delivery.argocd.shape import mapping, number

__all__ = ["FINAL", "HELD", "Kind", "Standing", "standing"]

FINAL = ("Succeeded", "Failed", "Error")
GRACE = timedelta(minutes=2)
"""How late a retry may be, or the clearing of an operation that ended, before somebody should look."""
HELD = 10.0
"""Seconds for which a window has to hold an operation back until that is believed. Argo CD decides by who began the
operation *before* (argo-cd 3.2, syncWindowPreventsSync reads ``status.operationState``, which is none or another's as
it takes ours), so a window with ``manualSync`` holds each one back for an instant."""
_DAY = 86400.0
BLOCKED = "blocked by sync window"
"""In the message of an operation that a window holds back (argo-cd 3.2, controller/sync.go)."""


class Kind(Enum):
    """How it is with the operation."""

    NONE = "none"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    ZOMBIE = "zombie"
    BLOCKED = "blocked"
    TERMINATING = "terminating"
    UNCLEARED = "uncleared"


@dataclass(frozen=True, slots=True)
class Standing:
    """An operation, or none."""

    kind: Kind
    age: timedelta | None
    """Since it began; None when nothing says so."""
    sentence: str
    advice: str = ""


def standing(app: Application, now: datetime) -> Standing:
    """What is known of the Application's present operation."""
    state = app.state
    if app.operation is None:
        return Standing(Kind.NONE, None, "no operation")
    begun = time_of(state.get("startedAt"))
    age = now - begun if begun else None
    if not state or (state.get("phase") in FINAL and not _same(app)):
        return Standing(Kind.QUEUED, None, f"an operation of {_who(app.operation)} waits for Argo CD to take it")
    kind = _kind(state, now)
    if kind is None:
        return Standing(Kind.RUNNING, age, f"{_named(app)} runs{_since(age)}{_said(state)}")
    return Standing(kind, age, f"{_named(app)} {_WORDS[kind]}{_since(age)}{_said(state)}", _advice(kind, app))


_WORDS = {
    Kind.RETRYING: "waits for its next try",
    Kind.ZOMBIE: "says that it runs, but its next try is overdue",
    Kind.BLOCKED: "is held back by a sync window",
    Kind.TERMINATING: "is being terminated",
    Kind.UNCLEARED: "has ended, but is not cleared",
    Kind.RUNNING: "runs",
}


def _kind(state: Mapping[str, Any], now: datetime) -> Kind | None:
    finished = time_of(state.get("finishedAt"))
    if state.get("phase") in FINAL:
        return Kind.UNCLEARED if finished and now - finished > GRACE else None
    if state.get("phase") == "Terminating":
        return Kind.TERMINATING
    if BLOCKED in str(state.get("message") or ""):
        return Kind.BLOCKED
    if finished is None:
        return None
    return Kind.ZOMBIE if now > finished + _backoff(state) + GRACE else Kind.RETRYING


def _backoff(state: Mapping[str, Any]) -> timedelta:
    """How long after the last try the next one comes: 5 s, doubled each time, at most 3 minutes, if it says nothing."""
    said = mapping(mapping(mapping(state.get("operation")).get("retry")).get("backoff"))
    first, most = _duration(said.get("duration"), 5.0), _duration(said.get("maxDuration"), 180.0)
    factor, tries = min(number(said.get("factor"), 2), 10), min(number(state.get("retryCount"), 0), 20)
    return timedelta(seconds=max(0.0, min(first * float(factor) ** tries, most)))


def _duration(text: Any, otherwise: float) -> float:
    """``5s``, ``3m`` or bare seconds."""
    word = str(text or "")
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(word[-1:], 1.0)
    try:
        return min(float(word.rstrip("smh")) * factor, _DAY)
    except ValueError:
        return otherwise


def _same(app: Application) -> bool:
    """Is the state that of the operation which is asked for, and not of the one before?"""
    return not differences(app.operation or {}, mapping(app.state.get("operation")))


def _named(app: Application) -> str:
    count = number(app.state.get("retryCount"), 0)
    tries = f" (after {count} retries)" if count else ""
    return f"an operation of {_who(app.state.get('operation'))}{tries}"


def _who(operation: Any) -> str:
    by = mapping(mapping(operation).get("initiatedBy"))
    return "Argo CD itself" if by.get("automated") else str(by.get("username") or "somebody")


def _since(age: timedelta | None) -> str:
    return "" if age is None else f", begun {_spoken(age)} ago"


def _spoken(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"


def _said(state: Mapping[str, Any]) -> str:
    return f"; Argo CD says: {state['message']}" if state.get("message") else ""


def _advice(kind: Kind, app: Application) -> str:
    path = f"kubectl -n {app.metadata.get('namespace')} patch application {app.metadata.get('name')} --type merge -p"
    end = f"""{path} '{{"status":{{"operationState":{{"phase":"Terminating"}}}}}}'"""
    clear = f"""{path} '{{"operation":null}}'"""
    return {
        Kind.ZOMBIE: f"end it with: {end}; if it stays, look at the log of argocd-application-controller",
        Kind.BLOCKED: "wait until the window opens, or change it in the AppProject; Argo CD cannot end the operation "
        "before (argo-cd 25361)",
        Kind.TERMINATING: "look at hooks that do not end, and at the log of argocd-application-controller",
        Kind.UNCLEARED: f"clear it with: {clear}; where it comes back, upgrade Argo CD (3.5.3 cannot clear it, 29741)",
    }.get(kind, "")
