"""The wait for Argo CD: a commit is in the cluster when the cluster declares it and Argo CD has nothing left to do."""

from __future__ import annotations

import math

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.draft import Wish, attempt
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.hold import holders, lifting
from pointsman.delivery.argocd.refresh import read, refreshed
from pointsman.delivery.argocd.sync import carry_out
from pointsman.delivery.argocd.verdict import behind
from pointsman.delivery.boundary import Means
from pointsman.delivery.edge.declared import Declared, Edited, edited
from pointsman.delivery.edge.surroundings import Surroundings
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_values import LiteLLMValues
from pointsman.errors import ConflictError, DeliveryError, PointsmanError, TemporaryError

__all__ = ["Arrival"]

QUESTION = 10.0
"""Seconds between two questions to git, while Argo CD is busy, whether what is waited for still stands there. An
Application of two sources in one repository that are looked at with a commit between them tries for minutes (seen on
3.2.6: "cannot reference a different revision of the same repository")."""


class Arrival:
    """Brings what git declares into the cluster, and knows when it is there."""

    def __init__(self, declared: Declared, values: LiteLLMValues, given: Surroundings) -> None:
        self._place = declared.place
        self._declared = declared
        self._values = values
        self._given = given

    async def wait(
        self, means: Means, commit: str = "", edit: Edited | None = None, *, at_most: float = math.inf
    ) -> None:
        """Until Argo CD has nothing left to do, and the cluster declares what ``edit`` makes of it.

        Raises TemporaryError after the time that is given for it, or ``at_most`` seconds, naming what keeps it;
        DeliveryError when Argo CD is told to leave the Application alone, ConflictError when somebody replaced in git
        what is waited for.
        """
        place, seconds = self._place, min(at_most, self._given.timeout)
        app = await read(means, place.application, place.namespace)
        if app.skipped:
            raise _held(app)
        if not app.automated:
            await self._synced(means, commit, seconds)
            return
        deadline, why, next_question = means.within(seconds), "", means.clock.monotonic() + QUESTION

        async def look() -> bool | None:
            nonlocal app, why, next_question
            app = await refreshed(means, app, deadline)
            why = behind(app, self._given.clock.now())
            if why and edit is not None and means.clock.monotonic() >= next_question:
                next_question = means.clock.monotonic() + QUESTION
                await self._refuse_overtaken(edit)
            if not why and edit is not None and not await self._declares(edit):
                await self._refuse_overtaken(edit)
                why = f"the cluster does not declare what {place.where} does"
            means.say(app.name, why or "synced")
            return None if why else True

        try:
            arrived = await means.until(deadline, look)
        except DeliveryError as error:
            if not why or error.code != "argo-refresh-unanswered":
                raise
            arrived = None  # it answered before, and only the last question had no time left
        if arrived is None:
            raise _late(app, commit, f"{seconds:g} s: {why}")

    async def _refuse_overtaken(self, edit: Edited) -> None:
        """Raise ConflictError when what is waited for was replaced in git, so that it never comes."""
        try:
            who = await self._declared.overtaken(edit)
        except PointsmanError as error:
            if not error.code.startswith("git-"):
                raise
            return
        if who:
            raise ConflictError(
                f"somebody else declares the alias otherwise in git, before it arrived: {who}",
                where=self._place.where,
                next_action=f"git log -p -- {self._place.path}; find out who or what commits there",
                code="edge-contended",
            )

    async def _declares(self, edit: Edited) -> bool:
        """Does the change leave what the cluster declares as it is?"""
        parsed = await self._values.parsed()
        return await edited(edit, Aliases(parsed, self._values.terms)) == parsed.text

    async def _synced(self, means: Means, commit: str, seconds: float) -> None:
        """A manual Application is synced by us."""
        place = self._place
        wish = Wish(place.namespace, seconds, commit=commit, repository=self._given.clone)
        draft = await attempt(means, place.application, wish)
        result = draft if isinstance(draft, Result) else await carry_out(means, draft)
        if result.error is not None:
            raise result.error


def _late(app: Application, commit: str, after: str) -> TemporaryError:
    return TemporaryError(
        f"commit {commit[:12] or 'of others'} is not in the cluster after {after}",
        where=str(app.ref),
        next_action=f"pointsman wait {app.ref.name} says what keeps it",
        code="edge-unsynced",
    )


def _held(app: Application) -> DeliveryError:
    whose = holders(app)
    what = f"it is held for {', '.join(whose)}" if whose else "its annotation skip-reconcile says so"
    mend = "end that move first (pointsman status), or: " if whose else ""
    return DeliveryError(
        f"Argo CD leaves the Application alone: {what}",
        where=str(app.ref),
        next_action=f"{mend}{lifting(app)}",
        code="edge-held",
    )
