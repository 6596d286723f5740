"""``pointsman root``: apply a profile's AppProject and ApplicationSets, once it is known what vanishes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.repo import Env, Repo, warn
from pointsman.cli.words import Output, agree
from pointsman.errors import ClusterError, RefusedError, UsageError

if TYPE_CHECKING:
    from pointsman.catalog.profile import Profile
    from pointsman.catalog.repository import Repository
    from pointsman.kube.client import Client
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
    named = set(delete or ())
    if dry_run:
        return asyncio.run(_rehearse(repository, made, named, (kubeconfig, context), output))
    return asyncio.run(_apply(repository, made, named, yes, (kubeconfig, context), output))


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
    repository: Repository, made: Profile, named: set[str], reach: tuple[Path | None, str | None], output: Output
) -> int:
    """Without a cluster, what the repository alone says."""
    from pointsman.catalog.telling import Told
    from pointsman.root.survey import survey

    where, url = _placeholder(made)
    if where:
        warn(
            [Told("root-placeholder", where, f"{url} stands for a repository that nobody named; it is not applied so")]
        )
    found, why = None, ""
    try:
        async with _access(*reach) as client:
            found = await survey(made, client)
    except ClusterError as error:
        why = error.what
    if found is not None:
        _refuse_strangers(found, named)
    unnamed = found.unnamed(named) if found else []
    _show(sys.stdout, _object(repository, made, found, why) | {"toBeNamed": unnamed}, output)
    return 1 if unnamed else 0


async def _apply(
    repository: Repository,
    made: Profile,
    named: set[str],
    yes: bool,
    reach: tuple[Path | None, str | None],
    output: Output,
) -> int:
    from pointsman.report.text import write_lines
    from pointsman.root.applying import apply
    from pointsman.root.survey import survey

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
        found = await survey(made, client)
        shown = _object(repository, made, found, "")
        _show(sys.stderr, shown, Output.text)
        _refuse_strangers(found, named)
        _refuse_unnamed(made, found, named)
        if not yes:
            agree(yes, f"apply profile {made.name} of {repository.env}?")
            await _refuse_news(repository, made, found, client)
        stopping.left("interrupted while it was applying; what was told as applied is applied", "run it again")
        done = await apply(made, client, lambda line: write_lines(sys.stderr, [line]))
    if output is Output.json:
        sys.stdout.write(json.dumps(shown | {"applied": done}) + "\n")
    else:
        write_lines(sys.stdout, [f"profile {made.name} of {repository.env}: {len(done)} objects applied"])
    return 0


async def _refuse_news(repository: Repository, made: Profile, found: Survey, client: Client) -> None:
    """Between the question and its answer others may have changed the repository or the cluster."""
    from pointsman.root.applying import manifests_of
    from pointsman.root.survey import survey

    again = _read(repository, made.name)
    same = manifests_of(again) == manifests_of(made) and again.generated == made.generated
    if not same or (await survey(again, client)).as_dict() != found.as_dict():
        raise RefusedError(
            "the repository or the cluster changed while the question was open",
            next_action="run it again and read what it says now",
            code="root-changed",
        )


def _refuse_strangers(found: Survey, named: set[str]) -> None:
    """A name given to --delete that does not vanish is a slip of the hand, or of an older plan."""
    strange = sorted(named - {one.ending.label for one in found.losses})
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


def _object(repository: Repository, made: Profile, found: Survey | None, why: str) -> dict[str, Any]:
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
    from pointsman.report.root import generated_lines, survey_lines
    from pointsman.report.text import write_lines

    if output is Output.json:
        stream.write(json.dumps(found) + "\n")
        return
    lines = generated_lines(found)
    if found["cluster"]["asked"]:
        lines += survey_lines(found)
    else:
        lines.append(f"the cluster was not asked, so what appears and vanishes is not known: {found['cluster']['why']}")
    if names := found.get("toBeNamed"):
        lines.append(f"would be refused without {' '.join(f'--delete {name}' for name in names)}")
    write_lines(stream, lines)
