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
from pointsman.errors import NotFoundError
from pointsman.kube.resources import kind_of

__all__ = ["wait_for_all"]


async def wait_for_all(
    means: Means, names: Iterable[str], namespace: str, deadline: Deadline, *, all_automatic: bool, for_app: bool
) -> list[Result]:
    """One result each; the manual ones that nobody named come last. Raises ClusterError when they cannot be listed."""
    meant, done = list(dict.fromkeys(names)), dict[str, Result]()
    while True:
        found, manual = await _listed(means, namespace) if all_automatic else ([], [])
        left = [one for one in manual if one.name not in {f"{namespace}/{name}" for name in meant}]
        for one in left:
            means.say(one.name, "manual, not waited for")
        new = [name for name in dict.fromkeys([*meant, *found]) if f"{namespace}/{name}" not in done]
        if not new:
            return [*done.values(), *left]
        means.spread(len(new))
        waits = (wait_for(means, name, namespace, deadline, for_app=for_app) for name in new)
        done |= {one.name: one for one in await asyncio.gather(*waits)}


async def _listed(means: Means, namespace: str) -> tuple[list[str], list[Result]]:
    """Names of all that Argo CD syncs by itself, and the others, which nobody waits for."""
    try:
        apps = [Application(one) for one in await means.cluster.list(kind_of("Application"), namespace)]
    except NotFoundError:
        raise absent() from None
    apps.sort(key=lambda one: one.name)
    names = [str(one.metadata["name"]) for one in apps if one.automated]
    return names, [Result(one.name, "manual", one.delivered) for one in apps if not one.automated]
