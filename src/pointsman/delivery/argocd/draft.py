"""What a sync would do, before a person is asked: everything read, everything that speaks against it said.

Nothing is written here but the question to compare with git anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.delivery.ancestry import Repository
from pointsman.delivery.argocd import reservations, revision
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Note, Result
from pointsman.delivery.argocd.operation import asked
from pointsman.delivery.argocd.project import windows
from pointsman.delivery.argocd.refresh import found, refreshed
from pointsman.delivery.argocd.standing import HELD, Kind, Standing, standing
from pointsman.delivery.argocd.windows import Window
from pointsman.delivery.boundary import Deadline, Means
from pointsman.errors import DeliveryError, PointsmanError, RefusedError, StoppedError

__all__ = ["Draft", "Wish", "attempt", "drafted", "listed", "prepare"]

AGAIN = 5.0
"""Seconds until Argo CD is asked to look into git again for a commit that it has not seen."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for, the same for every Application named."""

    namespace: str
    timeout: float
    """Seconds for each half."""
    revision: str = ""
    commit: str = ""
    repository: Path | None = None
    prune: bool = False
    wait_for_app: bool = False
    ready: bool = True
    """Wait for its workloads too? Somebody else may be about to wake them."""

    @property
    def clone(self) -> Repository:
        """Who is asked what contains what."""
        return Repository(self.repository)


@dataclass(frozen=True)
class Draft:
    """What is about to be done to one Application, as it was read."""

    app: Application
    wish: Wish
    operation: Mapping[str, Any] | None
    """None: it is automated, and only waited for."""
    notes: Sequence[Note] = ()
    windows: Sequence[Window] = ()
    ident: str = field(default_factory=lambda: str(uuid.uuid4()))


async def prepare(means: Means, name: str, wish: Wish) -> Draft:
    """Everything that has to be known before a person is asked. Raises RefusedError when it must not be done."""
    deadline = means.within(wish.timeout)
    app = await found(means, name, wish.namespace, deadline, wait=wish.wait_for_app)
    reservations.refuse_unreachable(app)
    if not app.automated:
        app = await _idle(means, app, deadline)
    app = await _with_commit(means, await refreshed(means, app, deadline), wish, deadline)
    return await drafted(means, app, wish, str(uuid.uuid4()))


async def attempt(means: Means, name: str, wish: Wish) -> Draft | Result:
    """``prepare``; what refuses it is in the result."""
    try:
        return await prepare(means, name, wish)
    except StoppedError:
        raise
    except PointsmanError as error:
        return Result(f"{wish.namespace}/{name}", "refused", error=error)


async def drafted(means: Means, app: Application, wish: Wish, ident: str) -> Draft:
    """The decision, from one state of everything; made again after every conflict."""
    reservations.refuse_unreachable(app)
    noted = reservations.notes(app)
    if app.automated:
        return Draft(app, wish, None, noted, ident=ident)
    reservations.refuse_uncompared(app)
    concerning, unread = await windows(means, app)
    reservations.refuse_window(app, concerning)
    revisions = revision.chosen(app, wish.revision)
    await revision.refuse_older(app, revisions, wish.clone)
    operation = asked(app, revisions, ident, prune=wish.prune)
    return Draft(app, wish, operation, [*noted, *unread, *reservations.window_notes(concerning)], concerning, ident)


async def _idle(means: Means, app: Application, deadline: Deadline) -> Application:
    """The Application once no operation is under way: one that is posted over another is lost in silence."""

    stands, free = [standing(app, means.clock.now())], [means.clock.monotonic()]

    async def look() -> Application | None:
        now = Application(await means.cluster.get(app.ref))
        stands.append(standing(now, means.clock.now()))
        if stands[-1].kind is Kind.NONE:
            return now
        if stands[-1].kind is not Kind.BLOCKED:
            free[0] = means.clock.monotonic()
        if stands[-1].kind is Kind.ZOMBIE or means.clock.monotonic() >= free[0] + HELD:
            raise _open(app, stands[-1])
        means.say(app.name, f"waiting: {stands[-1].sentence}")
        return None

    if (idle := await means.until(deadline, look)) is None:
        raise _open(app, stands[-1])
    return idle


def _open(app: Application, stands: Standing) -> RefusedError:
    advice = stands.advice or "wait for it, or end it with argocd app terminate-op"
    return RefusedError(stands.sentence, where=str(app.ref), next_action=advice, code="argo-operation-open")


async def _with_commit(means: Means, app: Application, wish: Wish, deadline: Deadline) -> Application:
    """The Application once what Argo CD compares with contains the commit. Raises RefusedError when it does not."""
    if not wish.commit:
        return app
    fresh, why = [app], [""]

    async def look() -> Application | None:
        answer = await revision.has_commit(fresh[-1], fresh[-1].compared, wish.commit, wish.clone)
        if answer.yes:
            return fresh[-1]
        if answer.yes is None:
            raise _unproved(fresh[-1], wish.commit, answer.why)
        why.append(f" ({answer.why})" if answer.why else "")
        means.say(
            app.name, f"Argo CD compares with {listed(fresh[-1].compared)}, which does not have {wish.commit} yet"
        )
        await means.clock.sleep(AGAIN)
        with suppress(DeliveryError):  # at the deadline; what is missing then is the commit
            fresh.append(await refreshed(means, fresh[-1], deadline))
        return None

    there = await means.until(deadline, look)
    if there is not None:
        return there
    raise RefusedError(
        f"Argo CD compares with {listed(fresh[-1].compared)}, which does not have {wish.commit}{why[-1]}",
        where=str(app.ref),
        next_action="was it pushed, to the branch that targetRevision names?",
        code="argo-commit-unseen",
    )


def _unproved(app: Application, commit: str, why: str) -> RefusedError:
    return RefusedError(
        f"whether {listed(app.compared)} contains {commit} cannot be told: {why}",
        where=str(app.ref),
        next_action="--repository PATH names a clone that has both commits",
        code="argo-commit-unproved",
    )


def listed(revisions: Sequence[str]) -> str:
    """Revisions in a sentence."""
    return ", ".join(revisions) or "no revision"
