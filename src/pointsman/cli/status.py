"""``pointsman status``: models, layers, readiness, traffic and running moves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pointsman.cli.beginning import begin, once
from pointsman.cli.words import Output, given

if TYPE_CHECKING:
    from pointsman.cli.watching import Read
    from pointsman.kube.client import Client
    from pointsman.move.records import Record

__all__ = ["command"]

_Rows = list[dict[str, Any]]

KINDS = ("Deployment", "InferenceService", "LLMInferenceService")
"""What takes the API server longest; a kind that a layer needs and is not among them is asked for later."""


def command(
    model: Annotated[
        str | None, typer.Argument(parser=given, metavar="[MODEL]", help="One model; all of them when left out.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="LAYER", help="Only models that have something on this layer.")
    ] = None,
    alias: Annotated[str | None, typer.Option("--alias", metavar="ALIAS", help="Only the model of this alias.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only models that need a person.")] = False,
    moving: Annotated[bool, typer.Option("--moving", help="Only models with an open move.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until ctrl-C.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Show models, layers, readiness, traffic and running moves."""
    chosen = _Chosen(layer, alias, attention, moving)
    chosen.refuse_unknown()
    opening = partial(_reading, model or "", chosen, kubeconfig, context)
    write = partial(_write, output=output, all_of_them=chosen == _Chosen())
    if watch:
        from pointsman.cli.watching import watch as watch_it

        return watch_it(opening, write, output)
    write(sys.stdout, asyncio.run(once(opening)))
    return 0


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which models are shown."""

    layer: str | None = None
    alias: str | None = None
    attention: bool = False
    moving: bool = False

    def refuse_unknown(self) -> None:
        """Raise UsageError for a layer that there is not."""
        if self.layer is not None:
            from pointsman.layers.registry import layer

            layer(self.layer)

    def of(self, rows: _Rows) -> _Rows:
        """Those of all."""
        return [row for row in rows if self._has(row)]

    def _has(self, row: dict[str, Any]) -> bool:
        from pointsman.move.attention import needs_person

        return (
            (self.layer is None or any(one["layer"] == self.layer for one in row["layers"]))
            and (self.alias is None or row["alias"] == self.alias)
            and (not self.moving or row["move"] is not None)
            and (not self.attention or needs_person(row))
        )


def _write(stream: TextIO, found: _Rows, output: Output, all_of_them: bool) -> None:
    """Programs get models by name; people get first what needs one of them."""
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(stream, {"models": found}, output)
        return
    from pointsman.move.attention import needs_person
    from pointsman.report.status import print_status

    if not found and not all_of_them:
        stream.write("no model is like that\n")
        return
    print_status(stream, sorted(found, key=lambda row: not needs_person(row)))


@asynccontextmanager
async def _reading(wanted: str, chosen: _Chosen, kubeconfig: Path | None, context: str | None) -> AsyncIterator[Read]:
    """How to look at the cluster, as often as one likes."""
    from pointsman.kube.client import Client

    async with Client.from_kubeconfig(kubeconfig, context) as client:

        async def read() -> _Rows:
            return chosen.of(await _read(client, wanted))

        yield read


async def _read(client: Client, wanted: str) -> _Rows:
    if not wanted:
        from pointsman.move.inventory import OURS

        await begin(client, KINDS, {OURS: ""})
    from pointsman.cli.edges import aliases_reader, running_reader
    from pointsman.layers.registry import LAYERS
    from pointsman.move.boundary import SystemClock
    from pointsman.move.overview import overview, overview_of

    means = (client, SystemClock(), LAYERS, aliases_reader(client), running_reader(client))
    return [await overview_of(await _record(client, wanted), *means)] if wanted else await overview(*means)


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
