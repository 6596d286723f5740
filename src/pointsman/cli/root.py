"""``pointsman root``: apply a profile's AppProject and ApplicationSets, once it is known what vanishes."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.pointing import LeaveAlias
from pointsman.cli.repo import Env, Repo, edge_in_git, warn
from pointsman.cli.words import Output, agree
from pointsman.errors import ClusterError, RefusedError, UsageError

if TYPE_CHECKING:
    from pointsman.catalog.profile import Profile
    from pointsman.catalog.repository import Repository
    from pointsman.kube.client import Client
    from pointsman.leaving.losing import Losing
    from pointsman.root.survey import Survey

__all__ = ["command"]


def command(
    profile: Annotated[str, typer.Option("--profile", metavar="PROFILE", help="platform, serving, llm-gateway, full.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and apply nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    delete: Annotated[
        list[str] | None,
        typer.Option("--delete", metavar="NAME", help="An Application that may go with its GPUs and volumes; repeat."),
    ] = None,
    leave: LeaveAlias = None,
    env: Env = None,
    repo: Repo = Path(),
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Apply a profile's ApplicationSets, once it is known what vanishes."""
    from pointsman.catalog.repository import open_repository

    repository = open_repository(repo, env)
    made = _read(repository, profile)
    agreed = _Agreed(frozenset(delete or ()), frozenset(leave or ()), yes)
    if dry_run:
        return asyncio.run(_rehearse(repository, made, agreed, (kubeconfig, context), output))
    return asyncio.run(_apply(repository, made, agreed, (kubeconfig, context), output))


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What was agreed to on the command line."""

    delete: frozenset[str]
    leave: frozenset[str]
    yes: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """One look at the cluster."""

    survey: Survey
    losing: list[Losing]
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The survey's fields, and the aliases that would lose what answers them."""
        found = self.survey.as_dict()
        return found | {"aliases": [one.as_dict() for one in self.losing], "notes": [*found["notes"], *self.notes]}


async def _look(repository: Repository, made: Profile, client: Client) -> _Found:
    from pointsman.cli.pointing import losing_of
    from pointsman.root.survey import survey

    found = await survey(made, client)
    place = edge_in_git(repository.root, repository.env)
    return _Found(found, *await losing_of(found.losses, client, repository.root, place))


def _read(repository: Repository, profile: str) -> Profile:
    from pointsman.catalog.address import elsewhere
    from pointsman.catalog.config import read_config
    from pointsman.catalog.profile import profile_of
    from pointsman.catalog.resolution import resolve

    found = resolve(repository)
    warn(found.told)
    made = profile_of(profile, found)
    warn(elsewhere(read_config(repository), made.sets))
    return made


def _placeholder(made: Profile) -> tuple[str, str]:
    from pointsman.catalog.address import placeholder_in

    return placeholder_in([*made.projects, *(one.written for one in made.sets)])


def _access(kubeconfig: Path | None, context: str | None) -> Client:
    """Not the patience of a move: whoever asks what would happen waits for the answer."""
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access

    return Client(load_access(kubeconfig, context), limits=Limits(connect=5.0, call=20.0, first=5.0))


async def _rehearse(
    repository: Repository, made: Profile, agreed: _Agreed, reach: tuple[Path | None, str | None], output: Output
) -> int:
    """Without a cluster, what the repository alone says."""
    from pointsman.catalog.telling import Told

    where, url = _placeholder(made)
    if where:
        warn(
            [Told("root-placeholder", where, f"{url} stands for a repository that nobody named; it is not applied so")]
        )
    found, why = None, ""
    try:
        async with _access(*reach) as client:
            found = await _look(repository, made, client)
    except ClusterError as error:
        why = error.what
    if found is not None:
        _refuse_strangers(found, agreed)
    unnamed = found.survey.unnamed(set(agreed.delete)) if found else []
    losing = sorted({one.pointer.alias for one in found.losing} - agreed.leave) if found else []
    more = {"toBeNamed": unnamed, "toBeLeft": losing}
    _show(sys.stdout, _object(repository, made, found, why) | more, output)
    return 1 if unnamed or losing else 0


async def _apply(
    repository: Repository,
    made: Profile,
    agreed: _Agreed,
    reach: tuple[Path | None, str | None],
    output: Output,
) -> int:
    from pointsman.leaving.losing import refuse_losing
    from pointsman.report.data import write_data
    from pointsman.report.text import write_lines
    from pointsman.root.applying import apply

    where, url = _placeholder(made)
    if where:
        raise RefusedError(
            f"{url} stands for a repository that nobody named, so Argo CD would find nothing there",
            where=where,
            next_action="write the repository's URL wherever this one is; in what pointsman init wrote: "
            "make repository-url URL=https://...",
            code="root-placeholder",
        )
    async with _access(*reach) as client:
        found = await _look(repository, made, client)
        shown = _object(repository, made, found, "")
        _show(sys.stderr, shown, Output.text)
        _refuse_strangers(found, agreed)
        refuse_losing(found.losing, agreed.leave, f"pointsman root --profile {made.name}")
        _refuse_unnamed(made, found.survey, set(agreed.delete))
        if not agreed.yes:
            agree(agreed.yes, f"apply profile {made.name} of {repository.env}?")
            await _refuse_news(repository, made, found, client)
        stopping.left("interrupted while it was applying; what was told as applied is applied", "run it again")
        done = await apply(made, client, lambda line: write_lines(sys.stderr, [line]))
    if output is Output.text:
        write_lines(sys.stdout, [f"profile {made.name} of {repository.env}: {len(done)} objects applied"])
    else:
        write_data(sys.stdout, shown | {"applied": done}, output)
    return 0


async def _refuse_news(repository: Repository, made: Profile, found: _Found, client: Client) -> None:
    """Between the question and its answer others may have changed the repository or the cluster."""
    from pointsman.root.applying import manifests_of

    again = _read(repository, made.name)
    same = manifests_of(again) == manifests_of(made) and again.generated == made.generated
    if not same or (await _look(repository, again, client)).as_dict() != found.as_dict():
        raise RefusedError(
            "the repository or the cluster changed while the question was open",
            next_action="run it again and read what it says now",
            code="root-changed",
        )


def _refuse_strangers(found: _Found, agreed: _Agreed) -> None:
    """A name given to --delete that does not vanish is a slip of the hand, or of an older plan."""
    from pointsman.leaving.losing import refuse_unmeant

    refuse_unmeant(found.losing, agreed.leave)
    strange = sorted(agreed.delete - {one.ending.label for one in found.survey.losses})
    if strange:
        raise UsageError(
            f"--delete {strange[0]}: no Application of this name vanishes",
            next_action="pointsman root --profile PROFILE --dry-run says which do",
            code="delete-unknown",
        )


def _refuse_unnamed(made: Profile, found: Survey, named: set[str]) -> None:
    unnamed = found.unnamed(named)
    if not unnamed:
        return
    words = " ".join(f"--delete {name}" for name in sorted({*named, *unnamed}))
    raise RefusedError(
        f"GPUs or volumes, or what nobody can tell, would be deleted with {', '.join(unnamed)}",
        next_action=f"turn their features on again; or agree to each: pointsman root --profile {made.name} {words}",
        code="root-losses",
    )


def _object(repository: Repository, made: Profile, found: _Found | None, why: str) -> dict[str, Any]:
    from pointsman.root.applying import manifests_of

    sets = [
        {"name": one.name, "applications": [each.name for each in made.generated[one.name]], "reads": one.reads}
        for one in made.sets
    ]
    head = {
        "profile": made.name,
        "env": repository.env,
        "apply": [name for name, _ in manifests_of(made)],
        "sets": sets,
    }
    if found is None:
        return head | {"cluster": {"asked": False, "why": why}}
    return head | {"cluster": {"asked": True}} | found.as_dict()


def _show(stream: Any, found: dict[str, Any], output: Output) -> None:
    from pointsman.report.data import write_data
    from pointsman.report.root import generated_lines, survey_lines
    from pointsman.report.text import write_lines

    if output is not Output.text:
        write_data(stream, found, output)
        return
    lines = generated_lines(found)
    if found["cluster"]["asked"]:
        lines += survey_lines(found)
    else:
        lines.append(f"the cluster was not asked, so what appears and vanishes is not known: {found['cluster']['why']}")
    words = [f"--delete {name}" for name in found.get("toBeNamed") or ()]
    words += [f"--leave {name}" for name in found.get("toBeLeft") or ()]
    if words:
        lines.append(f"would be refused without {' '.join(words)}")
    write_lines(stream, lines)
