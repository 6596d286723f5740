"""What the commands on a platform repository share: which one is meant, and how warnings are told."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pointsman.catalog.telling import Told

__all__ = ["HALF_WAY", "Env", "Repo", "warn"]

HALF_WAY = "interrupted while the file was written: it is as it was, or as it was to be"

Repo = Annotated[
    Path,
    typer.Option("--repo", metavar="FOLDER", help="The platform repository, or a folder in it."),
]
Env = Annotated[
    str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
]


def warn(told: Iterable[Told]) -> None:
    """Tell warnings on standard error."""
    from pointsman.report.text import write_lines

    write_lines(sys.stderr, [line for one in told for line in one.lines()])
