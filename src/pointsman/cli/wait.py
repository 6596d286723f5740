"""``pointsman wait``: wait until Argo CD Applications are synced and what they track is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.manifests import Output
from pointsman.cli.repo import Env, Repo
from pointsman.cli.words import Seconds, given, lasting
from pointsman.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from pointsman.delivery.argocd.finding import Result

__all__ = ["command"]


def command(
    names: Annotated[
        list[str] | None, typer.Argument(parser=given, metavar="NAME", help="Applications, manual ones too.")
    ] = None,
    all_automatic: Annotated[
        bool, typer.Option("--all-automatic", help="All that Argo CD syncs by itself; the others are listed.")
    ] = False,
    profile: Annotated[
        str, typer.Option("--profile", metavar="PROFILE", help="All that this profile deploys without being asked.")
    ] = "",
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Nothing to wait for is no error.")] = False,
    wait_for_app: Annotated[
        bool, typer.Option("--wait-for-app", help="Wait for an Application that is not made yet.")
    ] = False,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the Applications are.")] = "argocd",
    timeout: Annotated[float, lasting("--timeout", "How long all of it may take:", least=1)] = Seconds(600),
    env: Env = None,
    repo: Repo = Path(),
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Wait until Argo CD Applications are synced to what git says now, and their workloads are ready."""
    if not names and not all_automatic and not profile:
        raise UsageError("no Application is named", next_action="name some, or give --profile or --all-automatic")
    if profile:
        names, wait_for_app = [*(names or []), *_of_profile(profile, env, repo, namespace)], True
    results = asyncio.run(_waited(names or [], all_automatic, namespace, timeout, wait_for_app, kubeconfig, context))
    if not allow_empty and all(one.state == "manual" for one in results):
        raise RefusedError(
            f"there is nothing to wait for: none of {len(results)} Applications in {namespace} is synced automatically",
            where=f"namespace {namespace}",
            next_action="name Applications, name another --namespace, or give --allow-empty",
            code="wait-empty",
        )
    from pointsman.cli.delivery import leave

    return leave(results, output)


def _of_profile(profile: str, env: str | None, repo: Path, namespace: str) -> list[str]:
    """Applications that the repository makes and Argo CD syncs; those that it has not made yet are waited for too."""
    from pointsman.catalog.profile import profile_of
    from pointsman.catalog.repository import open_repository
    from pointsman.catalog.resolution import resolve

    found = profile_of(profile, resolve(open_repository(repo, env)))
    return [name for name, place in found.automatic if place == namespace]


async def _waited(
    names: Sequence[str],
    all_automatic: bool,
    namespace: str,
    timeout: float,
    wait_for_app: bool,
    kubeconfig: Path | None,
    context: str | None,
) -> list[Result]:
    from pointsman.cli.delivery import means_on
    from pointsman.delivery.argocd.roster import wait_for_all

    async with means_on(kubeconfig, context) as (means, _):
        deadline = means.within(timeout)
        return await wait_for_all(means, names, namespace, deadline, all_automatic=all_automatic, for_app=wait_for_app)
