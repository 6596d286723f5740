"""Which revision a sync applies, and whether it may: it has our commit, and is no older tree than what runs.

What Argo CD compared with last is what it is asked to apply: what was shown is what is done. A revision that a person
names is taken only if it is proved that it does not take back what was delivered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointsman.delivery.ancestry import Answer, Repository, same_commit
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.shape import mapping
from pointsman.errors import RefusedError, UsageError

__all__ = ["chosen", "has_commit", "refuse_bad_commit", "refuse_older", "same"]

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


def refuse_bad_commit(option: str, word: str) -> None:
    """Raise UsageError for what is no commit: a branch would mean another one a minute later."""
    if not _COMMIT.fullmatch(word):
        raise UsageError(
            f"{option} {word!r} is no commit", next_action="give 7 to 64 hexadecimal digits, e.g. of git rev-parse HEAD"
        )


def _git(app: Application) -> list[int]:
    """Which of its sources are git repositories, by position; the others are Helm charts."""
    return [number for number, one in enumerate(app.sources) if not one.get("chart")]


def chosen(app: Application, wanted: str) -> tuple[str, ...]:
    """The revision of each source: what Argo CD compared with, or ``wanted`` for the one repository that has it."""
    if not wanted:
        return app.compared
    places = {str(app.sources[number].get("repoURL")) for number in _git(app)}
    if len(places) != 1:
        raise RefusedError(
            f"--revision could be one of any of its {len(places)} git repositories",
            where=str(app.ref),
            next_action="leave it out: each source is synced to what its targetRevision means now",
            code="argo-revision-ambiguous",
        )
    return tuple(wanted if number in _git(app) else one for number, one in enumerate(app.compared))


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Are these the same revisions?"""
    return len(one) == len(other) and all(
        mine == theirs or same_commit(mine, theirs) for mine, theirs in zip(one, other, strict=True)
    )


async def has_commit(app: Application, revisions: Sequence[str], commit: str, repository: Repository) -> Answer:
    """Do these revisions contain the commit? Of a hydrated Application: does the commit that they were made from?"""
    if app.hydrated:
        return await _dry(app, revisions, commit, repository)
    answers = [await repository.contains(revisions[one], commit) for one in _git(app) if one < len(revisions)]
    if any(one.yes for one in answers):
        return Answer(True)
    return next((one for one in answers if one.yes is None), Answer(False))


async def _dry(app: Application, revisions: Sequence[str], commit: str, repository: Repository) -> Answer:
    last = mapping(mapping(app.status.get("sourceHydrator")).get("lastSuccessfulOperation"))
    if not same(revisions, (str(last.get("hydratedSHA") or ""),)):
        return Answer(False, "the hydrator does not say from which commit this one was made")
    return await repository.contains(str(last.get("drySHA") or ""), commit)


async def refuse_older(app: Application, revisions: Sequence[str], repository: Repository) -> None:
    """Raise RefusedError when this would take back what was delivered, or might and a person chose it."""
    for number in _git(app):
        if number >= min(len(revisions), len(app.delivered)):
            continue
        before, after = app.delivered[number], revisions[number]
        if same_commit(before, after):
            continue
        found = await repository.contains(before, after)
        if found.yes:
            raise RefusedError(
                f"{after} is older than {before}, which is applied; a sync would take newer commits back",
                where=str(app.ref),
                next_action="revert in git with a new commit, and sync that",
                code="argo-older",
            )
        if found.yes is None and not same_commit(after, app.compared[number]):
            raise RefusedError(
                f"whether {after} is older than {before}, which is applied, cannot be told: {found.why}",
                where=str(app.ref),
                next_action="--repository PATH names a clone that has both; without --revision Argo CD's own is taken",
                code="argo-ancestry-unknown",
            )
