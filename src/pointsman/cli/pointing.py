"""How commands on a platform ask which aliases what would vanish answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pointsman.edge.in_git import InGit
    from pointsman.kube.client import Client
    from pointsman.leaving.losing import Losing
    from pointsman.leaving.pointing import Asked
    from pointsman.root.losses import Loss

__all__ = ["LeaveAlias", "asked_of", "losing_of"]

LeaveAlias = Annotated[
    list[str] | None,
    typer.Option("--leave", metavar="ALIAS", help="An alias that may lose what answers it; repeat."),
]


def asked_of(client: Client, clone: Path, place: InGit | None) -> Asked:
    """Whom to ask on a real cluster."""
    from pointsman.cli.edges import aliases_reader, edge_factory, running_reader
    from pointsman.edge.contract import AliasState
    from pointsman.layers.registry import LAYERS
    from pointsman.leaving.pointing import Asked
    from pointsman.spec.model import Model

    reach = edge_factory(client, clone)

    async def in_git(model: Model) -> AliasState:
        return await reach(model, place).read()

    read = None if place is None else in_git
    return Asked(client, LAYERS, aliases_reader(client), running_reader(client), read)


async def losing_of(
    losses: Sequence[Loss], client: Client, clone: Path, place: InGit | None
) -> tuple[list[Losing], list[str]]:
    """Aliases that would lose something, and what else people should know; nobody is asked when nothing vanishes."""
    from pointsman.leaving.losing import losing, orphaned
    from pointsman.leaving.pointing import pointers

    if not any(one.objects for one in losses):
        return [], []
    found, unknown = await pointers(asked_of(client, clone, place))
    return losing(losses, found), [*orphaned(losses, found), *unknown]
