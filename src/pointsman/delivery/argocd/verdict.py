"""How far an operation of ours is, and what keeps an Application from being delivered: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pointsman.delivery.argocd.application import Application, Resource, time_of
from pointsman.delivery.argocd.operation import bears, differences
from pointsman.delivery.argocd.shape import items, mapping
from pointsman.delivery.argocd.standing import FINAL, Kind, standing
from pointsman.delivery.workloads import JUDGED
from pointsman.kube.resources import Ref, kind_of

__all__ = ["Progress", "Stage", "behind", "failures", "late", "ours", "progress", "stale", "workloads_of"]

_SHOWN = 3


class Stage(Enum):
    """How far it is."""

    UNDER_WAY = "under way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    """A sync window holds it back."""
    OTHER = "other"
    """It bears our id, and is not what was asked for."""
    LOST = "lost"
    """It is gone, and nothing says how it went."""
    UNCLEARED = "uncleared"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where it stands."""

    stage: Stage
    sentence: str
    advice: str = ""


def ours(app: Application, ident: str) -> bool:
    """Is our operation asked for, or the last one of which anything is known?"""
    return bears(app.operation, ident) or bears(app.state.get("operation"), ident)


def progress(app: Application, wanted: Mapping[str, Any], ident: str, now: datetime) -> Progress:
    """How far the operation with our id is."""
    if not ours(app, ident):
        who = standing(app, now).sentence
        return Progress(Stage.LOST, f"our operation is gone, and Argo CD says nothing of it ({who})")
    ran = app.state.get("operation") if bears(app.state.get("operation"), ident) else app.operation
    if other := differences(wanted, ran or {}):
        return Progress(Stage.OTHER, f"what runs under our id is another operation: {'; '.join(other)}")
    phase, message = str(app.state.get("phase") or ""), str(app.state.get("message") or "")
    if app.operation is None and phase in FINAL:
        stage = Stage.SUCCEEDED if phase == "Succeeded" else Stage.FAILED
        return Progress(stage, f"{phase.lower()}: {message}")
    return _running(app, now)


def _running(app: Application, now: datetime) -> Progress:
    stands = standing(app, now)
    stage = {Kind.BLOCKED: Stage.BLOCKED, Kind.UNCLEARED: Stage.UNCLEARED}.get(stands.kind, Stage.UNDER_WAY)
    return Progress(stage, stands.sentence, stands.advice)


def failures(app: Application) -> list[dict[str, str]]:
    """What of the last sync could not be applied, with Argo CD's words."""
    listed = items(mapping(app.state.get("syncResult")).get("resources"))
    return [
        {"resource": _named(one), "message": str(one.get("message") or "")}
        for one in listed
        if one.get("status") == "SyncFailed" or one.get("hookPhase") in ("Failed", "Error")
    ]


def _named(one: Mapping[str, Any]) -> str:
    where = f"{one['namespace']}/" if one.get("namespace") else ""
    return f"{one.get('kind')} {where}{one.get('name')}"


def stale(app: Application) -> bool:
    """Was it last compared with git before its last operation ended? What it says is of yesterday then."""
    finished = time_of(app.state.get("finishedAt"))
    compared = app.reconciled_at
    return finished is not None and (compared is None or compared < finished)


def behind(app: Application, now: datetime) -> str:
    """What keeps it from being synced, by Argo CD's own words; empty when nothing does."""
    if app.operation is not None:
        return standing(app, now).sentence
    if stale(app):
        return "Argo CD has not compared it with git since its last sync"
    if app.sync != "Synced":
        return "; ".join([f"{app.sync}{_listed(app.out_of_sync)}", *late(app)])
    return ""


def late(app: Application) -> list[str]:
    """What Argo CD says went wrong: conditions, the last operation's message, what it could not apply."""
    phase = app.state.get("phase")
    message = [f"last sync {str(phase).lower()}: {app.state.get('message')}"] if phase in ("Failed", "Error") else []
    return [*app.errors, *message, *(f"{one['resource']}: {one['message']}" for one in failures(app))]


def _listed(found: list[Resource]) -> str:
    names = ", ".join(map(str, found[:_SHOWN])) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    return f": {names}" if found else ""


def workloads_of(app: Application) -> list[Ref]:
    """What it tracks that can be judged; nothing of another cluster."""
    return [
        Ref(kind_of(one.kind), one.name, one.namespace)
        for one in app.resources
        if one.kind in JUDGED and one.group == kind_of(one.kind).group and not one.prune
    ]
