"""``pointsman down``: park a layer of a model, once nobody reaches it and its engines are idle."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.again import spelled
from pointsman.cli.choices import DRAIN
from pointsman.cli.manifests import Output
from pointsman.cli.parking import print_look, print_result, reached, watched_as
from pointsman.cli.repo import Env, Repo, edge_in_git
from pointsman.cli.words import agree, given, lasting
from pointsman.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from pointsman.move.conductor import Conductor
    from pointsman.move.context import Options
    from pointsman.parking.down import Down
    from pointsman.parking.look import Look
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A spec file, or a model's name.")],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="LAYER", help="raw-vllm, kserve or llm-d. Default: the only one that is up."),
    ] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option("--leave", metavar="ALIAS", help="A name of the edge whose tenants may get errors; repeat."),
    ] = None,
    drain_timeout: Annotated[
        float, lasting("--drain-timeout", "How long its engines may take to finish what they have:")
    ] = DRAIN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be parked and park nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Park a layer of a model: drained first, its GPUs free, all else as it is. `up --layer` brings it back."""
    from pointsman.cli.named import declared
    from pointsman.layers.registry import layer as layer_named
    from pointsman.move.context import Options

    if layer is not None:
        layer_named(layer)
    loaded = declared(model, kubeconfig, context).model
    options = Options(drain_timeout=drain_timeout, leave=tuple(leave or ()), in_git=edge_in_git(repo, env))
    chosen = layer or asyncio.run(_only_one(loaded, kubeconfig, context, repo))
    how = _How(model, loaded, chosen, options, repo, (kubeconfig, context))
    found = asyncio.run(_look(how))
    if dry_run:
        print_look(found, loaded.name, "down", reached(*how.reach), output)
        return 0
    if found.changes:
        print_look(found, loaded.name, "down", reached(*how.reach))
        agree(yes, f"park {layer_named(chosen).title} of {loaded.name}?")
    done = asyncio.run(_carry_out(how, found, output))
    following = how.said("up") if done["state"] != "absent" else f"pointsman status {shlex.quote(model)}"
    print_result({**done, "next": following}, layer_named(chosen).title, output)
    return 0


@dataclass(frozen=True, slots=True)
class _How:
    """What was said on the command line."""

    word: str
    model: Model
    layer: str
    options: Options
    repo: Path
    reach: tuple[Path | None, str | None]

    def said(self, verb: str) -> str:
        """A command line on the same layer; of ``down`` with what was agreed to."""
        drain = self.options.drain_timeout
        agreed = [("--leave", self.options.leave), ("--drain-timeout", None if drain == DRAIN else drain)]
        words = spelled(agreed) if verb == "down" else []
        return " ".join([f"pointsman {verb} {shlex.quote(self.word)} --layer {self.layer}", *words])

    def parking(self, made: Conductor) -> Down:
        """The layer that is to be parked."""
        from pointsman.parking.down import Down

        return Down(made, self.model, self.layer, self.options, self.said("down"))


async def _only_one(model: Model, kubeconfig: Path | None, context: str | None, repo: Path) -> str:
    """The layer that is meant when none is named; the declared one when none is up: it is told that it is parked.

    Raises UsageError when several are up, and RefusedError while a move of the model is open.
    """
    from pointsman.cli.means import conductor
    from pointsman.parking.down import layers_up
    from pointsman.report.contract import Quiet

    async with conductor(kubeconfig, context, Quiet(), repo) as made:
        await made.refuse_if_busy(model)
        found = await layers_up(made, model)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} layers of {model.name} are up: {', '.join(found)}",
            next_action=f"say which one: --layer {found[0]}",
            code="down-which",
        )
    return found[0] if found else model.spec.layer


async def _look(how: _How) -> Look:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet

    async with conductor(*how.reach, Quiet(), how.repo) as made:
        return await how.parking(made).look()


async def _carry_out(how: _How, found: Look, output: Output) -> Mapping[str, Any]:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(watched_as(output), f"{how.model.name} down on {how.layer}") as observer:
        async with conductor(*how.reach, observer, how.repo) as made:
            work = asyncio.ensure_future(how.parking(made).carry_out(found))
            try:
                return await with_signals(work, lambda: _cancel(work))
            except asyncio.CancelledError:
                raise StoppedError(
                    "interrupted; a layer that was told to park goes on parking",
                    next_action=f"{how.said('down')} goes on from what is there",
                ) from None


def _cancel(work: asyncio.Future[Mapping[str, Any]]) -> None:
    work.cancel()
