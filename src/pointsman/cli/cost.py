"""``pointsman cost``: what is reserved, used and idle, and what stands parked, in GPUs and in money."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pointsman.cli.beginning import begin, once
from pointsman.cli.words import Output, Seconds, given, lasting

if TYPE_CHECKING:
    from pointsman.cli.watching import Read
    from pointsman.cost.prices import Book
    from pointsman.kube.client import Client

__all__ = ["book_of", "command"]

NOT_SEEN = 5
"""Exit code where something could not be looked at, so that the sums may be too small."""
KINDS = ("Pod", "PersistentVolumeClaim", "PersistentVolume", "Service")
"""What takes the API server longest, asked for while the program is still imported."""


class By(StrEnum):
    """What is put together."""

    model = "model"
    layer = "layer"
    namespace = "namespace"
    node = "node"


def command(
    model: Annotated[
        str | None, typer.Argument(parser=given, metavar="[MODEL]", help="One model; all of them when left out.")
    ] = None,
    by: Annotated[By, typer.Option("--by", help="What a row is.")] = By.model,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices", metavar="FILE", help="Prices; without them money is not known. example: made-up ones."
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="LAYER", help="Only what belongs to this layer.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Only what is in this namespace.")
    ] = None,
    alias: Annotated[str | None, typer.Option("--alias", metavar="ALIAS", help="Only the model of this alias.")] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="Only rows with GPUs that idle, or with parked things.")
    ] = False,
    over: Annotated[float, lasting("--over", "How long engines are watched. Default: one look.")] = Seconds(0),
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until ctrl-C.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Show what is reserved, used and idle, in GPUs and in money, and what parked things still cost."""
    if layer is not None:
        from pointsman.layers.registry import layer as layer_called

        layer_called(layer)
    if namespace == "":
        from pointsman.kube.namespaces import absent

        raise absent(namespace)
    asked = _Asked(model or "", by.value, over, layer or "", namespace or "", alias or "", attention)
    opening = partial(_reading, asked, book_of(prices), (kubeconfig, context))
    write = partial(_write, output=output)
    if watch:
        from pointsman.cli.watching import watch as watch_it

        return watch_it(opening, write, output, said=_steady)
    said = asyncio.run(once(opening))
    write(sys.stdout, said)
    return NOT_SEEN if said["unseen"] else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """The command line's words."""

    word: str
    by: str
    seconds: float
    layer: str
    namespace: str
    alias: str
    attention: bool


def _write(stream: TextIO, said: Mapping[str, Any], output: Output) -> None:
    if output is Output.text:
        from pointsman.report.cost import print_account

        print_account(stream, said)
    else:
        from pointsman.report.data import write_data

        write_data(stream, said, output)


def _steady(said: Mapping[str, Any]) -> Any:
    """What is not another number at each look: hours and tokens go on counting while all stays as it is."""
    return {key: value for key, value in said.items() if key not in ("tokens", "calls")}


def book_of(prices: str | None) -> Book | None:
    """The prices that are asked for; raises SpecError."""
    if prices is None:
        return None
    from datetime import UTC, datetime

    from pointsman.cost.prices import read_prices

    return read_prices(prices, datetime.now(UTC).date())


@asynccontextmanager
async def _reading(asked: _Asked, book: Book | None, reach: tuple[Path | None, str | None]) -> AsyncIterator[Read]:
    """How to look at the cluster, as often as one likes."""
    from pointsman.kube.client import Client

    async with Client.from_kubeconfig(*reach) as client:

        async def read() -> dict[str, Any]:
            await begin(client, KINDS)
            return await _account(client, asked, book)

        yield read


async def _account(client: Client, asked: _Asked, book: Book | None) -> dict[str, Any]:
    from pointsman.cli.edges import values_factory
    from pointsman.cli.named import name_in
    from pointsman.cost.account import Means, account
    from pointsman.cost.wanted import Wanted
    from pointsman.layers.registry import LAYERS
    from pointsman.move.boundary import SystemClock

    name = await name_in(client, asked.word) if asked.word else ""
    edge_for = values_factory(client)
    means = Means(client, SystemClock(), LAYERS, lambda model: edge_for(model).parsed())
    wanted = Wanted(asked.by, asked.seconds, name, asked.layer, asked.namespace, asked.alias, asked.attention)
    return await account(means, book, wanted)
