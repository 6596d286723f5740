"""Aliases of models that have no price at the edge: what tenants use is booked as nothing, and budgets never bind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_prices import unpriced
from pointsman.errors import PointsmanError
from pointsman.spec.apis import APIS
from pointsman.spec.model import Model
from pointsman.spec.tenant import Edge

__all__ = ["Priced", "ReadEdge", "prices_at_edges"]

ReadEdge = Callable[[Model], Awaitable[ConfigText]]
"""The configuration of the edge that a model's aliases are in."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What was found."""

    warnings: tuple[str, ...]
    unseen: tuple[tuple[str, str], ...]
    """Edges that could not be read, and why."""
    edges: int
    """That were asked."""


async def prices_at_edges(models: Sequence[Model], read: ReadEdge) -> Priced:
    """Of all these models; each edge is read once."""
    shared: dict[Edge, list[Model]] = {}
    for one in models:
        shared.setdefault(one.spec.tenant.edge, []).append(one)
    warnings, unseen = list[str](), list[tuple[str, str]]()
    for edge, own in shared.items():
        try:
            warnings += _warnings(await read(own[0]), own)
        except PointsmanError as error:
            unseen.append((f"prices of aliases at the edge {edge.namespace}/{edge.deployment}", error.what))
    return Priced(tuple(dict.fromkeys(warnings)), tuple(unseen), len(shared))


def _warnings(config: ConfigText, models: Iterable[Model]) -> Iterable[str]:
    for model in models:
        tenant = model.spec.tenant
        answers = APIS[model.spec.contract.api].tokens
        for alias, why in unpriced(config, (tenant.alias, *tenant.aliases), answers=answers):
            yield f"alias {alias} has no price: {why}, so what tenants use is booked as 0 and budgets never bind"
