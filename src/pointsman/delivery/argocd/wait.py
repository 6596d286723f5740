"""Waiting until Applications are synced and what they track is ready, by answers that are newer than the question."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.project import windows
from pointsman.delivery.argocd.refresh import found, read, refreshed
from pointsman.delivery.argocd.reservations import notes, refuse_unreachable
from pointsman.delivery.argocd.verdict import behind, late, stale, workloads_of
from pointsman.delivery.boundary import Deadline, Means
from pointsman.delivery.workloads import Workload, judge
from pointsman.errors import DeliveryError, NotFoundError, PointsmanError, StoppedError

__all__ = ["readied", "wait_for", "waited"]

SETTLED = 10.0
"""Seconds for which a workload has to stay ready of which nothing tells whether its controller has seen the latest
change; KServe's controller takes one or two."""


async def wait_for(means: Means, name: str, namespace: str, deadline: Deadline, *, for_app: bool) -> Result:
    """Wait for one; what keeps it is in the result. Only StoppedError is raised."""
    result = Result(f"{namespace}/{name}", "failed")
    try:
        app = await found(means, name, namespace, deadline, wait=for_app)
        refuse_unreachable(app)
        result.notes = notes(app)
        await waited(means, await refreshed(means, app, deadline), deadline, result)
        result.state = "ready"
    except StoppedError:
        raise
    except PointsmanError as error:
        result.error = error
    return result


async def waited(means: Means, app: Application, deadline: Deadline, result: Result) -> Application:
    """The Application, which has just been compared with git, once it is synced and ready. Raises DeliveryError."""
    refuse_unreachable(app)
    seen = [app]

    async def look() -> Application | None:
        now = await _read(means, seen[-1])
        if now.operation is None and stale(now):
            now = await refreshed(means, now, deadline)
        seen.append(now)
        why = behind(now, means.clock.now())
        means.say(now.name, why or "synced")
        return None if why else now

    synced = await means.until(deadline, look)
    if synced is None:
        raise await _unsynced(means, seen[-1], deadline)
    result.revisions = synced.compared
    await readied(means, synced, deadline, result)
    return synced


async def _read(means: Means, app: Application) -> Application:
    try:
        return Application(await means.cluster.get(app.ref))
    except NotFoundError:
        return await read(means, str(app.metadata["name"]), str(app.metadata["namespace"]))


async def _unsynced(means: Means, app: Application, deadline: Deadline) -> DeliveryError:
    """With what Argo CD says, and the windows that may keep it from syncing."""
    why = behind(app, means.clock.now()) or "; ".join(late(app))
    concerning, _ = await windows(means, app)
    return DeliveryError(
        "; ".join([f"not synced within {deadline.seconds:g} s: {why}", *(one.sentence for one in concerning)]),
        where=str(app.ref),
        next_action="mend what Argo CD names"
        if app.automated
        else f"pointsman sync {app.metadata.get('name')}: Argo CD does not sync it by itself",
        code="argo-not-synced",
    )


async def readied(means: Means, app: Application, deadline: Deadline, result: Result) -> None:
    """Wait until every workload that it tracks is ready, and Argo CD knows of nothing that is not."""
    if app.remote and workloads_of(app):
        raise DeliveryError(
            "it is synced into another cluster, so whether its workloads are ready cannot be told from here",
            where=str(app.ref),
            next_action="look at that cluster with its own kubeconfig",
            code="argo-remote",
        )

    since = [means.clock.monotonic()]

    async def look() -> bool | None:
        now = await _read(means, app)
        result.workloads = await judge(means.cluster, workloads_of(now))
        why = _unready(now, result.workloads)
        if why:
            since[0] = means.clock.monotonic()
        elif any(one.vague for one in result.workloads) and means.clock.monotonic() < since[0] + SETTLED:
            why = (
                f"ready; looked at for {SETTLED:g} s, because KServe does not say whether it has seen the latest change"
            )
        means.say(now.name, why or "synced, and its workloads are ready")
        return None if why else True

    if await means.until(deadline, look) is None:
        now = await _read(means, app)
        raise DeliveryError(
            f"synced, and not ready within {deadline.seconds:g} s: {_unready(now, result.workloads) or 'see below'}",
            where=str(app.ref),
            next_action="kubectl describe what is named; what was synced stands",
            code="argo-not-ready",
        )


def _unready(app: Application, workloads: Sequence[Workload]) -> str:
    reasons = [one.reason for one in workloads if not one.ready]
    return "; ".join(reasons) or ("" if app.accepted_health else f"Argo CD says {app.health} of something it tracks")
