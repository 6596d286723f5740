"""``pointsman audit``: what is paid for and nobody uses, whose it is, and what ends it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pointsman.cli.beginning import begin, once
from pointsman.cli.words import Output
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.cli.watching import Read
    from pointsman.cost.prices import Book
    from pointsman.spec.model import Model

__all__ = ["command"]

FOUND, NOT_SEEN = 1, 5


KINDS = (
    *("Pod", "Deployment", "Service", "PersistentVolumeClaim", "PersistentVolume", "InferenceService"),
    *("HTTPRoute",),
)
"""What takes the API server longest, asked for while the program is still imported."""


def command(
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="Prices; without them money is not known (pointsman cost)."),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only findings of this kind (volume, gpu-node, ...); repeat."),
    ] = None,
    namespaces: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="Only what is in this namespace; repeat.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until ctrl-C.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Find what is paid for and nobody uses, with its owner and the command that ends it."""
    from pointsman.cli.cost import book_of

    wanted = _Wanted(frozenset(kinds or ()), frozenset(namespaces or ()))
    wanted.refuse_unknown()
    opening = partial(_reading, wanted, book_of(prices), (kubeconfig, context))
    write = partial(_write, output=output)
    if watch:
        from pointsman.cli.watching import watch as watch_it

        return watch_it(opening, write, output, said=_steady)
    said = asyncio.run(once(opening))
    write(sys.stdout, said)
    return FOUND if said["findings"] else NOT_SEEN if said["unseen"] else 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which findings are shown; none named: all."""

    kinds: frozenset[str]
    namespaces: frozenset[str]

    def refuse_unknown(self) -> None:
        """Raise UsageError for a kind that there is not."""
        if not self.kinds:
            return
        from pointsman.audit.finding import KINDS as KNOWN

        for one in sorted(self.kinds - set(KNOWN)):
            raise UsageError(
                f"there is no kind of finding {one[:40]!r}",
                next_action=f"use one of: {', '.join(KNOWN)}",
                code="audit-kind-unknown",
            )


def _write(stream: TextIO, said: Mapping[str, Any], output: Output) -> None:
    if output is Output.text:
        from pointsman.report.audit import print_audit

        print_audit(stream, said)
    else:
        from pointsman.report.data import write_data

        write_data(stream, said, output)


def _steady(said: Mapping[str, Any]) -> Any:
    return {key: value for key, value in said.items() if key != "calls"}


@asynccontextmanager
async def _reading(wanted: _Wanted, book: Book | None, reach: tuple[Path | None, str | None]) -> AsyncIterator[Read]:
    """How to look at the cluster, as often as one likes."""
    from pointsman.kube.client import Client

    declared, broken = _declared()
    async with Client.from_kubeconfig(*reach) as client:

        async def read() -> dict[str, Any]:
            await begin(client, KINDS)
            from pointsman.audit.audit import Means, audit
            from pointsman.cli.edges import aliases_reader
            from pointsman.layers.registry import LAYERS
            from pointsman.move.boundary import SystemClock

            means = Means(client, SystemClock(), LAYERS, aliases_reader(client))
            said = await audit(means, book, declared, kinds=wanted.kinds, namespaces=wanted.namespaces)
            said["unseen"] += broken
            return said

        yield read


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
