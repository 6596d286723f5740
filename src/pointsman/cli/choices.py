"""What an operator may choose of a move, the same for ``plan`` and ``move``: a plan is that very move."""

from __future__ import annotations

from typing import Annotated

import typer

from pointsman.cli.words import DrainPolicy, Seconds, Strategy, lasting
from pointsman.errors import UsageError

__all__ = [
    "DOWNTIME",
    "DRAIN",
    "HOLD",
    "MERGE",
    "READY",
    "ROLL",
    "AllowDowntime",
    "Drain",
    "DrainTimeout",
    "Hold",
    "Leave",
    "MergeTimeout",
    "PullRequest",
    "ReadyTimeout",
    "RollTimeout",
    "Room",
    "Shift",
    "shares_in",
]

HOLD, READY, DRAIN, ROLL = Seconds(5), Seconds(1800), Seconds(600), Seconds(300)
MERGE, DOWNTIME = Seconds(86400), Seconds(0)
"""Defaults of what moves may take."""
Hold = Annotated[float, lasting("--hold", "How long to keep the source warm after the shift:")]
ReadyTimeout = Annotated[float, lasting("--ready-timeout", "How long the target may take to get ready:", least=1)]
RollTimeout = Annotated[float, lasting("--roll-timeout", "How long one roll of the edge may take:", least=1)]
DrainTimeout = Annotated[float, lasting("--drain-timeout", "How long the source may take to finish:", least=1)]
Drain = Annotated[
    DrainPolicy,
    typer.Option("--drain-policy", help="Then: wait for a person, give tenants back, or cut what runs and count it."),
]
Room = Annotated[Strategy, typer.Option("--strategy", help="How the target gets its room; auto goes by what is free.")]
Leave = Annotated[
    list[str] | None,
    typer.Option(
        "--leave", metavar="ALIAS", help="Another name of the edge that may lose its engine; say it for each."
    ),
]
AllowDowntime = Annotated[float, lasting("--allow-downtime", "Time without any engine that is accepted:")]
PullRequest = Annotated[
    bool,
    typer.Option(
        "--pull-request", help="Make each change of the alias a branch, and wait until it is merged (delivery: git)."
    ),
]
MergeTimeout = Annotated[float, lasting("--merge-timeout", "How long a pull request may wait to be merged:", least=1)]
Shift = Annotated[
    str | None,
    typer.Option(
        "--shift",
        metavar="SHARES",
        help="Percent of tenants on the target, step by step: 10,50,100 when nothing is said; 100 is all at once.",
    ),
]


def shares_in(text: str | None) -> tuple[int, ...]:
    """``10,50,100`` as numbers; empty when nothing was said. Raises UsageError for anything else."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    found = tuple(int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 4)
    rising = all(one < other for one, other in zip((0, *found), found, strict=False))
    if len(found) != len(words) or not rising or found[-1] != 100:
        raise UsageError(
            f"--shift {text!r} is no way from no tenant to all of them",
            next_action="give rising whole numbers from 1 on, the last of them 100: 10,50,100 or 100",
        )
    return found
