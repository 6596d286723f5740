"""``pointsman features``: what a platform's configuration turns on, and turning one feature on or off in it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.manifests import Output
from pointsman.cli.pointing import LeaveAlias
from pointsman.cli.proposing import Commit, PullRequest, Push, Yes, asked_for
from pointsman.cli.repo import HALF_WAY, Env, Repo, warn
from pointsman.cli.words import given
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.catalog.features import Feature
    from pointsman.catalog.repository import Repository

__all__ = ["command"]


class Action(StrEnum):
    """What is done with features."""

    list = "list"
    enable = "enable"
    disable = "disable"


def command(
    action: Annotated[Action, typer.Argument(metavar="list|enable|disable", help="What to do.")] = Action.list,
    name: Annotated[str | None, typer.Argument(metavar="NAME", parser=given, help="The feature to set.")] = None,
    commit: Commit = False,
    push: Push = False,
    pull_request: PullRequest = False,
    yes: Yes = False,
    env: Env = None,
    repo: Repo = Path(),
    leave: LeaveAlias = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """List a platform's features, or turn one on or off in the configuration."""
    from pointsman.catalog.repository import open_repository

    way = asked_for(commit, push, pull_request)

    if (name is None) is not (action is Action.list):
        wanted = f"pointsman features {action} NAME" if name is None else "pointsman features enable NAME, or disable"
        raise UsageError("the words do not fit together", next_action=wanted)
    if way is not None and name is None:
        raise UsageError("listing features changes nothing", next_action=f"leave {way.option} out")
    repository = open_repository(repo, env)
    if name is None:
        _list(repository, output)
        return 0
    if action is Action.disable:
        from pointsman.cli.guarding import Guard

        Guard(repository, name, frozenset(leave or ()), kubeconfig, context).look()
    if way is not None:
        from pointsman.cli.proposing import carry_out
        from pointsman.delivery.platform import Wish

        carry_out(repository, Wish(name, action is Action.enable), way, yes, output)
    else:
        _set(repository, name, action is Action.enable, output)
    return 0


def _list(repository: Repository, output: Output) -> None:
    from pointsman.catalog.config import read_config
    from pointsman.catalog.features import features_of
    from pointsman.catalog.groups import resolved

    config = read_config(repository)
    warn(config.odd(repository.platform))
    found = features_of(config, resolved(repository, config))
    if output is Output.text:
        _print(found)
        return
    head = {"platform": repository.platform.metadata.name, "env": repository.env, "config": config.source.where}
    _dump(head | {"features": [one.as_dict() for one in found]}, output)


def _print(found: list[Feature]) -> None:
    from pointsman.report.text import write_lines

    rows = [("FEATURE", "VALUE", "FROM", "GROUPS")]
    rows += [(one.name, one.value or "not set", one.origin, ", ".join(one.groups)) for one in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    write_lines(
        sys.stdout,
        [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]])
            for row in rows
        ],
    )


def _set(repository: Repository, name: str, on: bool, output: Output) -> None:
    from pointsman.catalog.config import read_config
    from pointsman.catalog.features import feature_named
    from pointsman.catalog.gate import FEATURES
    from pointsman.catalog.source import write_source
    from pointsman.catalog.switch import switched

    config = read_config(repository)
    feature = feature_named(repository.platform, config, name)
    source, word = config.source, "true" if on else "false"
    already = config.switch((FEATURES, feature)) is on
    line = source.line((FEATURES, feature))
    if not already:
        made = switched(source, feature, on)
        line = made.line
        stopping.left(HALF_WAY, "run it again")
        write_source(source.path, repository.root, (source.bom + made.text).encode(), source.bytes())
    if output is Output.text:
        head = f"{source.where}:{line}: "
        said = f"{feature} is {word} already; nothing was changed" if already else f"{feature}: {word}"
        sys.stdout.write(f"{head}{said}\n")
        if not already:
            sys.stderr.write("next: pointsman resolve\n")
        return
    _dump({"feature": feature, "value": on, "changed": not already, "file": source.where, "line": line}, output)


def _dump(found: dict[str, Any], output: Output) -> None:
    from pointsman.report.data import write_data

    write_data(sys.stdout, found, output)
