"""``pointsman resolve``: write the groups file that the ApplicationSets read, or check that it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.proposing import Commit, PullRequest, Push, Yes, asked_for
from pointsman.cli.repo import HALF_WAY, Env, Repo, warn
from pointsman.cli.words import Output
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.catalog.resolution import Resolution

__all__ = ["command"]


def command(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; print what differs, and exit with 1.")] = False,
    commit: Commit = False,
    push: Push = False,
    pull_request: PullRequest = False,
    yes: Yes = False,
    env: Env = None,
    repo: Repo = Path(),
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Write the groups file from the configuration's features."""
    from pointsman.catalog.repository import open_repository
    from pointsman.catalog.resolution import resolve

    repository = open_repository(repo, env)
    if (way := asked_for(commit, push, pull_request)) is not None:
        from pointsman.cli.proposing import carry_out
        from pointsman.delivery.platform import Wish

        if check:
            raise UsageError("--check writes nothing", next_action=f"leave {way.option} out, or --check")
        carry_out(repository, Wish(), way, yes, output)
        return 0
    found = resolve(repository)
    warn(found.told)
    differs = found.after != found.before
    if differs and not check:
        stopping.left(HALF_WAY, "run it again")
        found.write()
    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, _object(found, written=differs and not check), output)
    else:
        sys.stdout.write(found.diff() if check and differs else _sentence(found, differs=differs))
        if differs and not check:
            widest = list(found.repository.platform.spec.profiles)[-1]
            sys.stderr.write(
                f"next: pointsman root --profile {widest} --dry-run says what that deletes; push only then\n"
            )
    return 1 if check and differs else 0


def _sentence(found: Resolution, *, differs: bool) -> str:
    name, on = found.repository.named(found.path), sum(row.on for row in found.rows)
    count = f"{on} of {len(found.rows)} groups are on"
    return f"wrote {name}: {count}\n" if differs else f"{name} is up to date, nothing to do: {count}\n"


def _object(found: Resolution, *, written: bool) -> dict[str, Any]:
    return {
        "env": found.repository.env,
        "file": found.repository.named(found.path),
        "upToDate": found.after == found.before,
        "written": written,
        "groups": [row.element | {"from": row.origin or "default"} for row in found.rows],
        "warnings": [one.as_dict() for one in found.told],
        "diff": found.diff(),
    }
