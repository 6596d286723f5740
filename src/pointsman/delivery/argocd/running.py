"""Following our operation to its end, and ending it when it must not go on. Nobody else's is ever touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.operation import bears, terminating, withdrawn
from pointsman.delivery.argocd.refresh import refreshed
from pointsman.delivery.argocd.shape import mapping
from pointsman.delivery.argocd.standing import FINAL, HELD, Kind, standing
from pointsman.delivery.argocd.verdict import Progress, Stage, failures, progress, stale
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import ConflictError, DeliveryError, NotFoundError, TemporaryError

__all__ = ["end", "follow"]

ENDING = 60.0
"""Seconds for Argo CD to end what it was told to end."""


async def follow(
    means: Means, app: Application, operation: Mapping[str, Any], ident: str, deadline: Deadline, result: Result
) -> Application:
    """The Application after our operation succeeded and Argo CD compared it with git once more.

    Raises DeliveryError for any other end, and StoppedError when somebody said stop: the caller ends it then.
    """

    free = [means.clock.monotonic()]

    async def look() -> tuple[Application, Progress] | None:
        now = await _there(means, app)
        step = progress(now, operation, ident, means.clock.now())
        means.say(app.name, step.sentence)
        if step.stage is not Stage.BLOCKED:
            free[0] = means.clock.monotonic()
        elif means.clock.monotonic() < free[0] + HELD:
            return None
        return None if step.stage is Stage.UNDER_WAY else (now, step)

    ended = await means.until(deadline, look)
    if ended is None:
        raise await _overdue(means, app, ident, deadline)
    now, step = ended
    if step.stage is not Stage.SUCCEEDED:
        result.failed = failures(now)
        raise await _failed(means, now, step, ident)
    return await _compared(means, now, ident, deadline)


async def _there(means: Means, app: Application) -> Application:
    try:
        return Application(await means.cluster.get(app.ref))
    except NotFoundError:
        raise DeliveryError(
            "it was deleted while it was synced",
            where=str(app.ref),
            next_action="look who deleted it: an ApplicationSet whose element is gone deletes its Application",
            code="argo-app-gone",
        ) from None


async def _compared(means: Means, app: Application, ident: str, deadline: Deadline) -> Application:
    """It, once it was compared after the operation ended; Argo CD may leave that out, so it is asked for."""
    finished = app.state.get("finishedAt")
    while True:
        app = await refreshed(means, app, deadline)
        if not bears(app.state.get("operation"), ident) or app.state.get("finishedAt") != finished:
            raise DeliveryError(
                "somebody else's operation ran right after ours, so what ours did cannot be told any more",
                where=str(app.ref),
                next_action="run it again",
                code="argo-operation-lost",
            )
        if not stale(app):
            return app


async def _overdue(means: Means, app: Application, ident: str, deadline: Deadline) -> DeliveryError:
    stands = standing(await _there(means, app), means.clock.now())
    how = await end(means, app, ident)
    return DeliveryError(
        f"not done within {deadline.seconds:g} s: {stands.sentence}; it {how}",
        where=str(app.ref),
        next_action=stands.advice or "look at what Argo CD says; --timeout gives it more time",
        code="argo-sync-timeout",
    )


async def _failed(means: Means, app: Application, step: Progress, ident: str) -> DeliveryError:
    """The error for an operation that is over, or must be."""
    where = str(app.ref)
    match step.stage:
        case Stage.OTHER:
            ended = await end(means, app, ident)
            action = "run it again; what it did is not what was asked for"
            return DeliveryError(f"{step.sentence}; it {ended}", where=where, next_action=action, code="argo-inherited")
        case Stage.BLOCKED:
            ended = await end(means, app, ident)
            action = "wait for the window, or give it manualSync: true in the AppProject"
            return DeliveryError(f"{step.sentence}; it {ended}", where=where, next_action=action, code="argo-held-back")
        case Stage.LOST:
            action = "run it again; argocd app history says what was synced"
            return DeliveryError(step.sentence, where=where, next_action=action, code="argo-operation-lost")
        case Stage.UNCLEARED:
            return DeliveryError(step.sentence, where=where, next_action=step.advice, code="argo-operation-uncleared")
    named = "".join(f"; {one['resource']}: {one['message']}" for one in failures(app))
    action = "mend what Argo CD names, in git; then run it again"
    return DeliveryError(f"the sync {step.sentence}{named}", where=where, next_action=action, code="argo-sync-failed")


async def end(means: Means, app: Application, ident: str) -> str:
    """End our operation, and no other, and wait until it is gone; the rest of the sentence: how it ended."""

    async def look() -> str | None:
        try:
            now = Application(await means.cluster.get(app.ref))
        except NotFoundError:
            return "is gone with its Application"
        if not _runs(now, ident):
            return _how(now, ident)
        await _told(means, now, ident)
        return None

    try:
        how = await means.until(means.within(ENDING), look, ending=True)
    except TemporaryError as error:
        how = f"may still run: {error.what}"
    return how or f"was told to end and still runs after {ENDING:g} s"


def _runs(app: Application, ident: str) -> bool:
    """Argo CD may have taken what we took back at that very moment; its state says so then."""
    if bears(app.state.get("operation"), ident):
        return app.state.get("phase") not in FINAL
    return bears(app.operation, ident)


def _how(app: Application, ident: str) -> str:
    if bears(app.state.get("operation"), ident):
        return f"ended as {app.state.get('phase')}"
    return "was not begun, and is not there any more" if app.operation is None else "gave way to another"


async def _told(means: Means, app: Application, ident: str) -> None:
    """Say once that it is to end. Argo CD cannot end what a window holds back, nor what it has not taken: that is
    taken back instead, because nothing of it was done."""
    stands = standing(app, means.clock.now())
    touched = mapping(app.state.get("syncResult")).get("resources")
    untouched = stands.kind in (Kind.BLOCKED, Kind.QUEUED) and not touched
    if stands.kind in (Kind.TERMINATING, Kind.UNCLEARED, Kind.NONE):
        return
    try:
        await means.cluster.patch(app.ref, withdrawn(app) if untouched else terminating(app))
    except ConflictError:
        return
