"""``pointsman lint``: check a repository's files for what is known to cost people nights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.checking import Fail, Failing, Format, Listing, Only, Show, Threshold, Write, ended, tell
from pointsman.errors import UsageError

__all__ = ["command"]


def command(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="A repository, a folder of one, or a file.")] = Path(),
    show: Show = Threshold.info,
    fail: Fail = Failing.warning,
    only: Only = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
    ] = None,
    listing: Listing = False,
    output: Write = Format.text,
) -> int:
    """Check a repository's files for what is known to cost people nights."""
    from pointsman.checks.catalogue import chosen

    checks = chosen(only or ())
    if listing:
        return tell(checks, output)
    from pointsman.checks.check import Level
    from pointsman.checks.repository import lint
    from pointsman.checks.telling import as_dict

    found, made = lint(_place(path), env, checks)
    said = as_dict(made, found, Level(show.value))
    return ended(said, made, fail, output, looked=bool(made.objects or found.edges))


def _place(path: Path) -> Path:
    """A folder, or a regular file; raises UsageError for anything else."""
    try:
        found = path.expanduser().resolve(strict=True)
        if found.is_dir() or found.is_file():
            return found
    except (OSError, RuntimeError, ValueError):
        pass
    raise UsageError(
        "there is no such folder or file", where=str(path), next_action="name a repository", code="lint-no-path"
    )
