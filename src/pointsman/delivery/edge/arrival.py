"""The wait for Argo CD: a commit is in the cluster when the cluster declares it and Argo CD has nothing left to do."""

from __future__ import annotations

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.draft import Wish, attempt
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.refresh import read, refreshed
from pointsman.delivery.argocd.sync import carry_out
from pointsman.delivery.argocd.verdict import behind
from pointsman.delivery.boundary import Means
from pointsman.delivery.edge.declared import Edited, edited
from pointsman.delivery.edge.surroundings import Surroundings
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_values import LiteLLMValues
from pointsman.errors import TemporaryError

__all__ = ["Arrival"]


class Arrival:
    """Brings what git declares into the cluster, and knows when it is there."""

    def __init__(self, place: InGit, values: LiteLLMValues, given: Surroundings) -> None:
        self._place = place
        self._values = values
        self._given = given

    async def wait(self, means: Means, commit: str = "", edit: Edited | None = None) -> None:
        """Until Argo CD has nothing left to do, and the cluster declares what ``edit`` makes of it.

        Raises TemporaryError after the time that is given for it, naming what keeps it.
        """
        place = self._place
        app = await read(means, place.application, place.namespace)
        if not app.automated:
            await self._synced(means, commit)
            return
        deadline, why = means.within(self._given.timeout), ""

        async def look() -> bool | None:
            nonlocal app, why
            app = await refreshed(means, app, deadline)
            why = behind(app, self._given.clock.now())
            if not why and edit is not None and not await self._declares(edit):
                why = f"the cluster does not declare what {place.where} does"
            means.say(app.name, why or "synced")
            return None if why else True

        if await means.until(deadline, look) is None:
            raise self._late(app, commit, why)

    async def _declares(self, edit: Edited) -> bool:
        """Does the change leave what the cluster declares as it is?"""
        parsed = await self._values.parsed()
        return await edited(edit, Aliases(parsed, self._values.terms)) == parsed.text

    async def _synced(self, means: Means, commit: str) -> None:
        """A manual Application is synced by us."""
        place = self._place
        wish = Wish(place.namespace, self._given.timeout, commit=commit, repository=self._given.clone)
        draft = await attempt(means, place.application, wish)
        result = draft if isinstance(draft, Result) else await carry_out(means, draft)
        if result.error is not None:
            raise result.error

    def _late(self, app: Application, commit: str, why: str) -> TemporaryError:
        return TemporaryError(
            f"commit {commit[:12] or 'of others'} is not in the cluster after {self._given.timeout:g} s: {why}",
            where=str(app.ref),
            next_action=f"pointsman wait {self._place.application} says what keeps it",
            code="edge-unsynced",
        )
