"""What ``down`` and ``up --layer`` share: which cluster is meant, who watches, how the result is printed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.cli.again import repeated
from pointsman.cli.words import Output

if TYPE_CHECKING:
    from pointsman.parking.look import Look

__all__ = ["print_look", "print_result", "reached", "watched_as"]


def reached(kubeconfig: Path | None, context: str | None) -> str:
    """The kubeconfig's context and its API server."""
    from pointsman.kube.kubeconfig import load_access

    access = load_access(kubeconfig, context)
    return f"{access.context} ({access.server})"


def watched_as(output: Output) -> Output:
    """How what happens is told on standard error."""
    return output if output is Output.json else Output.text


def print_look(found: Look, model: str, verb: str, where: str, output: Output | None = None) -> None:
    """What ``down`` or ``up`` would write: on standard error before a question, or as the result of a dry run."""
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.parking import down_lines, nothing_line, up_lines

    shown = found.as_dict()
    if output not in (None, Output.text):
        write_data(sys.stdout, {"model": model, "layer": found.layer.id, "dryRun": True} | shown, output)
        return
    lines = {"down": down_lines, "up": up_lines}[verb](found.layer.title, model, shown, where)
    write_folded(
        sys.stderr if output is None else sys.stdout,
        lines if found.changes else [nothing_line(found.layer.title, model)],
    )


def print_result(done: Mapping[str, Any], title: str, output: Output) -> None:
    """On standard output, with the command that comes next."""
    done = {**done, "next": repeated(str(done["next"]))}
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.parking import result_lines

    if output is Output.text:
        write_folded(sys.stdout, result_lines(done, title))
    else:
        write_data(sys.stdout, done, output)
