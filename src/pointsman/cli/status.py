"""``pointsman status``: models, layers, readiness, traffic and running moves."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.words import Output, given

if TYPE_CHECKING:
    from pointsman.kube.client import Client
    from pointsman.move.records import Record

__all__ = ["command"]

SENDING = 0.02
"""Seconds in which connections are made and requests are sent."""


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
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, {"models": found}, output)
        return 0
    from pointsman.report.status import print_status

    print_status(sys.stdout, found)
    return 0


async def _status(wanted: str, kubeconfig: Path | None, context: str | None) -> list[dict[str, Any]]:
    from pointsman.kube.client import Client

    async with Client.from_kubeconfig(kubeconfig, context) as client:
        if not wanted:
            _begin(client)
            await asyncio.sleep(SENDING)
        # What is imported from here on is imported while the API server works. Not in a thread: whoever reads an answer
        # of many small parts beside a busy thread waits 5 ms for each of them.
        from pointsman.cli.edges import aliases_reader, running_reader
        from pointsman.layers.registry import LAYERS
        from pointsman.move.boundary import SystemClock
        from pointsman.move.overview import overview, overview_of

        means = (client, SystemClock(), LAYERS, aliases_reader(client), running_reader(client))
        return [await overview_of(await _record(client, wanted), *means)] if wanted else await overview(*means)


def _begin(client: Client) -> None:
    """Ask for what takes the API server longest; a kind that a layer needs and is not among them is asked for later."""
    from pointsman.kube.resources import kind_of
    from pointsman.move.inventory import OURS
    from pointsman.move.records import KEPT

    client.begin(*KEPT)
    for kind in ("Deployment", "InferenceService", "LLMInferenceService"):
        client.begin(kind_of(kind), None, {OURS: ""})


async def _record(client: Client, wanted: str) -> Record:
    """What the cluster keeps of the model, else what its file says."""
    from pointsman.cli.named import read_model, unknown
    from pointsman.move.boundary import SystemClock
    from pointsman.move.journal.ledger import Ledger
    from pointsman.move.records import UNKEPT, Record, known_names, record_of
    from pointsman.spec.loading import file_named, names_file
    from pointsman.spec.words import is_name

    path = file_named(wanted, Path())
    told = read_model(path) if path is not None and names_file(wanted) else None
    name = told.name if told is not None else wanted
    if is_name(name) and (found := await record_of(client, name)) is not None:
        return found
    if told is None and path is not None:
        told = read_model(path)
    if told is not None:
        return Record(told.name, told)
    if is_name(name) and any(await Ledger(client, SystemClock()).open_ones(model=name)):
        return Record(name, None, UNKEPT)
    raise unknown(wanted, also=await known_names(client), cluster="")
