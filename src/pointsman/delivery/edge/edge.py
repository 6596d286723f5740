"""An edge around the edge: each change is one commit, which Argo CD brings into the cluster.

What is declared is what the newest commit says, whether it arrived or not: who takes a change back has to take back
what is on its way, too. What runs is what replicas say, and everything else is the edge's own. A change is made on the
newest commit of the branch, pushed once, and waited for until the cluster declares it as it was written and Argo CD has
nothing left to do. A chart that does not roll its pods by a checksum is rolled here.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from pointsman.delivery.boundary import Means
from pointsman.delivery.edge.arrival import Arrival
from pointsman.delivery.edge.declared import Declared, Edited, Known
from pointsman.delivery.edge.giving_back import AWAY, SOON, GivingBack, in_review, late, not_merged
from pointsman.delivery.edge.proposals import Proposals
from pointsman.delivery.edge.surroundings import Surroundings
from pointsman.delivery.edge.wording import body_of, subject_of
from pointsman.delivery.git import Change, Delivered, Edit, Mark, Mode, Outcome, Patience, deliver
from pointsman.delivery.git.branches import Branches
from pointsman.edge.awaited import Awaited, Waiting, uncounted
from pointsman.edge.contract import AliasState, Awaits, Member, Obstacle, Owe, Reason, said
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_values import LiteLLMValues, digest
from pointsman.edge.wrapped import WrappedEdge
from pointsman.errors import ConflictError, DeliveryError, PointsmanError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import Right, rights

__all__ = ["EdgeInGit"]

SHORT = Patience(seconds=15.0)
"""For a remote that does not answer while tenants wait to be put back."""
TURNS = 10
"""How often one move may come back to the same members: on its way, back, and on again."""


def _step(what: str) -> str:
    """The words that mark commits which declare this, but for how often."""
    return f"alias-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def _untold(text: str) -> None:
    """Nobody listens yet."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A change of the aliases."""

    edit: Edited
    what: str
    """What is declared after it, as members; its digest marks the commit."""
    subject: str
    why: str


class EdgeInGit(WrappedEdge):
    """Implements ``pointsman.edge.contract.Edge``."""

    def __init__(self, edge: LiteLLMValues, place: InGit, given: Surroundings) -> None:
        super().__init__(edge)
        self._values = edge
        self._place = place
        self._given = given
        self._move = f"{edge.terms.model}-{secrets.token_hex(4)}"
        self._means = Means(given.cluster, given.clock, _untold)
        self._waiting: Waiting = uncounted
        branches = Branches(given.clone, place.remote, place.branch, self._for_git)
        self._declared = Declared(place, edge.terms, branches)
        self._proposals = Proposals(place, self._declared, branches)
        self._awaits: Awaits | None = None
        self._looked: frozenset[Member] | None = None
        """What git declared when the move last looked; nothing once it declared something itself since."""
        self._proposed: tuple[Delivered, _Wanted] | None = None
        """The way back that people have still to merge."""
        self._arrival = Arrival(self._declared, edge, given)
        self._giving_back = GivingBack(place, edge, self._declared, self._arrival)

    def begin(
        self,
        move: str,
        tell: Callable[[str], None],
        waiting: Waiting = uncounted,
        awaits: Awaits | None = None,
    ) -> None:
        """Whose changes these are from now on, who is told of them, and how waits are counted."""
        self._move, self._waiting, self._awaits = move, waiting, awaits
        self._means = Means(self._given.cluster, self._given.clock, tell)

    async def read(self) -> AliasState:
        """The aliases as the newest commit declares them."""
        live, aliases = await self._values.read(), await self._declared.newest()
        members = aliases.members()
        self._looked = frozenset(members)
        if self._looked == frozenset(live.members):
            return live
        return replace(live, members=members, revision=digest(aliases.config.text))

    async def obstacles(self) -> Sequence[Obstacle]:
        """The edge's own, and git where it declares something else than the cluster."""
        found, state = await super().obstacles(), await self._values.read()
        aliases = await self._declared.newest()
        if frozenset(aliases.members()) == frozenset(state.members):
            return found
        gap = Obstacle(
            "edge-in-git",
            f"git declares {said(aliases.members())}, the cluster {said(state.members)}",
            aliases.config.where,
            f"let Application {self._place.application} sync it, or mend it in git",
        )
        return [*found, gap]

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members by one commit, and wait until the cluster declares them."""
        return await self._declare(self._wanted(members, why))

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """By a commit where git and Argo CD answer; else in the cluster, held there, and owed to git."""
        wanted, back = self._wanted(members, why), self._giving_back
        try:
            delivered = await self._commit(wanted, SHORT)
        except PointsmanError as error:
            if error.code not in AWAY and not error.code.startswith("merge-"):
                raise
            cause = error if error.code in AWAY else not_merged(error)
            return await back.live(self._means, self._move, members, why, owe, cause)
        if self._is_open(delivered):
            # Tenants do not wait for a review: they are put back at once, and what people merge makes it last.
            self._proposed = delivered, wanted
            return await back.live(self._means, self._move, members, why, owe, in_review(delivered.branch))
        await back.hold.lift(self._means, self._move)
        try:
            return await self._arrived(delivered, wanted, at_most=SOON)
        except PointsmanError as error:
            if not late(error):
                raise
            return await back.live(self._means, self._move, members, why, owe, error)

    async def settle(self) -> str:
        """What is owed to this move, done where it can be by now; a way back in review is waited for."""
        if self._proposed is not None:
            delivered, wanted = self._proposed
            await self._merged(delivered, wanted)
            self._proposed = None
        return await self._giving_back.settle(self._means, self._move)

    def _wanted(self, members: Sequence[Member], why: Reason | None) -> _Wanted:
        reason = why or Reason(f"{self._values.terms.model} moves; this is where its tenants go now.")
        subject = subject_of(self.names, members, reason.back)
        return _Wanted(lambda aliases: aliases.write(members), said(members), subject, reason.text)

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Delete branches of this move that are not merged, but for what declares these members."""
        if self._place.pull_requests:
            await self._proposals.withdraw(self._means, self._move, _step(said(keep)))

    async def remove(self, why: Reason | None = None) -> str:
        """Take our members away by one commit, and wait until the cluster has them no more."""
        model, names = self._values.terms.model, ", ".join(self.names)
        reason = why or Reason(f"Bringing {model} up failed; it is as it was before.")
        what = f"no member of ours for {names}"  # a teardown takes away several aliases under one name
        return await self._declare(_Wanted(Aliases.remove, what, f"{names}: no member of ours", reason.text))

    def rights(self) -> Sequence[Right]:
        """The edge's own, and asking Argo CD to look, or to sync."""
        place = self._place
        application = rights(["get", "patch"], kind_of("Application"), place.namespace, name=place.application)
        return [*super().rights(), *application]

    async def _declare(self, wanted: _Wanted) -> str:
        if self._place.pull_requests:
            await self._proposals.withdraw(self._means, self._move, _step(wanted.what))
        delivered = await self._commit(wanted)
        if self._is_open(delivered):
            delivered = await self._merged(delivered, wanted)
        return await self._arrived(delivered, wanted)

    def _is_open(self, delivered: Delivered) -> bool:
        """Is it a proposal, which somebody has to merge?"""
        return delivered.branch != self._place.branch

    async def _merged(self, delivered: Delivered, wanted: _Wanted) -> Delivered:
        with self._waiting(Awaited.PEOPLE):
            return await self._proposals.merged(self._means, delivered, wanted.edit, self._awaits)

    async def _commit(self, wanted: _Wanted, patience: Patience | None = None) -> Delivered:
        """Deliver it; raises ConflictError where somebody's newer decision stands there."""
        delivered = await self._once(wanted, patience)
        if delivered.outcome is Outcome.SUPERSEDED:
            # What git says may only not have arrived yet. What it did not say when the move looked stays newer.
            await self._caught_up()
            delivered = await self._once(wanted, patience)
        if delivered.outcome is Outcome.SUPERSEDED:
            raise self._superseded(delivered)
        if delivered.stands is False:
            raise ConflictError(
                f"somebody else changed the alias in git after commit {delivered.commit[:12]} declared {wanted.what}: "
                f"{await self._declared.last_author()}",
                where=self._place.where,
                next_action=f"git log -p -- {self._place.path}, then run the command again",
                code="edge-contended",
            )
        self._means.tell(f"{self._place.path}: {delivered.told()}")
        self._looked = None
        return delivered

    async def _arrived(self, delivered: Delivered, wanted: _Wanted, *, at_most: float = math.inf) -> str:
        """Wait until the cluster has it, and roll what the chart does not roll; returns the revision."""
        with self._waiting(Awaited.ARGO_CD):
            await self._arrival.wait(self._means, delivered.commit, wanted.edit, at_most=at_most)
        await self._values.roll_laggards()
        return (await self._values.read()).revision

    async def _caught_up(self) -> None:
        """Wait for what is on its way; nothing is, where Argo CD is told to leave the Application alone."""
        try:
            with self._waiting(Awaited.ARGO_CD):
                await self._arrival.wait(self._means)
        except DeliveryError as error:
            if error.code != "edge-held":
                raise

    def _for_git(self) -> AbstractContextManager[object]:
        return self._waiting(Awaited.GIT)

    async def _once(self, wanted: _Wanted, patience: Patience | None) -> Delivered:
        """Deliver it. A move that comes back to what it declared before makes a commit anew."""
        for turn in range(1, TURNS):
            mark = Mark(self._move, f"{_step(wanted.what)}-{turn}")
            if self._place.pull_requests and (found := await self._proposals.standing(mark, wanted.edit)):
                return found
            delivered = await self._deliver(wanted, mark, patience or Patience())
            overtaken = delivered.outcome is Outcome.FOUND and delivered.stands is False
            if not overtaken or not await self._declared.changed_last_by(self._move):
                return delivered
        return delivered

    async def _deliver(self, wanted: _Wanted, mark: Mark, patience: Patience) -> Delivered:
        known, declared, edit = await self._known(), self._declared, wanted.edit
        change = Change(
            mark=mark,
            subject=wanted.subject,
            body=body_of(wanted.why),
            edits=(Edit(self._place.path, lambda content, files: declared.made(content, files, edit)),),
            wanted=lambda files: declared.unwanted(files, known, edit, self._move),
        )
        at = self._place
        return await deliver(
            self._given.clone,
            change,
            remote=at.remote,
            branch=at.branch,
            mode=Mode.PULL_REQUEST if at.pull_requests else Mode.PUSH,
            patience=patience,
            waiting=self._for_git,
        )

    async def _known(self) -> Known:
        return Known(frozenset((await self._values.read()).members), self._looked)

    def _superseded(self, delivered: Delivered) -> ConflictError:
        return ConflictError(
            delivered.reason,
            where=self._place.where,
            next_action=f"wait for Application {self._place.application}, or take that commit back; then run it again",
            code="edge-contended",
        )
