"""``pointsman sync``: sync Argo CD Applications through the Kubernetes API, and know that it is done."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.manifests import Output
from pointsman.cli.words import Seconds, agree, given, lasting
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.delivery.argocd.draft import Draft, Wish
    from pointsman.delivery.argocd.finding import Result

__all__ = ["command"]


def command(
    names: Annotated[list[str], typer.Argument(parser=given, metavar="NAME", help="Applications.")],
    revision: Annotated[str, typer.Option("--revision", metavar="SHA", help="Sync to this commit.")] = "",
    commit: Annotated[
        str,
        typer.Option("--commit", metavar="SHA", help="Sync to what the branch is, once that contains this commit."),
    ] = "",
    repository: Annotated[
        Path | None, typer.Option("--repository", metavar="PATH", help="A local clone that knows what contains what.")
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the Applications are.")] = "argocd",
    timeout: Annotated[float, lasting("--timeout", "How long each may take:", least=1)] = Seconds(600),
    prune: Annotated[bool, typer.Option("--prune", help="Delete what is not in git any more.")] = False,
    wait_for_app: Annotated[
        bool, typer.Option("--wait-for-app", help="Wait for an Application that is not made yet.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Sync Argo CD Applications, and wait until that is proved done and their workloads are ready."""
    from pointsman.delivery.argocd.draft import Wish

    _refuse_nonsense(revision, commit, repository)
    wish = Wish(namespace, timeout, revision, commit, repository, prune, wait_for_app)
    drafts, refused = asyncio.run(_prepared(list(dict.fromkeys(names)), wish, kubeconfig, context))
    if refused:
        from pointsman.cli.delivery import leave

        return leave(refused, output)
    acted = [draft.app.name for draft in drafts if draft.operation is not None]
    if acted:
        agree(yes, f"sync {', '.join(acted)}?")
    return asyncio.run(_carried_out(drafts, kubeconfig, context, output))


def _refuse_nonsense(revision: str, commit: str, repository: Path | None) -> None:
    from pointsman.delivery.ancestry import Repository
    from pointsman.delivery.argocd.revision import refuse_bad_commit

    if revision and commit:
        raise UsageError(
            "--revision and --commit exclude each other",
            next_action="--revision syncs to that very commit, --commit to a later one that contains it",
        )
    for option, word in (("--revision", revision), ("--commit", commit)):
        if word:
            refuse_bad_commit(option, word)
    Repository(repository)


async def _prepared(
    names: Sequence[str], wish: Wish, kubeconfig: Path | None, context: str | None
) -> tuple[list[Draft], list[Result]]:
    """What is about to be done, shown; and what is refused, which refuses all of it."""
    from pointsman.cli.delivery import means_on, together
    from pointsman.delivery.argocd.draft import attempt
    from pointsman.delivery.argocd.finding import Result
    from pointsman.report.delivery import preview_lines
    from pointsman.report.folding import write_folded

    async with means_on(kubeconfig, context) as (means, at):
        means.spread(len(names))
        found = await together([attempt(means, name, wish) for name in names])
    drafts = [one for one in found if not isinstance(one, Result)]
    write_folded(sys.stderr, [line for draft in drafts for line in preview_lines(draft, at)])
    return drafts, [one for one in found if isinstance(one, Result)]


async def _carried_out(drafts: Sequence[Draft], kubeconfig: Path | None, context: str | None, output: Output) -> int:
    from pointsman.cli.delivery import leave, means_on, together, until_stopped
    from pointsman.delivery.argocd.sync import carry_out

    async with means_on(kubeconfig, context) as (means, _):
        means.spread(len(drafts))
        results = await until_stopped(
            means,
            lambda: together([carry_out(means, draft) for draft in drafts]),
            f"interrupted twice; these operations may still run: {', '.join(draft.ident for draft in drafts)}",
            "pointsman wait NAME waits for them; argocd app terminate-op ends one",
        )
    return leave(results, output)
