"""``pointsman receipt``: what a move did, counted and cost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.words import Output, given

__all__ = ["command"]


def command(
    move: Annotated[
        str | None, typer.Argument(parser=given, metavar="[MOVE]", help="A move, or a model: its last one.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Print what a move did, counted and cost; the last one by default."""
    found = asyncio.run(_read(move or "", kubeconfig, context))
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, found, output)
        return 0
    from pointsman.report.folding import write_folded
    from pointsman.report.text import receipt_lines

    write_folded(sys.stdout, receipt_lines(found))
    return 0


async def _read(word: str, kubeconfig: Path | None, context: str | None) -> dict[str, Any]:
    from pointsman.cli.named import name_in, name_told
    from pointsman.errors import NotFoundError, UsageError
    from pointsman.kube.client import Client
    from pointsman.move.boundary import SystemClock
    from pointsman.move.counting.history import receipt_of, receipt_of_model
    from pointsman.move.journal.ledger import Ledger

    told = name_told(word)
    async with Client.from_kubeconfig(kubeconfig, context) as client:
        ledger = Ledger(client, SystemClock())
        if told:
            return await receipt_of_model(ledger, told)
        try:
            return await receipt_of(ledger, word)
        except NotFoundError:
            if not word:
                raise
        try:
            name = await name_in(client, word)
        except UsageError as error:
            error.what, error.code = f"there is no move {word}, and {error.what}", "move-unknown"
            raise
        return await receipt_of_model(ledger, name)
