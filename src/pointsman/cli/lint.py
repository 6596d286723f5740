"""``pointsman lint``: check a repository's files for what is known to cost people nights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.checking import (
    NOT_CHECKED,
    Fail,
    Failing,
    Format,
    Listing,
    Only,
    Show,
    Threshold,
    Write,
    ended,
    tell,
)
from pointsman.cli.fixing import Fixed, fixed
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.adopt.context import Context

__all__ = ["command"]


def command(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="A repository, a folder of one, or a file.")] = Path(),
    show: Show = Threshold.info,
    fail: Fail = Failing.warning,
    only: Only = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what has an edit, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    listing: Listing = False,
    output: Write = Format.text,
) -> int:
    """Check a repository's files for what is known to cost people nights."""
    from pointsman.adopt.context import context_of
    from pointsman.checks.catalogue import chosen
    from pointsman.checks.repository import lint

    if yes and not fix:
        raise UsageError("--yes answers what --fix asks, and nothing is asked", next_action="give --fix, too")
    checks = chosen(only or ())
    if listing:
        return tell(checks, output)
    place = _place(path)
    whole = context_of(place)
    looked = fixed(place, env, checks, whole, yes=yes) if fix else Fixed(*lint(place, env, checks, whole))
    return _told(looked, whole, (show, fail), output, everything=bool(only))


def _told(looked: Fixed, place: Context, levels: tuple[Threshold, Failing], output: Format, *, everything: bool) -> int:
    from pointsman.checks.check import Level
    from pointsman.checks.telling import as_dict

    (show, fail), found, made = levels, looked.found, looked.made
    said = as_dict(made, found, Level(show.value), looked.refused)
    read = not any(one.unread for one in found.left_out)
    code = ended(said, made, fail, output, looked=read and made.looked, whole=everything)
    return NOT_CHECKED if code == 1 and place.single and not (read or made.objects) else code


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
