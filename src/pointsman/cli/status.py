"""``pointsman status``: models, layers, readiness, traffic and running moves."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.words import Output, given

__all__ = ["command"]


def command(
    model: Annotated[
        str | None, typer.Argument(parser=given, metavar="[MODEL]", help="One model; all of them when left out.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Show models, layers, readiness, traffic and running moves."""
    found = asyncio.run(_status(model or "", kubeconfig, context))
    if output is Output.json:
        sys.stdout.write(json.dumps({"models": found}) + "\n")
        return 0
    from pointsman.report.status import print_status
    from pointsman.report.table import page

    print_status(page(), found)
    return 0


async def _status(wanted: str, kubeconfig: Path | None, context: str | None) -> list[dict[str, Any]]:
    from pointsman.cli.means import aliases_reader
    from pointsman.cli.named import unknown
    from pointsman.kube.client import Client
    from pointsman.layers.registry import LAYERS
    from pointsman.move.boundary import SystemClock
    from pointsman.move.overview import overview
    from pointsman.move.records import known_models
    from pointsman.spec.loading import file_named, load_model, names_file

    path = file_named(wanted, Path()) if wanted else None
    told = load_model(path) if path is not None and names_file(wanted) else None
    async with Client.from_kubeconfig(kubeconfig, context) as client:
        aliases = aliases_reader(client)
        if told is None:
            known = await overview(client, SystemClock(), LAYERS, aliases, only=wanted)
            if known or not wanted:
                return known
            if path is None:
                raise unknown(wanted, also=[one.name for one in await known_models(client)], cluster="")
            told = load_model(path)
        return await overview(client, SystemClock(), LAYERS, aliases, only=told.name, declared=[told])
