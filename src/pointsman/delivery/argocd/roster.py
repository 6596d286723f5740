"""Everybody who is waited for: those named, and all that Argo CD syncs by itself, also those that appear meanwhile.

An Application of Applications makes its children when it is synced, so a list that was read before does not have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.applicationsets import absent
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.wait import wait_for
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import DeliveryError, NotFoundError, TemporaryError
from pointsman.kube.resources import kind_of

__all__ = ["wait_for_all"]

AGAIN = 3.0
"""Seconds until Applications are listed again, while some are waited for."""


async def wait_for_all(
    means: Means, names: Iterable[str], namespace: str, deadline: Deadline, *, all_automatic: bool, for_app: bool
) -> list[Result]:
    """One result each; the manual ones that nobody named come last. Raises ClusterError when they cannot be listed."""
    meant, waits = list(dict.fromkeys(names)), dict[str, asyncio.Task[Result]]()
    found, manual = list[str](), list[Result]()
    try:
        while True:
            settled = all(one.done() for one in waits.values())
            try:
                found, manual = await _listed(means, namespace) if all_automatic else ([], [])
            except TemporaryError:
                if settled:
                    raise
            left = [one for one in manual if one.name not in {f"{namespace}/{name}" for name in meant}]
            for one in left:
                means.say(one.name, "manual, not waited for")
            new = [name for name in dict.fromkeys([*meant, *found]) if name not in waits]
            if settled and not new:
                return [*(wait.result() for wait in waits.values()), *left]
            means.spread(len(waits) + len(new))
            waits |= {name: asyncio.create_task(_one(means, name, namespace, deadline, for_app)) for name in new}
            limit = AGAIN if all_automatic else None
            done, _ = await asyncio.wait(waits.values(), timeout=limit, return_when=asyncio.FIRST_EXCEPTION)
            for ended in done:
                ended.result()
    finally:
        for wait in waits.values():
            wait.cancel()
        await asyncio.gather(*waits.values(), return_exceptions=True)


async def _one(means: Means, name: str, namespace: str, deadline: Deadline, for_app: bool) -> Result:
    """One that is first seen when the time is over is told so, and not blamed on anybody."""
    if not deadline.over:
        return await wait_for(means, name, namespace, deadline, for_app=for_app)
    error = DeliveryError(
        f"it appeared only as the {deadline.seconds:g} s were over, so it was not waited for",
        where=f"Application {namespace}/{name}",
        next_action="run it again; --timeout gives it more time",
        code="argo-not-synced",
    )
    return Result(f"{namespace}/{name}", "failed", error=error)


async def _listed(means: Means, namespace: str) -> tuple[list[str], list[Result]]:
    """Names of all that Argo CD syncs by itself, and the others, which nobody waits for."""
    try:
        apps = [Application(one) for one in await means.cluster.list(kind_of("Application"), namespace)]
    except NotFoundError:
        raise absent() from None
    apps.sort(key=lambda one: one.name)
    names = [str(one.metadata["name"]) for one in apps if one.automated]
    return names, [Result(one.name, "manual", one.delivered) for one in apps if not one.automated]
