"""How the commands reach the edges of models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pointsman.edge.contract import AliasState, Edge, Replica
from pointsman.edge.in_git import InGit
from pointsman.edge.litellm_objects import rights_on
from pointsman.edge.litellm_values import LiteLLMValues, litellm_values, read_aliases
from pointsman.errors import PointsmanError
from pointsman.kube.client import Client
from pointsman.kube.rights import Right
from pointsman.layers.registry import LAYERS
from pointsman.move.boundary import SystemClock
from pointsman.move.overview import ReadAliases, ReadRunning
from pointsman.spec.model import Model

__all__ = ["aliases_reader", "edge_factory", "edge_rights", "running_reader"]


def values_factory(client: Client) -> Callable[[Model], LiteLLMValues]:
    """How to reach the edge of a model in the cluster."""
    return lambda model: litellm_values(client, model, {layer.id: layer.endpoint(model).base_url for layer in LAYERS})


def edge_factory(client: Client, clone: Path) -> Callable[[Model, InGit | None], Edge]:
    """How to reach the edge of a model for a move: in the cluster, or through a clone of where git has it."""
    values = values_factory(client)

    def reach(model: Model, place: InGit | None) -> Edge:
        if place is None:
            return values(model)
        from pointsman.delivery.edge import EdgeInGit, Surroundings

        return EdgeInGit(values(model), place, Surroundings(client, SystemClock(), clone))

    return reach


def edge_rights(model: Model) -> Sequence[Right]:
    """What reading, changing and asking a model's edge takes; no cluster is asked."""
    return rights_on(model.spec.tenant.edge)


def aliases_reader(client: Client) -> ReadAliases:
    """How to read many models' aliases with one look at each edge."""
    edge_for = values_factory(client)

    async def read(models: Sequence[Model]) -> Mapping[str, AliasState | PointsmanError]:
        return await read_aliases({model.name: edge_for(model) for model in models})

    return read


def running_reader(client: Client) -> ReadRunning:
    """How to ask the replicas of models' edges what they run."""
    edge_for = values_factory(client)

    async def one(model: Model) -> Sequence[Replica] | PointsmanError:
        try:
            return await edge_for(model).replicas()
        except PointsmanError as error:
            return error

    async def read(models: Sequence[Model]) -> Mapping[str, Sequence[Replica] | PointsmanError]:
        said = await asyncio.gather(*map(one, models))
        return {model.name: running for model, running in zip(models, said, strict=True)}

    return read
