"""The hold: Argo CD leaves the edge's Application alone while a change of the cluster waits to be committed.

The annotation ``skip-reconcile`` keeps argo-cd 3.2 from comparing, healing and syncing an Application. Which moves hold
it stands beside it, on the Application itself, so that whoever carries such a move on takes the hold back, whatever
became of the process that took it. Lifting it and asking Argo CD to look at git anew is one patch: it would otherwise
act on what it remembers of the branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pointsman.delivery.argocd.application import NOTE, REFRESH, Application, time_of
from pointsman.delivery.argocd.refresh import read
from pointsman.delivery.argocd.shape import mapping
from pointsman.delivery.boundary import Means
from pointsman.errors import ConflictError, TemporaryError

__all__ = ["FOR", "SKIP", "Hold", "holders", "lifting"]

SKIP = f"{NOTE}skip-reconcile"
FOR = "pointsman.dev/held-for"
"""The moves that something is owed to, by their ids."""
OURS = "pointsman.dev/skip-reconcile-is-ours"
"""Set where the annotation that stops Argo CD was not there before."""
TRIES = 5
HEARD = 2.0
"""Seconds for Argo CD to hear of a hold. It watches Applications and what they deploy by different connections, so a
change of the cluster right behind the annotation may be healed before that is seen (seen on 3.2.6)."""
QUEUED = 20.0
"""Seconds that a heal in Argo CD's queue is waited for at most; one that is due later may come through the hold."""


def holders(app: Application) -> list[str]:
    """Ids of the moves that something is owed to."""
    return str(mapping(app.metadata.get("annotations")).get(FOR) or "").split()


def lifting(app: Application) -> str:
    """The command by which a person lifts a hold of ours."""
    name, space = app.metadata.get("name"), app.metadata.get("namespace")
    return f"kubectl annotate application {name} -n {space} {SKIP}- {FOR}- {OURS}-"


class Hold:
    """Of one Application."""

    def __init__(self, name: str, namespace: str) -> None:
        self._name = name
        self._namespace = namespace

    async def read(self, means: Means) -> Application:
        """The Application as it is."""
        return await read(means, self._name, self._namespace)

    async def take(self, means: Means, move: str, *, stop: bool) -> None:
        """Note that something is owed to the move; ``stop``: and let Argo CD leave the Application alone.

        What is changed in the cluster after that stays: Argo CD has heard of it, and no heal waits in its queue.
        """

        def noted(app: Application) -> Mapping[str, Any]:
            notes = {FOR: " ".join(dict.fromkeys([*holders(app), move]))}
            if stop and not app.skipped:
                notes |= {SKIP: "true", OURS: "true"}
            return {"annotations": notes}

        await self._patch(means, lambda app: {"metadata": noted(app)})
        if stop:
            queued = _queued(await self.read(means), means)
            await means.clock.sleep(max(HEARD, queued if queued <= QUEUED else 0.0))

    async def lift(self, means: Means, move: str) -> None:
        """Nothing is owed to the move any more; with the last one Argo CD looks at git anew, and goes on."""

        def lifted(app: Application) -> Mapping[str, Any]:
            left = [one for one in holders(app) if one != move]
            notes: dict[str, str | None] = {FOR: " ".join(left) or None}
            if left or not mapping(app.metadata.get("annotations")).get(OURS):
                return {"metadata": {"annotations": notes}}
            notes |= {SKIP: None, OURS: None, REFRESH: "normal"}
            return {"metadata": {"annotations": notes}, **_without_stale(app)}

        if move in holders(await self.read(means)):
            await self._patch(means, lifted)

    async def _patch(self, means: Means, body: Callable[[Application], Mapping[str, Any]]) -> None:
        """A merge patch of what was read, decided anew when somebody else was quicker."""
        for _ in range(TRIES):
            app = await self.read(means)
            made = body(app)
            metadata = {**made["metadata"], "resourceVersion": app.version, "uid": app.uid}
            try:
                await means.cluster.patch(app.ref, {**made, "metadata": metadata})
            except ConflictError:
                continue
            return
        raise TemporaryError(
            "somebody else keeps writing the Application",
            where=str(app.ref),
            next_action="run it again",
            code="argo-busy",
        )


def _queued(app: Application, means: Means) -> float:
    """Seconds until the next heal is over that Argo CD put into its queue with its last one; 0 when it healed nothing.

    It is tried 2, 6, 18 … s after the last (argo-cd 3.2, ``selfHealRemainingBackoff``), annotation or not; where all
    is in sync by then, no other follows.
    """
    tried = mapping(mapping(app.state.get("operation")).get("sync")).get("autoHealAttemptsCount")
    ended = time_of(app.state.get("finishedAt"))
    if not isinstance(tried, int) or tried < 1 or ended is None:
        return 0.0
    due = 2.0 * 3.0 ** min(tried - 1, 6) + 1.0  # times have a grain of one second
    return due - (means.clock.now() - ended).total_seconds()


def _without_stale(app: Application) -> Mapping[str, Any]:
    """An operation of Argo CD's own that stood still meanwhile syncs what git said before."""
    by = mapping(mapping(app.operation).get("initiatedBy"))
    return {"operation": None, "status": {"operationState": None}} if by.get("automated") else {}
