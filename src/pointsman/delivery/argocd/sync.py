"""Syncing an Application as it was shown: asked for once, followed to the end, and proved.

Everything is read again first, and only what was shown is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.delivery.argocd import reservations, revision
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.draft import Draft, Wish, drafted, listed
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.posting import post
from pointsman.delivery.argocd.running import end, follow
from pointsman.delivery.argocd.wait import readied, waited
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import DeliveryError, PointsmanError, RefusedError, StoppedError

__all__ = ["carry_out"]


async def carry_out(means: Means, draft: Draft) -> Result:
    """Do what was shown. What goes wrong is in the result; only StoppedError is raised."""
    result = Result(draft.app.name, "failed", notes=draft.notes)
    deadline = means.within(draft.wish.timeout)
    try:
        if draft.operation is None:
            await _awaited(means, draft, result, deadline)
        else:
            await _synced(means, draft, draft.operation, result, deadline)
    except StoppedError:
        raise
    except PointsmanError as error:
        result.error = error
        result.state = "refused" if isinstance(error, RefusedError) else result.state
    return result


async def _awaited(means: Means, draft: Draft, result: Result, deadline: Deadline) -> None:
    means.say(draft.app.name, "Argo CD syncs it by itself, so it is waited for")
    app = await waited(means, draft.app, deadline, result)
    await _proved(app, app.compared, draft.wish)
    result.state = "synced"


async def _synced(means: Means, draft: Draft, operation: Mapping[str, Any], result: Result, deadline: Deadline) -> None:
    async def again() -> Application:
        return await _unchanged(means, draft)

    try:
        await post(means, again, operation, draft.ident, deadline)
        result.operation = draft.ident
        app = await follow(means, draft.app, operation, draft.ident, deadline, result)
    except StoppedError:
        raise StoppedError(
            f"interrupted; our operation {draft.ident} {await end(means, draft.app, draft.ident)}",
            where=str(draft.app.ref),
            next_action="run it again; what was applied stands",
        ) from None
    result.revisions = app.applied
    _refuse_other_revision(app, operation)
    await _proved(app, app.applied, draft.wish)
    result.state = "synced"
    result.notes = [*result.notes, *reservations.leftovers(app)]
    if draft.wish.ready:
        await readied(means, app, deadline, result)


async def _unchanged(means: Means, draft: Draft) -> Application:
    """The Application read again, when what would be done now is what was shown. Raises RefusedError otherwise."""
    app = Application(await means.cluster.get(draft.app.ref))
    if app.operation is not None or (app.uid, app.spec) != (draft.app.uid, draft.app.spec):
        raise _changed(app)
    if app.state.get("startedAt") != draft.app.state.get("startedAt"):
        raise _changed(app)
    now = await drafted(means, app, draft.wish, draft.ident)
    if now.operation != draft.operation:
        raise _changed(app)
    return app


def _changed(app: Application) -> RefusedError:
    return RefusedError(
        "it changed since it was shown: its spec, its revision, or somebody else's operation; nothing was asked of it",
        where=str(app.ref),
        next_action="run it again and read what is shown",
        code="argo-changed",
    )


def _refuse_other_revision(app: Application, operation: Mapping[str, Any]) -> None:
    wanted = operation["sync"].get("revisions") or [operation["sync"].get("revision")]
    if not revision.same(app.applied, wanted):
        raise DeliveryError(
            f"Argo CD applied {listed(app.applied)} instead of {listed(wanted)}",
            where=str(app.ref),
            next_action="look who synced it meanwhile: argocd app history, then run it again",
            code="argo-other-revision",
        )


async def _proved(app: Application, revisions: tuple[str, ...], wish: Wish) -> None:
    """Raise DeliveryError unless the commit is in what was applied."""
    if not wish.commit:
        return
    answer = await revision.has_commit(app, revisions, wish.commit, wish.clone)
    if not answer.yes:
        why = answer.why or "it is on another branch, or came later"
        raise DeliveryError(
            f"{listed(revisions)} is applied, and that it has {wish.commit} is not proved: {why}",
            where=str(app.ref),
            next_action="--repository PATH names a clone that has both; git log there says how they relate",
            code="argo-commit-missing",
        )
