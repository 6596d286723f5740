"""What is there of one layer of a model, what goes with it, and what stands in the way: one look, nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.cost.models import claims_in
from pointsman.errors import NotFoundError, PermanentError
from pointsman.kube.client import FIELD_MANAGER
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.leaving.keeper import CLAIM, Keeper, Trap, keepers, traps_of
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.live import read_live
from pointsman.move.plan.owning import patched
from pointsman.move.plan.reaching import others_reach
from pointsman.move.probes.pods import engine_pods
from pointsman.owners.contract import Outcome
from pointsman.owners.judge import judge
from pointsman.owners.marks import controller_of, tracked
from pointsman.owners.reading import read_owners
from pointsman.owners.remedies import remedies
from pointsman.root.burden import LOOKED_UP, Burden, burden_of

__all__ = ["Look", "look"]

_MOUNTING = (
    *("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet"),
    *("InferenceService", "LLMInferenceService"),
)
"""What makes pods, at 0 replicas, too: it will want its claims again."""
_REMEDY = "end it, or keep the claim: --keep-volumes"


@dataclass(frozen=True, slots=True)
class Look:
    """One layer."""

    objects: Mapping[Ref, Object | None]
    """What the layer is rendered as, in that order; None for what is not there."""
    pods: tuple[str, ...]
    parked: bool
    gpus: int
    """That its pods hold now."""
    keepers: tuple[Keeper, ...]
    traps: tuple[Trap, ...]
    keep_volumes: bool = False

    @property
    def there(self) -> list[Ref]:
        """Objects that exist."""
        return [ref for ref, live in self.objects.items() if live is not None]

    @property
    def going(self) -> list[Ref]:
        """Objects that are to go."""
        return [ref for ref in self.there if not (self.keep_volumes and ref.kind.name == CLAIM)]

    @property
    def gone(self) -> bool:
        """Is nothing left to do?"""
        return not self.going and not self.pods and not self.keepers

    @property
    def claims_alone(self) -> bool:
        """Is nothing of it there any more but claims?"""
        return not self.pods and all(ref.kind.name == CLAIM for ref in self.there)

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        burdens = {ref: _burden(ref, self.objects[ref]) for ref in self.there}
        return {
            "objects": [str(ref) for ref in self.going],
            "pods": list(self.pods),
            "parked": self.parked,
            "gpus": self.gpus,
            "volumes": [{"claim": one.claim, "size": one.size} for ref in self.going for one in burdens[ref].volumes],
            "kept": [str(ref) for ref in self.there if ref not in self.going],
            "applications": [one.as_dict() for one in self.keepers],
            "traps": [one.as_dict() for one in self.traps],
        }


def _burden(ref: Ref, live: Object | None) -> Burden:
    if live is None or (ref.kind.group, ref.kind.name) not in LOOKED_UP:
        return Burden()
    return burden_of({**live, "kind": ref.kind.name})


async def look(context: Context, *, keep_volumes: bool) -> Look:
    """Look at the context's source."""
    layer, model = context.source, context.model
    refs = [ref_of(one) for one in layer.render(model)]
    objects = {ref: await context.cluster.find(ref) for ref in refs}
    live = await read_live(context.cluster, layer, model)
    pods = await engine_pods(context.cluster, layer, model)
    kept, unread = await _keepers(context, objects)
    parked, there = layer.parked(model, live), [ref for ref in refs if objects[ref] is not None]
    traps = [
        *unread,
        *(one for each in kept for one in traps_of(each, context.clock.now())),
        *_foreign(context, objects, kept),
        *await _undone(context),
        *await _past_the_edge(context, there=any(objects.values())),
        *([] if keep_volumes else await _used(context, there, {one.name for one in pods})),
    ]
    names = tuple(sorted(one.name for one in pods))
    gpus = 0 if parked else layer.gpus(model)
    return Look(objects, names, parked, gpus, tuple(kept), tuple(traps), keep_volumes)


async def _keepers(context: Context, objects: Mapping[Ref, Object | None]) -> tuple[list[Keeper], list[Trap]]:
    try:
        apps = list(await context.cluster.list(kind_of("Application")))
        sets = list(await context.cluster.list(kind_of("ApplicationSet"))) if apps else []
    except NotFoundError:
        return [], []
    except PermanentError as error:
        marked = [ref for ref, live in objects.items() if live is not None and tracked(live, ref)]
        what = f"which Application of Argo CD keeps the layer is not known: {error.what}"
        return [], [
            Trap(code="teardown-unread", what=what, remedy="ask for the right to list Applications", stops=bool(marked))
        ]
    return keepers(apps, objects, sets), []


def _foreign(context: Context, objects: Mapping[Ref, Object | None], kept: Sequence[Keeper]) -> Iterator[Trap]:
    """Objects under the layer's names that neither we nor an Application of this layer made."""
    listed = {(one.kind, one.namespace, one.name) for each in kept for one in each.ours}
    for ref, live in objects.items():
        if live is None or (ref.kind.name, ref.namespace or "", ref.name) in listed:
            continue
        said = live["metadata"].get("labels") or {}
        if said.get("pointsman.dev/model") != context.model.name:
            what = f"{ref} was not made for model {context.model.name}"
            yield Trap(
                code="teardown-foreign", what=what, remedy="rename it, or delete it by hand if it may go", stops=True
            )


async def _undone(context: Context) -> list[Trap]:
    """Whoever would put back what parks the layer."""
    changes = await patched(context, context.source, context.source.park(context.model))
    verdicts = judge(changes, await read_owners(context.cluster, changes), FIELD_MANAGER)
    bad = [one for one in verdicts if one.outcome is Outcome.REVERTS]
    what, remedy = "; ".join(one.sentence for one in bad), " and ".join(remedies(bad))
    return [Trap(code="teardown-owner", what=what, remedy=remedy, stops=True)] if bad else []


async def _past_the_edge(context: Context, *, there: bool) -> list[Trap]:
    said = await others_reach(context) if there else ""
    if "warning: " not in said:
        return []
    what, remedy = said.replace("warning: ", ""), "point them elsewhere: they find no engine afterwards"
    return [Trap(code="teardown-past-the-edge", what=what, remedy=remedy)]


async def _used(context: Context, refs: Sequence[Ref], own: set[str]) -> list[Trap]:
    """Claims of the layer that others mount: pods, which Kubernetes waits for, and what has no pods now and will again.

    What is of the same model, on another of its layers, is none of others.
    """
    claims: dict[str, set[str]] = {}
    for ref in refs:
        if ref.kind.name == CLAIM and ref.namespace:
            claims.setdefault(ref.namespace, set()).add(ref.name)
    found = []
    for space, wanted in sorted(claims.items()):
        for pod in await context.cluster.list(kind_of("Pod"), space):
            name = str(pod["metadata"]["name"])
            volumes = (pod.get("spec") or {}).get("volumes") or []
            if name not in own and (used := sorted(wanted.intersection(claims_in(volumes)))):
                what = f"pod {space}/{name}, which is none of this layer, uses claim {used[0]}"
                found.append(Trap(code="teardown-claim-used", what=what, remedy=_REMEDY, stops=True))
        found += [one async for one in _wanted(context, space, wanted)]
    return found


async def _wanted(context: Context, space: str, claims: set[str]) -> AsyncIterator[Trap]:
    """Workloads of others whose pods mount these claims, whether there are any now or not."""
    for name in _MOUNTING:
        kind = kind_of(name)
        try:
            listed = await context.cluster.list(kind, space)
        except NotFoundError:
            continue
        except PermanentError as error:
            what = f"whether a {name} in {space} mounts {min(claims)} is not known: {error.what}"
            yield Trap(
                code="teardown-claim-used",
                what=what,
                remedy="ask for the right to list them, or --keep-volumes",
                stops=True,
            )
            continue
        for one in listed:
            own = (one["metadata"].get("labels") or {}).get("pointsman.dev/model") == context.model.name
            used = sorted(claims.intersection(claims_in(one.get("spec") or {})))
            if used and not own and controller_of(one) is None:
                ref = Ref(kind, str(one["metadata"]["name"]), space)
                what = f"{ref}, which is none of this layer, mounts claim {used[0]} whenever it has pods"
                yield Trap(code="teardown-claim-used", what=what, remedy=_REMEDY, stops=True, by=ref)
