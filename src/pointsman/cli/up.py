"""``pointsman up``: bring a model up on its declared layer and point its alias there; or wake one parked layer."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.again import spelled
from pointsman.cli.choices import MERGE, READY, MergeTimeout, PullRequest
from pointsman.cli.manifests import Output
from pointsman.cli.parking import print_look, print_result, reached, watched_as
from pointsman.cli.repo import Env, Repo, Reviewed, edge_in_git
from pointsman.cli.words import given, lasting
from pointsman.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from pointsman.edge.in_git import InGit
    from pointsman.move.conductor import Conductor
    from pointsman.parking.look import Look
    from pointsman.parking.waking import Waking
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="LAYER", help="Wake this layer as it was parked, and leave the alias alone."),
    ] = None,
    ready_timeout: Annotated[
        float, lasting("--ready-timeout", "How long the layer may take to get ready:", least=1)
    ] = READY,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --layer: say what would be woken and wake nothing.")
    ] = False,
    pull_request: PullRequest = False,
    merge_timeout: MergeTimeout = MERGE,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Bring a model up on its declared layer and point its alias there; with --layer: wake that layer alone."""
    from pointsman.cli.named import declared

    if layer is not None:
        return _wake(_How(model, layer, ready_timeout, repo, (kubeconfig, context)), output, dry_run)
    if dry_run:
        raise UsageError(
            "--dry-run is about one parked layer",
            next_action=f"pointsman up {model} --layer LAYER --dry-run; pointsman render {model} is what up applies",
        )
    loaded = declared(model, kubeconfig, context).model
    place = edge_in_git(repo, env, Reviewed(pull_request, merge_timeout))
    reviewed = [
        ("--pull-request", pull_request),
        ("--merge-timeout", None if merge_timeout == MERGE else merge_timeout),
    ]
    again = " ".join([f"pointsman up {shlex.quote(model)}", *_patience(ready_timeout), *spelled(reviewed)])
    try:
        found = asyncio.run(_up(loaded, ready_timeout, kubeconfig, context, output, repo, place))
    except asyncio.CancelledError:
        raise StoppedError(
            "interrupted half way: what was applied so far stays",
            next_action=f"{again} goes on from what is there",
        ) from None
    except StoppedError as stopped:
        stopped.next_action = stopped.next_action or f"{again} begins again"
        raise
    if output is Output.text:
        sys.stdout.write(f"{found['model']} is served from {found['layer']}; tenants call alias {found['alias']}\n")
    else:
        from pointsman.report.data import write_data

        write_data(sys.stdout, found, output)
    return 0


@dataclass(frozen=True, slots=True)
class _How:
    """What was said of one layer on the command line."""

    word: str
    layer: str
    ready_timeout: float
    repo: Path
    reach: tuple[Path | None, str | None]

    def said(self, verb: str) -> str:
        """A command line on the same layer; of ``up`` with the patience that was given."""
        words = _patience(self.ready_timeout) if verb == "up" else []
        return " ".join([f"pointsman {verb} {shlex.quote(self.word)} --layer {self.layer}", *words])

    def waking(self, made: Conductor, model: Model) -> Waking:
        """The layer that is to serve again."""
        from pointsman.move.context import Options
        from pointsman.parking.waking import Commands, Waking

        options = Options(ready_timeout=self.ready_timeout)
        commands = Commands(self.said("up"), self.said("down"), f"pointsman status {shlex.quote(self.word)}")
        return Waking(made, model, self.layer, options, commands)


def _patience(seconds: float) -> list[str]:
    return spelled([("--ready-timeout", None if seconds == READY else seconds)])


def _wake(how: _How, output: Output, dry_run: bool) -> int:
    """Starting costs money and takes nothing from anybody, and ``down`` takes it back: it is told, not asked."""
    from pointsman.cli.named import declared
    from pointsman.layers.registry import layer as layer_named

    title, model = layer_named(how.layer).title, declared(how.word, *how.reach).model
    found = asyncio.run(_look(how, model))
    if dry_run:
        print_look(found, model.name, "up", reached(*how.reach), output)
        return 0
    if found.changes:
        print_look(found, model.name, "up", reached(*how.reach))
    done = asyncio.run(_woken(how, model, found, output))
    print_result(done, title, output)
    return 0


async def _look(how: _How, model: Model) -> Look:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet

    async with conductor(*how.reach, Quiet(), how.repo) as made:
        return await how.waking(made, model).look()


async def _woken(how: _How, model: Model, found: Look, output: Output) -> Mapping[str, Any]:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(watched_as(output), f"{model.name} up on {how.layer}") as observer:
        async with conductor(*how.reach, observer, how.repo) as made:
            work = asyncio.ensure_future(how.waking(made, model).carry_out(found))
            try:
                return await with_signals(work, lambda: _cancel(work))
            except asyncio.CancelledError:
                raise StoppedError(
                    "interrupted; a layer that was told to serve goes on starting, and is paid for",
                    next_action=f"{how.said('up')} waits on, {how.said('down')} parks it",
                ) from None


def _cancel(work: asyncio.Future[Mapping[str, Any]]) -> None:
    work.cancel()


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

    with watching(watched_as(output), f"{model.name} on {model.spec.layer}") as observer:
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
