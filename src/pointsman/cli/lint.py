"""``pointsman lint``: check a repository's files for what is known to cost people nights."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.fixing import Fixed, fixed
from pointsman.errors import UsageError

__all__ = ["command"]

BROKEN = 101
NOT_CHECKED = 5
"""Exit code where nothing failed, but not everything could be looked at: neither findings nor a clean run."""


class Format(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    yaml = "yaml"
    sarif = "sarif"
    junit = "junit"


class Threshold(StrEnum):
    """How bad a finding has to be."""

    info = "info"
    warning = "warning"
    error = "error"


class Failing(StrEnum):
    """How bad a finding has to be for exit code 1."""

    info = "info"
    warning = "warning"
    error = "error"
    never = "never"


def command(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="A repository, a folder of one, or a file.")] = Path(),
    show: Annotated[Threshold, typer.Option("--show", help="The least level that is shown.")] = Threshold.info,
    fail: Annotated[Failing, typer.Option("--fail", help="The least level that fails.")] = Failing.warning,
    only: Annotated[
        list[str] | None, typer.Option("--check", metavar="ID", help="Only this check, or hundred (PM2); repeat.")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what has an edit, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the checks there are, and leave.")] = False,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> int:
    """Check a repository's files for what is known to cost people nights."""
    from pointsman.checks.catalogue import chosen
    from pointsman.checks.repository import lint
    from pointsman.checks.telling import entry
    from pointsman.report.checks import write_catalogue

    if yes and not fix:
        raise UsageError("--yes answers what --fix asks, and nothing is asked", next_action="give --fix, too")
    checks = chosen(only or ())
    if listing:
        write_catalogue(sys.stdout, [entry(one) for one in checks], output.value)
        return 0
    place = _place(path)
    looked = fixed(place, env, checks, yes=yes) if fix else Fixed(*lint(place, env, checks))
    return _told(looked, (show, fail), output)


def _told(looked: Fixed, levels: tuple[Threshold, Failing], output: Format) -> int:
    from pointsman.checks.check import Level
    from pointsman.checks.telling import as_dict
    from pointsman.report.checks import write_outcome

    (show, fail), found, made = levels, looked.found, looked.made
    said = as_dict(made, found, Level(show.value), looked.refused)
    write_outcome(sys.stdout, said, output.value)
    if made.broken:
        return BROKEN
    if fail is not Failing.never and made.at_least(Level(fail.value)):
        return 1
    return NOT_CHECKED if made.skipped or not (made.objects or found.edges) else 0


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
