"""What the commands on a platform repository share: which one is meant, and how warnings are told."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.catalog.repository import Repository
    from pointsman.catalog.telling import Told
    from pointsman.edge.in_git import InGit

__all__ = ["HALF_WAY", "Env", "Repo", "Reviewed", "branch_of", "edge_in_git", "warn"]

HALF_WAY = "interrupted while the file was written: it is as it was, or as it was to be"

Repo = Annotated[
    Path,
    typer.Option("--repo", metavar="FOLDER", help="The platform repository, or a folder in it."),
]
Env = Annotated[
    str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was said of pull requests."""

    asked: bool
    seconds: float
    """How long one may wait to be merged."""


def edge_in_git(repo: Path, env: str | None, reviewed: Reviewed | None = None) -> InGit | None:
    """Where git has the edge that moves change; None where the platform, if there is one, says ``delivery: direct``."""
    from pointsman.catalog.repository import declared_platform, open_repository
    from pointsman.edge.in_git import InGit

    platform = declared_platform(repo)
    if platform is None or platform.spec.delivery == "direct":
        if reviewed is not None and reviewed.asked:
            raise UsageError(
                "--pull-request has no meaning where the cluster is written to",
                next_action="leave it out, or write delivery: git into platform.yaml",
            )
        return None
    edge = platform.spec.edge
    branch = edge.branch or branch_of(open_repository(repo, env))
    under = tuple(part for part in edge.under.split(".") if part)
    made = InGit(edge.values, under, edge.application, edge.namespace, edge.remote, branch)
    if reviewed is None or not (reviewed.asked or edge.pull_requests):
        return made
    return replace(made, pull_requests=True, merge_timeout=reviewed.seconds)


def branch_of(repository: Repository) -> str:
    """The branch that Argo CD reads, as the configuration says it."""
    from pointsman.catalog.config import read_config

    return read_config(repository).word(("repoBranch",)) or "main"


def warn(told: Iterable[Told]) -> None:
    """Tell warnings on standard error."""
    from pointsman.report.folding import write_folded

    write_folded(sys.stderr, [line for one in told for line in one.lines()])
