"""``pointsman history``: the moves there were."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.words import Output, given

__all__ = ["command"]


def command(
    model: Annotated[
        str | None, typer.Argument(parser=given, metavar="[MODEL]", help="A spec file, or a model's name; else all.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """List the moves there were, oldest first."""
    found = asyncio.run(_read(model or "", kubeconfig, context))
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, found, output)
        return 0
    from pointsman.report.history import print_history

    print_history(sys.stdout, found)
    return 0


async def _read(model: str, kubeconfig: Path | None, context: str | None) -> dict[str, Any]:
    from pointsman.cli.named import name_in
    from pointsman.kube.client import Client
    from pointsman.move.boundary import SystemClock
    from pointsman.move.counting.history import history
    from pointsman.move.journal.ledger import Ledger

    async with Client.from_kubeconfig(kubeconfig, context) as client:
        return await history(Ledger(client, SystemClock()), await name_in(client, model) if model else "")
