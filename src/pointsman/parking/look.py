"""What there is of one layer of a model, and what parking or waking it would write: one look, nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointsman.errors import ClusterError
from pointsman.kube.client import FIELD_MANAGER
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Layer, Patch
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.live import read_live
from pointsman.move.plan.cost import hourly
from pointsman.move.plan.owning import patched
from pointsman.move.plan.reaching import others_reach
from pointsman.owners.contract import Outcome, Verdict
from pointsman.owners.fields import Path, leaves, value_at
from pointsman.owners.judge import judge
from pointsman.owners.reading import read_owners
from pointsman.parking.held import Held, of_layer
from pointsman.spec.model import Model

__all__ = ["Claim", "Look", "look", "owners_of", "past_the_edge", "replicas_of", "undo_of"]

_CLAIM = kind_of("PersistentVolumeClaim")
_STAGED = "pvc://"


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume that is paid for whether the layer serves or not."""

    name: str
    """``serving/qwen-cache``."""
    size: str
    """What it has, or asks for; ``?`` where nobody says."""


@dataclass(frozen=True, slots=True)
class Look:
    """One layer at one moment."""

    layer: Layer
    patch: Patch
    """What is to be written."""
    live: Object | None
    """The object as it is; None when there is none."""
    parked: bool
    """Does it hold nothing, on purpose?"""
    held: tuple[Held, ...]
    gpus: int
    """That its pods hold now; of a layer that is to be woken, that they will."""
    replicas: int
    per_hour: Decimal | None
    """Money for these GPUs; None when no price is declared."""
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ref(self) -> Ref:
        """The object that is written."""
        return self.patch.ref

    @property
    def uid(self) -> str:
        """Of the object."""
        return str(((self.live or {}).get("metadata") or {}).get("uid", ""))

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        return str(((self.live or {}).get("metadata") or {}).get("resourceVersion", ""))

    @property
    def changes(self) -> dict[Path, tuple[Any, Any]]:
        """Fields that the write changes: before and after. None of an object that is not there."""
        if self.live is None:
            return {}
        found = {path: (value_at(self.live, path), value_at(self.patch.body, path)) for path in leaves(self.patch.body)}
        return {path: pair for path, pair in found.items() if pair[0] != pair[1]}

    @property
    def gist(self) -> tuple[object, ...]:
        """What was agreed to: which object, and all that people declare of it. Its status comes and goes."""
        live = self.live or {}
        metadata = live.get("metadata") or {}
        said = (metadata.get("labels"), metadata.get("annotations"))
        return self.uid, live.get("spec"), said, self.patch

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "layer": self.layer.id,
            "object": str(self.ref),
            "uid": self.uid,
            "resourceVersion": self.version,
            "changes": {".".join(path): {"before": old, "after": new} for path, (old, new) in self.changes.items()},
            "pods": [one.pod for one in self.held],
            "nodes": sorted({one.node for one in self.held if one.node and one.gpus}),
            "replicas": self.replicas,
            "gpus": self.gpus,
            "perHour": None if self.per_hour is None else str(self.per_hour),
            "volumes": [{"claim": one.name, "size": one.size} for one in self.claims],
            "notes": list(self.notes),
        }


async def look(context: Context, layer: Layer, patch: Patch | None = None) -> Look:
    """Look at a layer that is to be parked, or to be changed by ``patch``."""
    model = context.model
    (parking,) = layer.park(model)
    states = await read_live(context.cluster, layer, model)
    live = states.get(parking.ref) or await context.cluster.find(parking.ref)
    held = tuple(await of_layer(context, layer))
    gpus = sum(one.gpus for one in held if one.node)
    return Look(
        layer=layer,
        patch=patch or parking,
        live=live,
        parked=layer.parked(model, states),
        held=held,
        gpus=gpus,
        replicas=replicas_of(layer, model, live),
        per_hour=hourly(layer, model, gpus),
        claims=tuple([one async for one in _claims(context, layer)]),
    )


def replicas_of(layer: Layer, model: Model, live: Object | None) -> int:
    """How many replicas that answer tenants the object asks for; Kubernetes' and KServe's default is 1."""
    (patch,) = layer.scale(model, 1)
    said = [value_at(live, path) for path in leaves(patch.body)]
    return next((int(one) for one in said if one is not None), 1)


def undo_of(live: Object, patch: Patch) -> Mapping[str, Any]:
    """The merge patch that takes ``patch`` back: each of its fields as it is now, None where there is none."""
    made: dict[str, Any] = {}
    for path in leaves(patch.body):
        inner = made
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value_at(live, path)
    return made


async def owners_of(context: Context, layer: Layer, patch: Patch) -> list[Verdict]:
    """Whoever else writes the fields of the patch, and does not leave it alone."""
    changes = await patched(context, layer, [patch])
    verdicts = judge(changes, await read_owners(context.cluster, changes), FIELD_MANAGER)
    return [one for one in verdicts if one.outcome is not Outcome.LEAVES]


async def past_the_edge(context: Context) -> list[str]:
    """Who of others leads to the layer's pods, as sentences."""
    said = await others_reach(context)
    return [one.removeprefix("warning: ") for one in said.split("; ") if one.startswith("warning: ")]


async def _claims(context: Context, layer: Layer) -> AsyncIterator[Claim]:
    """Claims that the layer's manifests make or mount."""
    home = layer.namespace(context.model)
    names = dict.fromkeys(name for one in layer.render(context.model) for name in _mounted(one, home))
    for place, name in names:
        ref = Ref(_CLAIM, name, place)
        try:
            live = await context.cluster.find(ref)
        except ClusterError as error:
            yield Claim(f"{place}/{name}", f"not known: {error.what}")
            continue
        if live is not None:
            yield Claim(f"{place}/{name}", _size(live))


def _mounted(manifest: Object, home: str) -> Iterator[tuple[str, str]]:
    place = str(manifest["metadata"].get("namespace") or home)
    if manifest["kind"] == _CLAIM.name:
        yield place, str(manifest["metadata"]["name"])
    for name in _named(manifest):
        yield place, name


def _named(value: Any) -> Iterator[str]:
    """Names of claims, wherever they stand."""
    if isinstance(value, Mapping):
        if isinstance(value.get("claimName"), str):
            yield value["claimName"]
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, str) and value.startswith(_STAGED):
        yield value.removeprefix(_STAGED).partition("/")[0]


def _size(live: Object) -> str:
    has = ((live.get("status") or {}).get("capacity") or {}).get("storage")
    asked = (((live.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    return str(has or asked or "?")
