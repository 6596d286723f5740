"""``pointsman up``: bring a model up on its declared layer and point its alias there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.choices import MergeTimeout, PullRequest
from pointsman.cli.repo import Env, Repo, Reviewed, edge_in_git
from pointsman.cli.words import Output, given, lasting
from pointsman.errors import StoppedError

if TYPE_CHECKING:
    from pointsman.edge.in_git import InGit
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    ready_timeout: Annotated[
        float, lasting("--ready-timeout", "How long the layer may take to get ready:", least=1)
    ] = 1800.0,
    pull_request: PullRequest = False,
    merge_timeout: MergeTimeout = 86400.0,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Bring a model up on its declared layer and point its alias there."""
    from pointsman.cli.named import declared

    loaded = declared(model, kubeconfig, context).model
    place = edge_in_git(repo, env, Reviewed(pull_request, merge_timeout))
    try:
        found = asyncio.run(_up(loaded, ready_timeout, kubeconfig, context, output, repo, place))
    except asyncio.CancelledError:
        raise StoppedError(
            "interrupted half way: what was applied so far stays",
            next_action=f"pointsman up {model} goes on from what is there",
        ) from None
    except StoppedError as stopped:
        stopped.next_action = stopped.next_action or f"pointsman up {model} begins again"
        raise
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, found, output)
    else:
        sys.stdout.write(f"{found['model']} is served from {found['layer']}; tenants call alias {found['alias']}\n")
    return 0


async def _up(
    model: Model,
    ready_timeout: float,
    kubeconfig: Path | None,
    context: str | None,
    output: Output,
    repo: Path,
    in_git: InGit | None,
) -> Mapping[str, Any]:
    from pointsman.cli.means import conductor, watching, with_signals
    from pointsman.move.bring_up import bring_up
    from pointsman.move.context import Options

    with watching(output, f"{model.name} on {model.spec.layer}") as observer:
        async with conductor(kubeconfig, context, observer, repo) as made:
            stop = asyncio.Event()
            work = asyncio.ensure_future(
                bring_up(made, model, Options(ready_timeout=ready_timeout, in_git=in_git), stop)
            )
            return await with_signals(work, lambda: _interrupt(work, stop))


def _interrupt(work: asyncio.Future[Mapping[str, Any]], stop: asyncio.Event) -> None:
    """A ctrl-C takes everything back; a second one does not even wait for that."""
    if stop.is_set():
        work.cancel()
    stop.set()
