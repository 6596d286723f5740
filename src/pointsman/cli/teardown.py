"""``pointsman teardown``: take away one layer of a model, once nobody is served from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.repo import Env, Repo, edge_in_git
from pointsman.cli.words import Output, agree, given, lasting
from pointsman.errors import StoppedError

if TYPE_CHECKING:
    from pointsman.leaving.look import Look
    from pointsman.leaving.teardown import Teardown
    from pointsman.move.conductor import Conductor
    from pointsman.move.context import Options
    from pointsman.spec.model import Model

__all__ = ["command"]

AGAIN = "run it again: it finds what is left and goes on"


def command(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    layer: Annotated[str, typer.Option("--layer", metavar="LAYER", help="raw-vllm, kserve or llm-d.")],
    keep_volumes: Annotated[
        bool, typer.Option("--keep-volumes", help="Leave its claims, and what is on them.")
    ] = False,
    leave: Annotated[
        list[str] | None,
        typer.Option("--leave", metavar="NAME", help="Another name of the edge that may lose its engine; repeat."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and take nothing away.")] = False,
    drain_timeout: Annotated[
        float, lasting("--drain-timeout", "How long its engines may take to finish what they have:")
    ] = 600.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Take away a layer of a model, once nobody is served from it."""
    from pointsman.cli.named import declared
    from pointsman.layers.registry import layer as layer_named
    from pointsman.leaving.refusing import refuse_trapped
    from pointsman.move.context import Options

    layer_named(layer)
    loaded = declared(model, kubeconfig, context).model
    options = Options(drain_timeout=drain_timeout, leave=tuple(leave or ()), in_git=edge_in_git(repo, env))
    how = _How(loaded, layer, options, keep_volumes, repo, (kubeconfig, context))
    found = asyncio.run(_look(how))
    _show(how, found, sys.stdout if dry_run else sys.stderr, output if dry_run else Output.text)
    if dry_run:
        return 1 if any(one.stops for one in found.traps) else 0
    refuse_trapped(found)
    if not found.gone:
        agree(yes, f"take {layer} of {loaded.name} away?")
    _print(asyncio.run(_carry_out(how, found, output)), output)
    return 0


@dataclass(frozen=True, slots=True)
class _How:
    """What was said on the command line."""

    model: Model
    layer: str
    options: Options
    keep_volumes: bool
    repo: Path
    reach: tuple[Path | None, str | None]

    def going(self, made: Conductor) -> Teardown:
        """The layer that is to go."""
        from pointsman.leaving.teardown import Teardown

        return Teardown(made, self.model, self.layer, self.options, self.keep_volumes)


async def _look(how: _How) -> Look:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet

    async with conductor(*how.reach, Quiet(), how.repo) as made:
        return await how.going(made).look()


async def _carry_out(how: _How, found: Look, output: Output) -> Mapping[str, Any]:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(output, f"teardown {how.layer} of {how.model.name}") as observer:
        async with conductor(*how.reach, observer, how.repo) as made:
            work = asyncio.ensure_future(how.going(made).carry_out(found))

            def interrupt() -> None:
                work.cancel()

            try:
                return await with_signals(work, interrupt)
            except asyncio.CancelledError:
                raise StoppedError("interrupted half way: what is gone stays gone", next_action=AGAIN) from None


def _show(how: _How, found: Look, stream: Any, output: Output) -> None:
    from pointsman.layers.registry import layer as layer_named
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.teardown import look_lines

    shown = found.as_dict()
    if output is not Output.text:
        write_data(stream, {"model": how.model.name, "layer": how.layer} | shown, output)
    else:
        write_folded(stream, look_lines(how.model.name, layer_named(how.layer).title, shown))


def _print(done: Any, output: Output) -> None:
    from pointsman.report.data import write_data
    from pointsman.report.teardown import done_line
    from pointsman.report.text import write_lines

    if output is Output.text:
        write_lines(sys.stdout, [done_line(done)])
    else:
        write_data(sys.stdout, done, output)
