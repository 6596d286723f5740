"""The way back while git or Argo CD is out of reach: in the cluster at once, held there, and committed later.

Tenants who suffer do not wait for a server of git. What was declared before is put back in the cluster. Where git says
otherwise and Argo CD would follow it, the Application is held first; where git has it already and Argo CD alone is
late, nothing fights, and nothing is held. Either way the Application notes the move that is owed something, and the
move's journal was told before.
"""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.delivery.argocd.hold import Hold, holders, lifting
from pointsman.delivery.boundary import Means
from pointsman.delivery.edge.arrival import Arrival
from pointsman.delivery.edge.declared import Declared
from pointsman.edge.contract import Member, Owe, Reason, said
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_values import LiteLLMValues
from pointsman.errors import NeedsPersonError, PointsmanError

__all__ = ["AWAY", "SOON", "GivingBack", "in_review", "late", "not_merged"]

AWAY = frozenset(
    f"git-{why}"
    for why in ("unreachable", "push-unclear", "denied", "protected", "refused", "failed", "remote", "contended")
)
"""Codes of a commit that does not get to the branch, whatever it says."""
SOON = 60.0
"""Seconds for Argo CD to bring a commit of the way back, before the cluster is changed directly."""
ROUND = 6.0
"""Seconds in which whoever would undo a change of the cluster has done it once: Argo CD heals within 5 s."""


def late(error: PointsmanError) -> bool:
    """Did Argo CD not bring a commit, for whatever reason?"""
    return error.code in ("edge-unsynced", "edge-held") or error.code.startswith("argo-")


def in_review(branch: str) -> PointsmanError:
    """Why git does not have the way back yet: nobody may push it, and somebody has to merge it."""
    return NeedsPersonError(f"the way back waits for the merge of {branch}", code="git-protected")


def not_merged(error: PointsmanError) -> PointsmanError:
    """The same, where a proposal of the way back is there and cannot be merged as it is."""
    return NeedsPersonError(error.what, where=error.where, next_action=error.next_action, code="git-protected")


class GivingBack:
    """What a move does when it may not wait."""

    def __init__(self, place: InGit, values: LiteLLMValues, declared: Declared, arrival: Arrival) -> None:
        self._place = place
        self._values = values
        self._declared = declared
        self._arrival = arrival
        self.hold = Hold(place.application, place.namespace)

    async def live(
        self, means: Means, move: str, members: Sequence[Member], why: Reason | None, owe: Owe, error: PointsmanError
    ) -> str:
        """Declare the members in the cluster alone; returns the revision.

        Raises NeedsPersonError when somebody undoes that within one round.
        """
        app = await self.hold.read(means)
        stop = error.code in AWAY and app.automated
        await owe(self._owed(members, error, stop=stop))
        await self.hold.take(means, move, stop=stop)
        how = f"; Application {app.name} is held (skip-reconcile) until git has it" if stop else ""
        means.tell(f"{error.what}: the alias is put back in the cluster directly{how}")
        revision = await self._values.write(members, why)
        await self._watch(means, move, members)
        return revision

    def _owed(self, members: Sequence[Member], error: PointsmanError, *, stop: bool) -> dict[str, object]:
        place = self._place
        todo = (
            f"commit {said(members)} to {place.where}" if error.code in AWAY else f"bring {place.where} to the cluster"
        )
        held = f", and let Application {place.namespace}/{place.application} go on (skip-reconcile)" if stop else ""
        return {
            "what": f"{todo}{held}",
            "why": error.what,
            "application": f"{place.namespace}/{place.application}",
            "held": stop,
        }

    async def _watch(self, means: Means, move: str, members: Sequence[Member]) -> None:
        deadline = means.clock.monotonic() + ROUND
        while means.clock.monotonic() < deadline:
            found = await self._values.read()
            if frozenset(found.members) != frozenset(members):
                await self.hold.lift(means, move)
                who = await self._values.objects.writers()
                raise NeedsPersonError(
                    f"the alias was put back in the cluster, and {who[0] if who else 'somebody'} undid it at once: it "
                    f"declares {said(found.members)}",
                    where=str(self._values.objects.config_ref),
                    next_action="stop whoever does, or wait for git",
                    code="edge-undone",
                )
            await means.clock.sleep(1.0)

    async def settle(self, means: Means, move: str) -> str:
        """Do what is owed to the move if it can be done by now; returns what remains, empty when nothing does."""
        app = await self.hold.read(means)
        if move not in holders(app):
            return ""
        held = f"; Application {app.name} is held for it ({lifting(app)} lifts that by hand)" if app.skipped else ""
        try:
            aliases, live = await self._declared.newest(), await self._values.read()
        except PointsmanError as error:
            if error.code not in AWAY:
                raise
            return f"git does not have it yet: {error.what}{held}"
        if frozenset(aliases.members()) != frozenset(live.members):
            return f"git still declares {said(aliases.members())}{held}"
        await self.hold.lift(means, move)
        try:
            await self._arrival.wait(means)
        except PointsmanError as error:
            if not late(error):
                raise
            await self.hold.take(means, move, stop=False)
            return f"git has it, and Argo CD does not say so: {error.what}"
        return ""
