"""What ``sync`` and ``wait`` share: means on a real cluster, many Applications at once, results and exit codes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pointsman.cli.manifests import Output
from pointsman.cli.means import with_signals
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.boundary import Means
from pointsman.errors import StoppedError
from pointsman.kube.client import Client
from pointsman.move.boundary import SystemClock
from pointsman.report.delivery import one_line, print_results
from pointsman.report.folding import write_folded
from pointsman.report.text import write_lines

__all__ = ["leave", "means_on", "together", "until_stopped"]

T = TypeVar("T")


@asynccontextmanager
async def means_on(kubeconfig: Path | None, context: str | None) -> AsyncIterator[tuple[Means, str]]:
    """Means on the kubeconfig's cluster, and its context's name."""
    async with Client.from_kubeconfig(kubeconfig, context) as client:
        yield Means(client, SystemClock(), lambda line: write_lines(sys.stderr, [line])), client.access.context


async def together(works: Sequence[Awaitable[T]]) -> list[T]:
    """All of them at once, each to its own end; then what went wrong first is raised."""
    done = await asyncio.gather(*works, return_exceptions=True)
    wrong = [one for one in done if isinstance(one, BaseException)]
    stopped = [one for one in wrong if isinstance(one, StoppedError)]
    if len(stopped) > 1:
        what = "; ".join(f"{one.where}: {one.what}" for one in stopped)
        raise StoppedError(what, next_action=stopped[0].next_action)
    if wrong:
        raise wrong[0]
    return [one for one in done if not isinstance(one, BaseException)]


async def until_stopped(means: Means, work: Callable[[], Awaitable[T]], left: str, next_action: str) -> T:
    """The work; the first ctrl-C lets it end in good order, a second one leaves and says what is left."""
    task = asyncio.ensure_future(work())

    def interrupt() -> None:
        if means.stopped:
            task.cancel()
        means.tell("ending what was asked for; press ctrl-C again to leave at once")
        means.stop()

    try:
        return await with_signals(task, interrupt)
    except asyncio.CancelledError:
        raise StoppedError(left, next_action=next_action) from None


def leave(results: Sequence[Result], output: Output) -> int:
    """Print them, and say which exit code they mean."""
    print_results(sys.stdout, results, output.value)
    errors = [one.error for one in results if one.error is not None]
    write_folded(sys.stderr, [one_line(line) for error in errors for line in error.lines()])
    return max((error.exit_code for error in errors), default=0)
