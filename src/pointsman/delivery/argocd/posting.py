"""Asking Argo CD for one operation, once: found again by its id when nobody knows whether the request arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.operation import patch
from pointsman.delivery.argocd.verdict import ours
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import ConflictError, DeliveryError, TemporaryError

__all__ = ["post"]

SOUGHT = 15.0
"""Seconds for which an operation is looked for that may have been accepted."""


async def post(
    means: Means,
    again: Callable[[], Awaitable[Application]],
    operation: Mapping[str, Any],
    ident: str,
    deadline: Deadline,
) -> None:
    """Write the operation. ``again`` reads and decides everything anew, and raises when it must not be done."""
    app = await again()
    while True:
        means.heed()
        try:
            await means.cluster.patch(app.ref, patch(app, operation))
            return
        except ConflictError:
            # The client says a patch again whose connection broke, so this may be the answer to our own.
            if ours(Application(await means.cluster.get(app.ref)), ident):
                return
            means.say(app.name, "somebody changed it just now; reading it again")
            if deadline.over:
                raise
            app = await again()
        except TemporaryError as error:
            await _sought(means, app, ident, error)
            return


async def _sought(means: Means, app: Application, ident: str, error: TemporaryError) -> None:
    """Return when the operation is there after all; nothing is said twice. Raises DeliveryError otherwise."""
    means.say(app.name, f"whether the sync was accepted is not known ({error.what}); looking for {ident}")

    async def look() -> Application | None:
        now = Application(await means.cluster.get(app.ref))
        return now if ours(now, ident) else None

    try:
        there = await means.until(means.within(SOUGHT), look)
    except TemporaryError:
        there = None
    if there is None:
        raise DeliveryError(
            f"the connection broke as the sync was asked for; operation {ident} is not there, and nothing was repeated",
            where=str(app.ref),
            next_action="run it again: it waits for an operation that arrived late",
            code="argo-sync-unknown",
        )
