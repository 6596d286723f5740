"""What the commands that touch a cluster share: the options' meaning, the means of a move, signals, watchers."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from pointsman.cli import stopping
from pointsman.cli.edges import edge_factory
from pointsman.cli.words import Output
from pointsman.kube.client import Client
from pointsman.kube.http import Http
from pointsman.move.boundary import SystemClock
from pointsman.move.conductor import Conductor
from pointsman.move.means import Means
from pointsman.report.contract import Observer
from pointsman.report.lines import JsonLines, PlainLines

__all__ = ["conductor", "watching", "with_signals"]

T = TypeVar("T")


@asynccontextmanager
async def conductor(
    kubeconfig: Path | None, context: str | None, observer: Observer, repo: Path = Path()
) -> AsyncIterator[Conductor]:
    """A conductor on a real cluster; ``repo`` is the clone that moves through git are made in."""
    async with Client.from_kubeconfig(kubeconfig, context) as client, Http() as wire:
        means = Means(
            cluster=client,
            wire=wire,
            clock=SystemClock(),
            edge_for=edge_factory(client, repo),
            observer=observer,
        )
        yield Conductor(means)


@contextmanager
def watching(output: Output, title: str) -> Iterator[Observer]:
    """Somebody who shows the move on stderr: a tree in a terminal, lines in a pipe, objects for programs."""
    if output is Output.json:
        yield JsonLines(sys.stderr)
    elif sys.stderr.isatty():
        from rich.console import Console

        from pointsman.report.tree import LiveTree

        with LiveTree(Console(stderr=True), title) as tree:
            yield tree
    else:
        yield PlainLines(sys.stderr)


async def with_signals(work: Awaitable[T], interrupt: Callable[[], None]) -> T:
    """Do the work; ctrl-C, SIGTERM and a closed terminal become ``interrupt``."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in stopping.heeded()}

    def told(number: int) -> None:
        stopping.heard(number)
        interrupt()

    for number in before:
        loop.add_signal_handler(number, told, number)
    stopping.left(
        "interrupted when the work had ended; what it did stands", "pointsman status, history and receipt show it"
    )
    try:
        return await work
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
