"""Applications read anew: found, and compared with git again because we asked for it.

An answer is believed when Argo CD took our annotation away and wrote another ``reconciledAt`` with it (argo-cd 3.2 does
both in one patch; the time is when the comparison began). No clock of ours is compared with Argo CD's. Within the same
second the time does not change, so the question is asked again a second later.
"""

from __future__ import annotations

from datetime import datetime

from pointsman.delivery.argocd.application import REFRESH, Application, application_ref
from pointsman.delivery.argocd.applicationsets import missing
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import DeliveryError, NotFoundError

__all__ = ["found", "read", "refreshed"]

GRAIN = 1.1
"""Seconds after which ``reconciledAt`` cannot read the same again."""


async def read(means: Means, name: str, namespace: str) -> Application:
    """The Application as it is; raises RefusedError when it does not exist."""
    try:
        return Application(await means.cluster.get(application_ref(name, namespace)))
    except NotFoundError:
        raise await missing(means.cluster, name, namespace) from None


async def found(means: Means, name: str, namespace: str, deadline: Deadline, *, wait: bool) -> Application:
    """The Application, waited for when it is not there yet and ``wait`` says so."""
    if not wait:
        return await read(means, name, namespace)

    async def look() -> Application | None:
        there = await means.cluster.find(application_ref(name, namespace))
        if there is None:
            means.say(f"{namespace}/{name}", "does not exist yet; waiting for whoever makes it")
        return Application(there) if there is not None else None

    there = await means.until(deadline, look)
    return there or await read(means, name, namespace)


async def refreshed(means: Means, app: Application, deadline: Deadline) -> Application:
    """The Application after Argo CD compared it with git anew; raises DeliveryError at the deadline.

    Manifests that a path annotation says nothing changed for are taken from a cache, unless the refresh is hard
    (argo-cd 27727).
    """
    kind = "hard" if app.note("manifest-generate-paths") else "normal"
    asked: list[datetime | None] = []
    began = means.clock.monotonic()

    async def look() -> Application | None:
        now = Application(await means.cluster.get(app.ref))
        if now.note("refresh"):
            means.say(app.name, "Argo CD is asked to compare it with git")
            return None
        if asked and (now.reconciled_at not in (None, asked[-1]) or _refused(now)):
            return now
        if asked:
            await means.clock.sleep(GRAIN)
        asked.append(now.reconciled_at)
        await means.cluster.patch(app.ref, {"metadata": {"uid": app.uid, "annotations": {REFRESH: kind}}})
        return None

    answered = await means.until(deadline, look)
    if answered is None:
        raise DeliveryError(
            f"Argo CD did not compare it with git within {means.clock.monotonic() - began:.0f} s, though asked to",
            where=str(app.ref),
            next_action="look at argocd-application-controller and argocd-repo-server: do they run, is git reachable?",
            code="argo-refresh-unanswered",
        )
    return answered


def _refused(app: Application) -> bool:
    """It is not compared because its spec is not allowed; ``reconciledAt`` stays then."""
    return app.sync == "Unknown" and bool(app.unable)
