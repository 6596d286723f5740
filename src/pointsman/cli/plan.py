"""``pointsman plan`` and ``apply``: a move thought through, and that very move carried out."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.move.context import Options
    from pointsman.move.means import Result
    from pointsman.move.plan.file import Saved
    from pointsman.move.plan.plan import Plan
    from pointsman.spec.model import Model

__all__ = ["apply", "made_now", "plan", "show"]

Kubeconfig = Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")]
Context = Annotated[str | None, typer.Option(help="The kubeconfig's context.")]


def plan(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    to: Annotated[str, typer.Option("--to", metavar="LAYER", help="raw-vllm, kserve or llm-d.")],
    file: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Keep the plan here, for pointsman apply.")
    ] = None,
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
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Annotated[Output, typer.Option("--output", help="How to print the plan.")] = Output.text,
) -> int:
    """Show what a move would do, what it needs and how long it takes; change nothing."""
    from pointsman.cli.named import declared
    from pointsman.cli.sense import refuse_nonsense
    from pointsman.move.context import Options

    if file is not None:
        from pointsman.move.plan.file import refuse_unwritable

        _refuse_format(file)
        refuse_unwritable(file)
    loaded = declared(model, kubeconfig, context).model
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
    made = made_now(loaded, to, options, kubeconfig, context, repo)
    show(made.as_dict(), output)
    if file is not None:
        from pointsman.move.means import spec_of
        from pointsman.move.plan.file import save_plan

        save_plan(file, spec_of(loaded), made, options)
        sys.stderr.write(f"kept in {file}; pointsman apply {file} carries it out\n")
    return 0


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that pointsman plan -o kept.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the receipt.")] = Output.text,
) -> int:
    """Carry out a kept plan, if nothing it was made from has changed."""
    from pointsman.move.plan.file import load_plan

    saved = load_plan(file)
    if not yes:
        from pointsman.report.folding import write_folded
        from pointsman.report.plan import summary_lines

        refuse_unasked()
        write_folded(sys.stderr, summary_lines(saved.plan))
    agree(yes, f"move {saved.plan['model']} to {saved.target}?")
    try:
        result = asyncio.run(_apply(saved, kubeconfig, context, output, repo))
    except asyncio.CancelledError:
        raise before_it_began() from None
    return leave(result, output)


def _refuse_format(file: Path) -> None:
    """Raise UsageError for a format in the place of a file: every other command's ``-o`` takes one."""
    if str(file) in ("json", "yaml", "text"):
        raise UsageError(
            f"-o names the file that keeps the plan, and {str(file)!r} looks like a format",
            next_action="--output json prints the plan as JSON, --output yaml as YAML; to keep it, give another file",
        )


def made_now(model: Model, to: str, options: Options, kubeconfig: Path | None, context: str | None, repo: Path) -> Plan:
    """What a move would do now; raises RefusedError when it would be refused."""
    return asyncio.run(_plan(model, to, options, kubeconfig, context, repo))


def show(made: dict[str, Any], output: Output) -> None:
    """Print a plan."""
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.plan import plan_lines

    if output is Output.text:
        write_folded(sys.stdout, plan_lines(made))
    else:
        write_data(sys.stdout, made, output)


async def _plan(
    model: Model, to: str, options: Options, kubeconfig: Path | None, context: str | None, repo: Path
) -> Plan:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet

    async with conductor(kubeconfig, context, Quiet(), repo) as made:
        return await made.plan(model, to, options)


async def _apply(saved: Saved, kubeconfig: Path | None, context: str | None, output: Output, repo: Path) -> Result:
    from pointsman.cli.means import conductor, watching, with_signals
    from pointsman.move.plan.file import refuse_changed

    model, options = saved.model, saved.chosen
    with watching(output, f"{model.name} → {saved.target}") as observer:
        async with conductor(kubeconfig, context, observer, repo) as made:
            refuse_changed(saved, await made.plan(model, saved.target, options))
            work = made.move(model, saved.target, options, plan_digest=saved.digest)
            return await with_signals(work, made.interrupt)
