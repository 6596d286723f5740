"""A plan: every object and step of a move, what it needs and how long it takes, and what must stay as it is for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pointsman.kube.resources import kind_of, ref_of
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.diff import ObjectPlan, plan_object
from pointsman.move.journal.journal import digest
from pointsman.move.live import read_live
from pointsman.move.plan.capacity import room_from
from pointsman.move.plan.cost import Needs, Price, needs_of, price_of
from pointsman.move.plan.predict import Prediction, engines_of, predict
from pointsman.move.plan.shifting import Shifting, shifting
from pointsman.move.plan.strategy import Choice
from pointsman.move.steps import Step

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A move that was thought through and not begun."""

    model: str
    source: str
    target: str
    strategy: str
    why: str
    objects: tuple[ObjectPlan, ...]
    steps: tuple[Mapping[str, str], ...]
    """Each step's id, act, check and undo."""
    needs: Needs
    checks: Mapping[str, str]
    """What the preflight found, by check."""
    prediction: Prediction
    price: Price
    released: int
    """Accelerators that the source holds, and gives back when it is parked."""
    shifting: Shifting
    findings: Sequence[Mapping[str, Any]]
    """What the catalogue of checks says of the target, as ``pointsman lint`` tells it."""
    fingerprint: Mapping[str, str]
    """Digests of what must not change before the plan is applied: spec, alias, capacity, each object."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-like."""
        found = asdict(self)
        found["objects"] = [
            {
                "object": str(one.ref),
                "action": one.action,
                "changes": [asdict(change) for change in one.changes],
                **({"note": one.note} if one.note else {}),
            }
            for one in self.objects
        ]
        found["prediction"] = {
            "seconds": round(self.prediction.seconds, 1),
            "downtimeSeconds": self.prediction.downtime,
            "downtimeSource": self.prediction.downtime_source,
            "steps": [asdict(one) for one in self.prediction.steps],
        }
        found["needs"] = self.needs.as_dict()
        found["shifting"] = self.shifting.as_dict()
        found["price"] = self.price.as_dict()
        return found


async def make_plan(
    context: Context,
    choice: Choice,
    steps: Sequence[Step],
    checks: Mapping[str, str],
    receipts: Sequence[Mapping[str, Any]],
    spec_digest: str,
) -> Plan:
    """The plan of the chosen strategy as the cluster is now. Changes nothing."""
    target, source = context.target, context.source
    objects = await _raised(context, target)
    if choice.strategy == "bridge" and context.bridge is not None:
        note = f"made and parked on the way to {target.title}"
        objects = [*(replace(one, note=note) for one in await _raised(context, context.bridge)), *objects]
    released = [ObjectPlan(patch.ref, "park", note="drained first") for patch in source.park(context.model)]
    nodes, pods = await asyncio.gather(context.cluster.list(kind_of("Node")), context.cluster.list(kind_of("Pod")))
    room = room_from(nodes, pods)
    needs = needs_of(target, context.model, room)
    prediction = predict([step.id for step in steps], choice, target.id, receipts, await engines_of(context))
    both = prediction.between("deploy", "park")
    return Plan(
        model=context.model.name,
        source=source.id,
        target=target.id,
        strategy=choice.strategy,
        why=choice.why,
        objects=(*objects, *released),
        steps=tuple(_described(step, context) for step in steps),
        needs=needs,
        checks=checks,
        prediction=prediction,
        price=price_of(source, target, context.model, both),
        released=source.gpus(context.model),
        shifting=shifting(context, choice.strategy, steps),
        findings=tuple(context.findings),
        fingerprint=await _fingerprint(context, choice, needs, spec_digest),
    )


async def _raised(context: Context, layer: Layer) -> list[ObjectPlan]:
    """A layer's objects, made, changed, left or woken."""
    made = await asyncio.gather(*(plan_object(context.cluster, one) for one in layer.render(context.model)))
    return [*made, *await _woken(context, layer)]


async def _woken(context: Context, layer: Layer) -> list[ObjectPlan]:
    live = await read_live(context.cluster, layer, context.model)
    if not layer.parked(context.model, live):
        return []
    found = [await context.cluster.find(patch.ref) for patch in layer.unpark(context.model)]
    return [
        ObjectPlan(patch.ref, "wake", note="it is parked now")
        for patch, one in zip(layer.unpark(context.model), found, strict=True)
        if one is not None
    ]


def _described(step: Step, context: Context) -> Mapping[str, str]:
    said = step.describe(context)
    return {"id": step.id, "act": said.act, "check": said.check, "undo": said.undo}


async def _fingerprint(context: Context, choice: Choice, needs: Needs, spec_digest: str) -> dict[str, str]:
    """What the plan was made from."""
    found = {
        "spec": spec_digest,
        "alias": digest(repr(sorted(asdict(one).items() for one in context.alias.members))),
        "capacity": f"{needs.free_gpus} of {needs.total_gpus} accelerators free, {needs.pending_gpus} waited for",
        "strategy": choice.strategy,
    }
    refs = [ref_of(one) for one in context.target.render(context.model)]
    refs += [patch.ref for patch in context.source.park(context.model)]
    for ref in refs:
        live = await context.cluster.find(ref)
        generation = (
            "" if live is None else str(live["metadata"].get("generation") or live["metadata"]["resourceVersion"])
        )
        uid = "" if live is None else str(live["metadata"].get("uid", ""))
        found[str(ref)] = f"{uid} generation {generation}" if live is not None else "not there"
    return found
