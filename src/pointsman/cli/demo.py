"""``pointsman demo``: the lab, the example platform, tenants, three moves and a receipt each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.embedded import control_plane
from pointsman.cli.words import Output, orderly
from pointsman.errors import PointsmanError, StoppedError

if TYPE_CHECKING:
    from pointsman.demo.demo import Outcome, Plan
    from pointsman.lab.config import LabConfig

__all__ = ["command"]

LOST = 1
INTERRUPTED = "interrupted; what the demo had begun was ended first"
AGAIN = "pointsman demo begins again; with --keep the lab may still be up: pointsman lab status"


def command(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab up, with the commands to go on by hand.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Run on this cluster of your own, and start no lab.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=200,
            help="Tenants' requests per second; usually 16, in the lab at most a quarter of what its proxy carries.",
        ),
    ] = None,
    lab: Annotated[str, typer.Option(metavar="NAME", help="The lab's name.")] = "demo",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the receipts.")] = Output.text,
) -> int:
    """Start the lab, serve a model, move it three times under load, print a receipt per move."""
    from pointsman.demo.demo import Plan
    from pointsman.demo.platform import example_model
    from pointsman.demo.tenants import Traffic

    began = time.monotonic()
    model, traffic = example_model(), Traffic() if rate is None else Traffic(rate=rate)
    if kubeconfig is not None:
        outcome = asyncio.run(_show(Plan(model, kubeconfig, context, traffic=traffic), output))
        return _leave(outcome, output, began)
    _forecast()
    with orderly(INTERRUPTED, AGAIN), _lab(lab, keep) as config:
        plan = Plan(
            model,
            config.kubeconfig,
            proxy=config.proxy_url,
            simulated=config.engine == "simulator",
            traffic=traffic,
            fitted=rate is None,
        )
        outcome = asyncio.run(_show(plan, output))
        code = _leave(outcome, output, began)
    if keep:
        _by_hand(config, lab)
    return code


def _forecast() -> None:
    """Say how long it will take, before anything is begun."""
    control_plane()
    from pointsman.demo.forecast import measured, sentence
    from pointsman.lab.toolchain import is_built

    _say(sentence(measured(built=is_built())))


@contextmanager
def _lab(name: str, keep: bool) -> Iterator[LabConfig]:
    """A running lab; taken down afterwards unless it ran before or is to be kept."""
    controlplane = control_plane()
    from pointsman.lab.narration import Narrator

    known = controlplane.find(name) is not None
    started = True
    try:
        with Narrator() as narrator:
            found = controlplane.up(name, report=narrator)
        started = found.started_now
        yield found.config
    finally:
        if started and not keep:
            with Narrator() as narrator:
                controlplane.down(name, purge=not known, report=narrator)


async def _show(plan: Plan, output: Output) -> Outcome:
    from pointsman.cli.means import watching, with_signals
    from pointsman.demo.demo import Demo, Stage

    def moved(receipt: Mapping[str, Any]) -> None:
        if output is Output.text:
            _print_receipt(receipt)

    stage = Stage(_say, lambda title: watching(output, title), moved)
    demo = Demo(plan, stage)
    return await with_signals(demo.run(), demo.interrupt)


def _say(text: str) -> None:
    sys.stderr.write(f"        {text}\n")
    sys.stderr.flush()


def _print_receipt(receipt: Mapping[str, Any]) -> None:
    from pointsman.demo.receipt import as_lines
    from pointsman.report.folding import write_folded
    from pointsman.report.text import receipt_lines

    write_folded(sys.stdout, [*receipt_lines(receipt), *as_lines(receipt), ""])


def _leave(outcome: Outcome, output: Output, began: float) -> int:
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.text import took

    seconds, error = time.monotonic() - began, _error(outcome)
    if output is not Output.text:
        shown = {
            "moves": outcome.moves,
            "load": outcome.load,
            "reconciliation": outcome.reconciliation.as_dict() if outcome.reconciliation else None,
            "seconds": round(seconds, 3),
            "interrupted": outcome.interrupted,
            **({"error": error.as_dict()} if error else {}),
        }
        write_data(sys.stdout, shown, output)
    elif outcome.load:
        write_folded(
            sys.stdout,
            [
                f"{len(outcome.moves)} moves, {outcome.load['requests']} requests, {outcome.lost} lost, "
                f"{outcome.load['cut']} cut, {outcome.load['wrong']} wrong, in {took(seconds)}",
                outcome.counted(),
            ],
        )
    if error is not None:
        write_folded(sys.stderr, error.lines())
    if outcome.interrupted:
        return stopping.exit_code()
    if error is not None:
        return error.exit_code
    return LOST if outcome.lost else 0


def _error(outcome: Outcome) -> PointsmanError | None:
    """What the demo leaves with. A move that was only taken back because of a signal is the signal's."""
    error = outcome.error
    if outcome.interrupted and (error is None or error.code in ("move-undone", "stopped")):
        return StoppedError(error.what if error else INTERRUPTED, next_action=AGAIN)
    return error


def _by_hand(config: LabConfig, name: str) -> None:
    """What to type next."""
    from pointsman.demo.platform import example_root

    model = example_root() / "models" / "qwen.yaml"
    sys.stderr.write(
        "the lab stays up; go on by hand:\n"
        f"  export KUBECONFIG={config.kubeconfig}\n"
        "  kubectl get pods -A\n"
        f"  pointsman status {model}\n"
        f"  pointsman move {model} --to kserve\n"
        f"  pointsman lab down --name {name}\n"
    )
