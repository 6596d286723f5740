"""What an operator may choose of a move, the same for ``plan`` and ``move``: a plan is that very move."""

from __future__ import annotations

from typing import Annotated

import typer

from pointsman.cli.words import DrainPolicy, Strategy, lasting

__all__ = ["AllowDowntime", "Drain", "DrainTimeout", "Hold", "Leave", "ReadyTimeout", "RollTimeout", "Room"]

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
