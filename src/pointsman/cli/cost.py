"""``pointsman cost``: what is reserved, used and idle, and what stands parked, in GPUs and in money."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.words import given, lasting

if TYPE_CHECKING:
    from pointsman.cost.prices import Book

__all__ = ["book_of", "command"]

NOT_SEEN = 5
"""Exit code where something could not be looked at, so that the sums may be too small."""


class Format(StrEnum):
    """How it is printed."""

    text = "text"
    json = "json"
    yaml = "yaml"


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
    watch: Annotated[float, lasting("--watch", "How long engines are watched. Default: one look.")] = 0.0,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> int:
    """Show what is reserved, used and idle, in GPUs and in money, and what parked things still cost."""
    said = asyncio.run(_account(model or "", by, book_of(prices), watch, (kubeconfig, context)))
    if output is Format.text:
        from pointsman.report.cost import print_account

        print_account(sys.stdout, said)
    else:
        from pointsman.report.data import write_data

        write_data(sys.stdout, said, output.value)
    return NOT_SEEN if said["unseen"] else 0


def book_of(prices: str | None) -> Book | None:
    """The prices that are asked for; raises SpecError."""
    from datetime import UTC, datetime

    from pointsman.cost.prices import read_prices

    return None if prices is None else read_prices(prices, datetime.now(UTC).date())


async def _account(
    word: str, by: By, book: Book | None, seconds: float, reach: tuple[Path | None, str | None]
) -> dict[str, Any]:
    from pointsman.cli.edges import values_factory
    from pointsman.cli.named import name_in
    from pointsman.cost.account import Means, account
    from pointsman.kube.client import Client
    from pointsman.layers.registry import LAYERS
    from pointsman.move.boundary import SystemClock

    async with Client.from_kubeconfig(*reach) as client:
        name = await name_in(client, word) if word else ""
        edge_for = values_factory(client)
        means = Means(client, SystemClock(), LAYERS, lambda model: edge_for(model).parsed())
        return await account(means, book, by=by.value, seconds=seconds, model=name)
