"""``pointsman move``: move a model to another serving layer, live."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.choices import (
    DOWNTIME,
    DRAIN,
    HOLD,
    MERGE,
    READY,
    ROLL,
    AllowDowntime,
    Drain,
    DrainTimeout,
    Hold,
    Leave,
    MergeTimeout,
    PullRequest,
    ReadyTimeout,
    RollTimeout,
    Room,
    Shift,
    shares_in,
)
from pointsman.cli.repo import Env, Repo, Reviewed, edge_in_git
from pointsman.cli.words import DrainPolicy, Output, Strategy, agree, before_it_began, given, leave, refuse_unasked
from pointsman.errors import RefusedError, StoppedError, UsageError

if TYPE_CHECKING:
    from pointsman.move.context import Options
    from pointsman.move.means import Result
    from pointsman.move.plan.plan import Plan
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    to: Annotated[str, typer.Option("--to", metavar="LAYER", help="raw-vllm, kserve or llm-d.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    recover: Annotated[bool, typer.Option("--recover", help="First end a move that was left open.")] = False,
    hold: Hold = HOLD,
    ready_timeout: ReadyTimeout = READY,
    drain_timeout: DrainTimeout = DRAIN,
    drain_policy: Drain = DrainPolicy.wait,
    roll_timeout: RollTimeout = ROLL,
    strategy: Room = Strategy.auto,
    shift: Shift = None,
    pull_request: PullRequest = False,
    merge_timeout: MergeTimeout = MERGE,
    allow_downtime: AllowDowntime = DOWNTIME,
    leave_alias: Leave = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing, --yes or not.")] = False,
    write_spec: Annotated[bool, typer.Option("--write-spec", help="Set spec.layer in the file when done.")] = False,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the receipt.")] = Output.text,
) -> int:
    """Move a model to another serving layer, live, with its tenants."""
    from pointsman.cli.named import declared
    from pointsman.cli.sense import refuse_nonsense
    from pointsman.move.context import Options

    found = declared(model, kubeconfig, context)
    loaded = found.model
    if write_spec and found.file is None:
        raise UsageError(
            f"--write-spec has no file to write: only the cluster knows {loaded.name}",
            next_action="leave it out, or name the spec file",
        )
    options = Options(
        hold=hold,
        ready_timeout=ready_timeout,
        drain_timeout=drain_timeout,
        drain_policy=drain_policy.value,
        roll_timeout=roll_timeout,
        strategy=strategy.value,
        shares=shares_in(shift),
        allow_downtime=allow_downtime,
        leave=tuple(leave_alias or ()),
        in_git=edge_in_git(repo, env, Reviewed(pull_request, merge_timeout)),
    )
    refuse_nonsense(loaded, to, options)
    if dry_run:
        from pointsman.cli.plan import made_now, show

        show(made_now(loaded, to, options, kubeconfig, context, repo).as_dict(), output)
        return 0
    first = _short if yes else _asked(loaded, to, options, recover, kubeconfig, context, repo)
    try:
        result = asyncio.run(_move(loaded, to, options, recover, kubeconfig, context, output, repo, first))
    except asyncio.CancelledError:
        raise (_recovered_perhaps(loaded.name) if recover else before_it_began()) from None
    if write_spec and found.file is not None and result.error is None:
        from pointsman.spec.loading import set_layer

        set_layer(found.file, to)
    return leave(result, output)


def _short(plan: Plan) -> Sequence[str]:
    """What is told of a move that was agreed to beforehand."""
    from pointsman.report.plan import short_lines

    return short_lines(plan.as_dict())


def _asked(
    model: Model, to: str, options: Options, recover: bool, kubeconfig: Path | None, context: str | None, repo: Path
) -> Callable[[Plan], Sequence[str]]:
    """Show what the move would do and ask; what refuses it when that is not so any more once it was agreed to."""
    from pointsman.cli.plan import made_now
    from pointsman.move.plan.file import refuse_unlike
    from pointsman.report.folding import write_folded
    from pointsman.report.plan import summary_lines

    refuse_unasked()
    try:
        shown = made_now(model, to, options, kubeconfig, context, repo)
    except RefusedError as error:
        if not recover or error.code != "move-open":
            raise
        write_folded(sys.stderr, [f"{error.what}: it is ended first, and what comes then is told after that"])
        agree(False, f"end it, then move {model.name} to {to}?")
        return _short
    write_folded(sys.stderr, summary_lines(shown.as_dict()))
    agree(False, f"move {model.name} to {to}?")

    def unlike(now: Plan) -> Sequence[str]:
        refuse_unlike(shown, now)
        return ()

    return unlike


def _recovered_perhaps(model: str) -> StoppedError:
    return StoppedError(
        "interrupted before this move's first step; an open one may have been ended before that",
        next_action=f"pointsman history {model} tells; then run it again",
    )


async def _move(
    model: Model,
    to: str,
    options: Options,
    recover: bool,
    kubeconfig: Path | None,
    context: str | None,
    output: Output,
    repo: Path,
    first: Callable[[Plan], Sequence[str]],
) -> Result:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(output, f"{model.name} → {to}") as observer:
        async with conductor(kubeconfig, context, observer, repo) as made:
            return await with_signals(made.move(model, to, options, recover=recover, first=first), made.interrupt)
