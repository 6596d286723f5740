"""``resume``, ``rollback``, ``abort``, ``pause``, ``unpause`` and ``promote``: a model's open move, from anywhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.repo import Repo
from pointsman.cli.words import Output, agree, given, leave
from pointsman.errors import StoppedError

if TYPE_CHECKING:
    from pointsman.move.control import Control
    from pointsman.move.means import Result
    from pointsman.report.contract import Happening, Observer

__all__ = ["abort", "pause", "promote", "resume", "rollback", "unpause"]

Named = Annotated[str, typer.Argument(parser=given, metavar="MODEL", help="A model's name, or its spec file.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Kubeconfig = Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")]
Context = Annotated[str | None, typer.Option(help="The kubeconfig's context.")]
Shown = Annotated[Output, typer.Option("--output", "-o", help="How to print the receipt.")]


@dataclass(frozen=True, slots=True)
class _At:
    """Which cluster, how the result is printed, and the clone that a move through git is made in."""

    kubeconfig: Path | None
    context: str | None
    output: Output
    repo: Path


def resume(
    model: Named,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """Carry on an open move that nobody carries any more."""
    return _run("resume", model, _At(kubeconfig, context, output, repo))


def rollback(
    model: Named,
    yes: Yes = False,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """Take an open move back: tenants on the source, the target as it was before."""
    return _run(
        "rollback",
        model,
        _At(kubeconfig, context, output, repo),
        "" if yes else "take the move of {} back?",
    )


def abort(
    model: Named,
    yes: Yes = False,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """Put tenants back on the source at once and leave the target as it is, to be looked into."""
    return _run("abort", model, _At(kubeconfig, context, output, repo), "" if yes else "abort the move of {}?")


def pause(
    model: Named,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """Let a move stand still after the step that is under way; tenants stay split. Never stops a layer: see down."""
    return _run("pause", model, _At(kubeconfig, context, output, repo))


def unpause(
    model: Named,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """Carry a paused move on, as resume does. A layer that is parked is woken by up --layer."""
    return _run("resume", model, _At(kubeconfig, context, output, repo))


def promote(
    model: Named,
    repo: Repo = Path(),
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Shown = Output.text,
) -> int:
    """End the wait a move is in, not its checks. One that paused with a verdict open goes on, others as resume does."""
    return _run("promote", model, _At(kubeconfig, context, output, repo))


def _run(verb: str, model: str, at: _At, question: str = "") -> int:
    """Do it; with a ``question`` only once there is something to ask about, and somebody agreed."""
    if question:
        agree(False, question.format(asyncio.run(_found(verb, model, at))))
    return leave(asyncio.run(_control(verb, model, at)), at.output)


async def _found(verb: str, word: str, at: _At) -> str:
    """The name of the model, whose open move may be asked for this."""
    from pointsman.cli.means import conductor
    from pointsman.cli.named import name_in
    from pointsman.move.control import Control
    from pointsman.move.journal.requests import Verb
    from pointsman.report.contract import Quiet

    async with conductor(at.kubeconfig, at.context, Quiet(), at.repo) as made:
        model = await name_in(made.means.cluster, word)
        await Control(made).refuse(Verb(verb), model)
        return model


async def _control(verb: str, model: str, at: _At) -> Result:
    from pointsman.cli.means import conductor, watching, with_signals
    from pointsman.move.control import Control

    with watching(at.output, f"{verb} {model}") as observer:
        watch = _Watch(observer)
        async with conductor(at.kubeconfig, at.context, watch, at.repo) as made:
            control = Control(made)
            task = asyncio.ensure_future(_act(control, verb, model))

            def interrupt() -> None:
                if not made.interrupt_running():
                    task.cancel()

            try:
                return await with_signals(task, interrupt)
            except asyncio.CancelledError:
                raise _interrupted(model, watch.reached) from None


class _Watch:
    """Passes on what is told, and knows whether the move was reached: nothing is told before that."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.reached = False

    def tell(self, happening: Happening) -> None:
        """Take note."""
        self.reached = True
        self._observer.tell(happening)


def _interrupted(model: str, reached: bool) -> StoppedError:
    if not reached:
        return StoppedError("interrupted before the move was reached; nothing was changed", next_action="run it again")
    return StoppedError(
        "interrupted; what was asked of the move stands, and its journal says how far it is",
        next_action=f"pointsman status {model} shows it; pointsman resume {model} carries it on when nobody does",
    )


async def _act(control: Control, verb: str, word: str) -> Result:
    from pointsman.cli.named import name_in
    from pointsman.move.journal.requests import Verb

    model = await name_in(control.cluster, word)
    return await (control.resume(model) if verb == "resume" else control.ask(Verb(verb), model))
