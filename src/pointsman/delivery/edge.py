"""A LiteLLM edge whose configuration stands in git: each change is one commit, which Argo CD brings into the cluster.

What is declared is what the newest commit says, whether it arrived or not: who takes a change back has to take back
what is on its way, too. What runs is what replicas say, and everything else is the edge's own. A change is made on the
newest commit of the branch, pushed once, and waited for until the cluster declares it as it was written and Argo CD has
nothing left to do. A chart that does not roll its pods by a checksum is rolled here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.draft import Wish, attempt
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.refresh import read, refreshed
from pointsman.delivery.argocd.sync import carry_out
from pointsman.delivery.argocd.verdict import behind
from pointsman.delivery.boundary import Clock, Cluster, Means
from pointsman.delivery.git import Change, Delivered, Edit, Files, Mark, Outcome, deliver
from pointsman.delivery.git.history import author, last_change, marked
from pointsman.delivery.git.program import Git, open_git
from pointsman.delivery.git.refusals import Ending
from pointsman.delivery.git.remote import open_remote
from pointsman.delivery.git.tree import read_tree
from pointsman.delivery.git.troubles import trouble
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import AliasState, Member, Obstacle, said
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_alias import Aliases
from pointsman.edge.litellm_values import LiteLLMValues, aside, digest
from pointsman.edge.wrapped import WrappedEdge
from pointsman.errors import ConflictError, RefusedError, TemporaryError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import Right, rights

__all__ = ["EdgeInGit", "Surroundings"]

Edited = Callable[[Aliases], str]
T = TypeVar("T")
TURNS = 10
"""How often one move may come back to the same members: on its way, back, and on again."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery is made with."""

    cluster: Cluster
    clock: Clock
    clone: Path
    """A clone of the repository, any folder of it; nothing in it is touched but objects and refs of ours."""
    timeout: float = 300.0
    """Seconds for Argo CD to bring a commit into the cluster."""


def _untold(text: str) -> None:
    """Nobody listens yet."""


async def _edited(edit: Edited, aliases: Aliases) -> str:
    """The text after the edit; a long one takes a moment, in which a lock has to be renewed."""
    return await aside(len(aliases.config.text), edit, aliases)


class EdgeInGit(WrappedEdge):
    """Implements ``pointsman.edge.contract.Edge``."""

    def __init__(self, edge: LiteLLMValues, place: InGit, given: Surroundings) -> None:
        super().__init__(edge)
        self._values = edge
        self._place = place
        self._given = given
        self._move = f"{edge.terms.model}-{secrets.token_hex(4)}"
        self._means = Means(given.cluster, given.clock, _untold)
        self._parsed: tuple[str, Aliases] | None = None
        """The last commit that was read, so that one is parsed once."""

    def begin(self, move: str, tell: Callable[[str], None]) -> None:
        """Whose changes these are from now on, and who is told of them."""
        self._move = move
        self._means = Means(self._given.cluster, self._given.clock, tell)

    async def read(self) -> AliasState:
        """The aliases as the newest commit declares them."""
        live, aliases = await self._values.read(), await self._newest()
        members = aliases.members()
        if frozenset(members) == frozenset(live.members):
            return live
        return replace(live, members=members, revision=digest(aliases.config.text))

    async def obstacles(self) -> Sequence[Obstacle]:
        """The edge's own, and git where it declares something else than the cluster."""
        found, state = await super().obstacles(), await self._values.read()
        aliases = await self._newest()
        if frozenset(aliases.members()) == frozenset(state.members):
            return found
        gap = Obstacle(
            "edge-in-git",
            f"git declares {said(aliases.members())}, the cluster {said(state.members)}",
            aliases.config.where,
            f"let Application {self._place.application} sync it, or mend it in git",
        )
        return [*found, gap]

    async def write(self, members: Sequence[Member]) -> str:
        """Declare all members by one commit, and wait until the cluster declares them."""
        return await self._declared(lambda aliases: aliases.write(members), said(members))

    async def remove(self) -> str:
        """Take our members away by one commit, and wait until the cluster has them no more."""
        return await self._declared(Aliases.remove, "no member of ours")

    def rights(self) -> Sequence[Right]:
        """The edge's own, and asking Argo CD to look, or to sync."""
        place = self._place
        application = rights(["get", "patch"], kind_of("Application"), place.namespace, name=place.application)
        return [*super().rights(), *application]

    async def _declared(self, edit: Edited, what: str) -> str:
        delivered = await self._once(edit, what)
        if delivered.outcome is Outcome.SUPERSEDED:
            # What git says may only not have arrived yet.
            await self._arrived()
            delivered = await self._once(edit, what)
        if delivered.outcome is Outcome.SUPERSEDED:
            raise self._superseded(delivered)
        if delivered.stands is False:
            raise ConflictError(
                f"somebody else changed the alias in git after commit {delivered.commit[:12]} declared {what}",
                where=self._place.where,
                next_action=f"git log -p -- {self._place.path}, then run the command again",
                code="edge-contended",
            )
        self._means.tell(f"{self._place.path}: {delivered.told()}")
        await self._arrived(delivered.commit, edit)
        await self._values.roll_laggards()
        return (await self._values.read()).revision

    async def _once(self, edit: Edited, what: str) -> Delivered:
        """Deliver it. A move that comes back to what it declared before makes a commit anew."""
        for turn in range(1, TURNS):
            delivered = await self._deliver(edit, what, turn)
            if (
                delivered.outcome is not Outcome.FOUND
                or delivered.stands is not False
                or not await self._newest_is_ours()
            ):
                return delivered
        return delivered

    async def _newest_is_ours(self) -> bool:
        """Did this very move make the newest change of the file?"""

        async def look(git: Git, tip: str) -> bool:
            return await marked(git, await last_change(git, tip, (self._place.path,)), self._move)

        return await self._at_tip(look)

    async def _deliver(self, edit: Edited, what: str, turn: int) -> Delivered:
        live = await self._values.read()
        change = Change(
            mark=Mark(self._move, f"alias-{hashlib.sha256(what.encode()).hexdigest()[:10]}-{turn}"),
            subject=f"{self._values.terms.alias}: {what}",
            body=f"{self._values.terms.model} moves between serving layers; this is where its tenants go now.",
            edits=(Edit(self._place.path, lambda content, files: self._made(content, files, edit)),),
            wanted=lambda files: self._unwanted(files, live, edit),
        )
        return await deliver(self._given.clone, change, remote=self._place.remote, branch=self._place.branch)

    async def _newest(self) -> Aliases:
        """The aliases as the newest commit declares them."""

        async def look(git: Git, tip: str) -> Aliases:
            found = await (await read_tree(git, tip)).read([self._place.path])
            return await self._aliases(found.get(self._place.path), tip)

        return await self._at_tip(look)

    async def _at_tip(self, look: Callable[[Git, str], Awaitable[T]]) -> T:
        """What is found at the branch's newest commit; raises what a fetch that fails means."""
        place = self._place
        remote = await open_remote(await open_git(self._given.clone), place.remote, place.branch)
        try:
            answer = await remote.fetch(place.branch)
            if answer.ending is not Ending.DONE or not answer.tip:
                raise trouble(answer, f"{place.remote}/{place.branch}", frozenset())
            return await look(remote.git, answer.tip)
        finally:
            await remote.close()

    async def _made(self, content: bytes | None, files: Files, edit: Edited) -> bytes:
        aliases = await self._aliases(content, files.commit)
        return (await _edited(edit, aliases)).encode()

    async def _aliases(self, content: bytes | None, commit: str) -> Aliases:
        """The aliases in the file as this commit has it."""
        if self._parsed is None or self._parsed[0] != commit:
            self._parsed = commit, await self._read(content, f"{self._place.path} in {commit[:12]}")
        return self._parsed[1]

    async def _read(self, content: bytes | None, where: str) -> Aliases:
        if content is None:
            raise RefusedError(
                "the edge's configuration is not in git",
                where=where,
                next_action="name its file in spec.edge.values of platform.yaml",
                code="edge-config-missing",
            )
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise RefusedError(
                "the edge's configuration is no UTF-8 text",
                where=where,
                next_action="save it as UTF-8",
                code="edge-config-yaml",
            ) from error
        return Aliases(await aside(len(text), ConfigText, text, where, self._place.under), self._values.terms)

    async def _unwanted(self, files: Files, live: AliasState, edit: Edited) -> str:
        """Why git's own declaration is a newer decision; empty when it is what runs, what is wanted, or ours."""
        aliases = await self._aliases(files.get(self._place.path), files.commit)
        there = frozenset(aliases.members())
        if there == frozenset(live.members) or await _edited(edit, aliases) == aliases.config.text:
            return ""
        git = await open_git(self._given.clone)
        commit = await last_change(git, files.commit, (self._place.path,))
        if await marked(git, commit, self._move):
            return ""
        return f"git declares {said(aliases.members())} ({await author(git, commit)}), the cluster {said(live.members)}"

    def _superseded(self, delivered: Delivered) -> ConflictError:
        return ConflictError(
            delivered.reason,
            where=self._place.where,
            next_action=f"wait for Application {self._place.application}, or take that commit back; then run it again",
            code="edge-contended",
        )

    async def _arrived(self, commit: str = "", edit: Edited | None = None) -> None:
        """Wait until Argo CD has nothing left to do, and the cluster declares what ``edit`` makes of it."""
        place, means = self._place, self._means
        app = await read(means, place.application, place.namespace)
        if not app.automated:
            await self._synced(commit)
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
        return await _edited(edit, Aliases(parsed, self._values.terms)) == parsed.text

    async def _synced(self, commit: str) -> None:
        """A manual Application is synced by us."""
        place = self._place
        wish = Wish(place.namespace, self._given.timeout, commit=commit, repository=self._given.clone)
        draft = await attempt(self._means, place.application, wish)
        result = draft if isinstance(draft, Result) else await carry_out(self._means, draft)
        if result.error is not None:
            raise result.error

    def _late(self, app: Application, commit: str, why: str) -> TemporaryError:
        return TemporaryError(
            f"commit {commit[:12] or 'of others'} is not in the cluster after {self._given.timeout:g} s: {why}",
            where=str(app.ref),
            next_action=f"pointsman wait {self._place.application} says what keeps it",
            code="edge-unsynced",
        )
