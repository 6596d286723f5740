"""``pointsman audit``: what is paid for and nobody uses, whose it is, and what ends it."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pointsman.cost.prices import Book
    from pointsman.spec.model import Model

__all__ = ["command"]

FOUND, NOT_SEEN = 1, 5


class Format(StrEnum):
    """How it is printed."""

    text = "text"
    json = "json"
    yaml = "yaml"


def command(
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="Prices; without them money is not known (pointsman cost)."),
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> int:
    """Find what is paid for and nobody uses, with its owner and the command that ends it."""
    from pointsman.cli.cost import book_of

    said = asyncio.run(_audit(book_of(prices), (kubeconfig, context)))
    if output is Format.text:
        from pointsman.report.audit import print_audit

        print_audit(sys.stdout, said)
    else:
        from pointsman.report.data import write_data

        write_data(sys.stdout, said, output.value)
    return FOUND if said["findings"] else NOT_SEEN if said["unseen"] else 0


async def _audit(book: Book | None, reach: tuple[Path | None, str | None]) -> dict[str, Any]:
    from pointsman.audit.audit import Means, audit
    from pointsman.cli.edges import aliases_reader
    from pointsman.kube.client import Client
    from pointsman.layers.registry import LAYERS
    from pointsman.move.boundary import SystemClock

    declared, broken = _declared()
    async with Client.from_kubeconfig(*reach) as client:
        said = await audit(Means(client, SystemClock(), LAYERS, aliases_reader(client)), book, declared)
    said["unseen"] += broken
    return said


def _declared() -> tuple[list[Model], list[dict[str, str]]]:
    """Models that files here declare, and files that cannot be read."""
    from pointsman.cli.named import read_model
    from pointsman.errors import PointsmanError
    from pointsman.spec.loading import known_files

    found, broken = list[Any](), list[dict[str, str]]()
    for path in known_files(Path()):
        try:
            found.append(read_model(path))
        except PointsmanError as error:
            broken.append({"what": f"the model in {path}", "why": error.what})
    return found, broken
