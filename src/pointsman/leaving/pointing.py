"""Where the aliases of all known models point: by what the edge declares, by what its replicas run, and by git.

An alias counts as pointing at a layer when any of the three says so. One of which nobody can say where it points counts
as pointing at every layer of its model: unknown is never nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.edge.contract import AliasState, Member, Replica
from pointsman.errors import ClusterError, PointsmanError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Cluster
from pointsman.move.overview import ReadAliases, ReadRunning
from pointsman.move.records import Record, records
from pointsman.report.counting import count_of
from pointsman.spec.model import Model

__all__ = ["DECLARED", "ENDING", "Asked", "Pointer", "layers_in", "on_its_way_out", "pointers"]

DECLARED = "declared"
IN_GIT = "declared in git"
"""In git alone: a change that is on its way, or was never synced."""
ENDING = "no other replica leads there, and that one is on its way out: run this again in a moment"
"""What to do while only a replica that is ending leads to a layer."""
ReadInGit = Callable[[Model], Awaitable[AliasState]]
"""The alias as the newest commit has it."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """One alias, and the layer that answers it."""

    alias: str
    model: str
    title: str
    """The layer's, for people."""
    how: str
    """How that is known: ``declared``, ``run by 1 of 2 replicas``; or why nothing is."""
    refs: tuple[Ref, ...]
    """What may not go while it points there: the layer's objects, the way to them, the edge."""

    @property
    def sentence(self) -> str:
        """``alias qwen-local points at KServe of model qwen (declared)``."""
        return f"alias {self.alias} points at {self.title} of model {self.model} ({self.how})"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask."""

    cluster: Cluster
    layers: Sequence[Layer]
    aliases: ReadAliases
    running: ReadRunning
    in_git: ReadInGit | None = None
    """None where the edge is changed in the cluster."""


async def pointers(asked: Asked) -> tuple[list[Pointer], list[str]]:
    """Of every model that the cluster knows; and what could not be told, as sentences."""
    try:
        found = [one async for page in records(asked.cluster) for one in page]
    except ClusterError as error:
        return [], [f"which models are served is not known: {error.what}"]
    models = [one.model for one in found if one.model is not None]
    unread = [f"where tenants of {one.name} go is not known: {one.problem}" for one in found if one.model is None]
    declared, running = await asked.aliases(models), await asked.running(models)
    told = [one for model in models for one in await _of(model, declared[model.name], running[model.name], asked)]
    return told, [*unread, *_nobody(found)]


def _nobody(found: Sequence[Record]) -> Iterator[str]:
    if not found:
        yield "the cluster knows no model of ours, so no alias was looked at"


async def _of(
    model: Model, declared: AliasState | PointsmanError, running: Sequence[Replica] | PointsmanError, asked: Asked
) -> list[Pointer]:
    known = await layers_in(model, declared, running, asked.in_git)
    every = known.get("")
    return [
        Pointer(model.spec.tenant.alias, model.name, layer.title, how, _refs(model, layer))
        for layer in asked.layers
        if (how := known.get(layer.id) or every)
    ]


async def layers_in(
    model: Model,
    declared: AliasState | PointsmanError,
    running: Sequence[Replica] | PointsmanError,
    in_git: ReadInGit | None,
) -> Mapping[str, str]:
    """By a layer's id how it is known that tenants may reach it; under ``""`` why it may be any of them."""
    found: dict[str, str] = {}
    if isinstance(declared, PointsmanError):
        return {"": f"its edge does not say where it points: {declared.what}"}
    if isinstance(running, PointsmanError):
        found[""] = f"what replicas of its edge run is not known: {running.what}"
    else:
        found |= _running(running)
    if in_git is not None:
        try:
            found |= dict.fromkeys(_layers((await in_git(model)).members), IN_GIT)
        except PointsmanError as error:
            found.setdefault("", f"what git declares is not known: {error.what}")
    return found | dict.fromkeys(_layers(declared.members), DECLARED)


async def on_its_way_out(model: Model, declared: AliasState, replicas: Sequence[Replica], layer: str) -> bool:
    """Do only replicas of the edge that are ending lead to the layer, or may? Then it is a matter of moments."""
    staying = await layers_in(model, declared, [one for one in replicas if not one.terminating], None)
    return any(one.terminating for one in replicas) and not (staying.get(layer) or staying.get(""))


def _running(replicas: Sequence[Replica]) -> dict[str, str]:
    """A replica on its way out still answers what it was given; one that does not say may run anything."""
    found: dict[str, list[str]] = {}
    for one in replicas:
        for layer in _layers(one.members) if one.members is not None else ("",):
            found.setdefault(layer, []).append(one.name)
    ending = {one.name for one in replicas if one.terminating}
    runs = {layer: f"run by {len(names)} of {count_of(len(replicas), 'replica')}" for layer, names in found.items()}
    if "" in found:
        mute = found[""][0]
        runs[""] = (
            f"replica {mute} of its edge{', on its way out,' if mute in ending else ''} does not say what it runs"
        )
    return runs


def _layers(members: Sequence[Member]) -> set[str]:
    return {one.layer for one in members if one.ours}


def _refs(model: Model, layer: Layer) -> tuple[Ref, ...]:
    edge, point = model.spec.tenant.edge, layer.endpoint(model)
    way = [Ref(kind_of("Gateway"), point.service.name, point.service.namespace), point.service]
    own = [
        Ref(kind_of("Deployment"), edge.deployment, edge.namespace),
        Ref(kind_of("ConfigMap"), edge.config_map, edge.namespace),
    ]
    return tuple(dict.fromkeys([*layer.reads(model)[:1], *map(ref_of, layer.render(model)), *way, *own]))
