"""``pointsman move``: move a model to another serving layer, live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.words import INTERRUPTED, DrainPolicy, Output, Strategy, agree, duration, leave

if TYPE_CHECKING:
    from pointsman.move.context import Options
    from pointsman.move.means import Result
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A spec file, or a model's name.")],
    to: Annotated[str, typer.Option("--to", metavar="LAYER", help="raw-vllm, kserve or llm-d.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    recover: Annotated[bool, typer.Option("--recover", help="First end a move that was left open.")] = False,
    hold: Annotated[float, typer.Option(min=0, help="Seconds to keep the source warm after the shift.")] = 5.0,
    ready_timeout: Annotated[float, typer.Option(min=1, help="Seconds the target may take to get ready.")] = 1800.0,
    drain_timeout: Annotated[float, typer.Option(min=1, help="Seconds the source may take to finish.")] = 600.0,
    drain_policy: Annotated[
        DrainPolicy, typer.Option(help="Then: wait for a person, give tenants back, or cut what runs and count it.")
    ] = DrainPolicy.wait,
    roll_timeout: Annotated[float, typer.Option(min=1, help="Seconds one roll of the edge may take.")] = 300.0,
    strategy: Annotated[
        Strategy, typer.Option(help="How the target gets its room; auto goes by what is free.")
    ] = Strategy.auto,
    allow_downtime: Annotated[
        float,
        typer.Option(parser=duration, metavar="DURATION", help="Time without any engine that is accepted: 90s, 5m."),
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    write_spec: Annotated[bool, typer.Option("--write-spec", help="Set spec.layer in the file when done.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the receipt.")] = Output.text,
) -> int:
    """Move a model to another serving layer, live, with its tenants."""
    from pointsman.cli.means import model_named
    from pointsman.move.context import Options

    path, loaded = model_named(model)
    if dry_run:
        from pointsman.cli.plan import plan

        return plan(model, to, None, hold, ready_timeout, strategy, allow_downtime, kubeconfig, context, output)
    agree(yes, f"move {loaded.name} to {to}?")
    options = Options(
        hold=hold,
        ready_timeout=ready_timeout,
        drain_timeout=drain_timeout,
        drain_policy=drain_policy.value,
        roll_timeout=roll_timeout,
        strategy=strategy.value,
        allow_downtime=allow_downtime,
    )
    try:
        result = asyncio.run(_move(loaded, to, options, recover, kubeconfig, context, output))
    except asyncio.CancelledError:
        sys.stderr.write("interrupted before anything was changed\n")
        return INTERRUPTED
    if write_spec and result.error is None:
        from pointsman.spec.loading import set_layer

        set_layer(path, to)
    return leave(result, output)


async def _move(
    model: Model,
    to: str,
    options: Options,
    recover: bool,
    kubeconfig: Path | None,
    context: str | None,
    output: Output,
) -> Result:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(output, f"{model.name} → {to}") as observer:
        async with conductor(kubeconfig, context, observer) as made:
            return await with_signals(made.move(model, to, options, recover=recover), made.interrupt)
