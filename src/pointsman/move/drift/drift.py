"""What others changed while a move runs: noticed before each step, named, answered by the rule written for it.

The rules are a table (``pointsman.move.drift.rules``). Looking changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from pointsman.edge.contract import AliasState, Member, Reason, Replica, said
from pointsman.errors import MoveFailedError, NeedsPersonError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer
from pointsman.move.context import Context, members_from
from pointsman.move.drift.rules import Answer, Kind, Phase, Rule, rule_for
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.journal import Progress
from pointsman.move.journal.states import Event, State
from pointsman.move.live import read_live
from pointsman.move.probes.pods import engine_pods
from pointsman.move.steps.alias import point_alias
from pointsman.move.steps.contract import Step
from pointsman.move.steps.deploy import apply_layer
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.report.counting import count_of

__all__ = ["Drift", "answer", "check"]


LOOK = 1.0
MOMENT = 5.0
"""Seconds a pod may be missing while its controller makes another one."""
ROLL = 60.0
"""Seconds the edge's replicas may differ: somebody else may be rolling it for another alias."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One change that was noticed."""

    kind: Kind
    what: str
    """A sentence: what is otherwise, and what was expected."""
    rule: Rule

    def as_dict(self) -> dict[str, str]:
        """For the journal."""
        return {"kind": self.kind.value, "what": self.what, "rule": self.rule.id, "answer": self.rule.answer.value}


async def check(context: Context, progress: Progress, steps: Sequence[Step]) -> list[Drift]:
    """All that others changed, as far as it can be told, in the table's order. Changes nothing."""
    phase, alias = _phase(progress), await context.edge.read()
    rest = await asyncio.gather(
        _objects(context, progress), _edge(context, progress, steps, alias), _model(context, progress)
    )
    found = [_alias(context, progress, steps, alias.members), *rest]
    return [Drift(rule_for(rule, phase).kind, what, rule_for(rule, phase)) for part in found for rule, what in part]


async def answer(context: Context, progress: Progress, steps: Sequence[Step], step: str) -> list[dict[str, str]]:
    """Look, and do what the rules say before ``step``: return what is only told, raise for what is more.

    Past the point of no return a person who was asked and said ``resume`` wants tenants on the target, where the move
    left them, since there is no other way on: then the alias is put there, and a target that is gone is made again.
    Raises MoveFailedError when the move has to turn round, NeedsPersonError (``drift``) when a person is asked.
    """
    found = await check(context, progress, steps)
    if _asked_before(progress, step) and await _put_right(context, progress, steps, step, found):
        # The edge's replicas are new since then: that roll was the move's own.
        found = [one for one in await check(context, progress, steps) if one.rule.id != "edge-same"]
    for one in found:
        context.note(step, f"{one.kind.value}: {one.what}; {one.rule.answer.value}: {one.rule.why}", one.as_dict())
    said = "; ".join(f"{one.kind.value}: {one.what}" for one in found if one.rule.answer is not Answer.GO_ON)
    answers = {one.rule.answer for one in found}
    where = f"before step {step}"
    model = context.model.name
    if Answer.ROLL_BACK in answers:
        raise MoveFailedError(said, where=where, next_action="find out who did, then move again", code="drifted")
    if Answer.PAUSE in answers:
        raise NeedsPersonError(said, where=where, next_action=_way_on(progress, found, model), code="drift")
    return [one.as_dict() for one in found]


_OF_ALIAS = frozenset({"alias", "edge-other"})
"""Rules of changes that putting the alias back undoes."""
_OF_TARGET = frozenset({"target-deleted", "target-gone"})
"""Rules of changes that making the target again undoes."""


async def _put_right(
    context: Context, progress: Progress, steps: Sequence[Step], step: str, found: Sequence[Drift]
) -> bool:
    """Do what a person was told that ``resume`` does: first the target, since tenants are sent there."""
    rules = {one.rule.id for one in found}
    if rules & _OF_TARGET:
        context.note(step, f"{context.target.title} is made again, as a person was asked", {})
        await apply_layer(context, context.target)
        await prove_serving(context, context.target, step)
    if rules & _OF_ALIAS:
        context.note(step, "the alias is put where the move left it, as a person was asked", {})
        why = Reason("Somebody changed the alias meanwhile; it is put where the move left it, as a person was asked.")
        await point_alias(context, _members_left(context, progress, steps)[0], why)
    return bool(rules & (_OF_TARGET | _OF_ALIAS))


def _asked_before(progress: Progress, step: str) -> bool:
    """Past the point of no return: was a person asked at this very step?"""
    return _phase(progress) is Phase.COMMITTED and any(one.startswith(f"{step}: ") for one in progress.failures)


def _way_on(progress: Progress, found: Sequence[Drift], model: str) -> str:
    if _phase(progress) is not Phase.COMMITTED:
        return f"put it back and pointsman resume {model}, or pointsman rollback {model}"
    rules = {one.rule.id for one in found}
    if rules & _OF_TARGET:
        return f"pointsman resume {model} makes the target again and finishes"
    if rules & _OF_ALIAS:
        return f"pointsman resume {model} puts the alias where the move left it and finishes"
    return "put it back"


def _phase(progress: Progress) -> Phase:
    if progress.state in (State.COMMITTED, State.FORWARD_STUCK):
        return Phase.COMMITTED
    return Phase.PROVED if progress.done("contract") else Phase.UNPROVED


Found = Sequence[tuple[str, str]]
"""Ids of rules, and what was noticed."""


def _alias(context: Context, progress: Progress, steps: Sequence[Step], found: Sequence[Member]) -> Found:
    """The alias may stand where the last step left it, or where one that was begun was to put it."""
    known = _members_left(context, progress, steps)
    if any(frozenset(found) == frozenset(one) for one in known):
        return []
    return [("alias", f"it points at {said(found)}, the move left {said(known[0])}")]


def _members_left(context: Context, progress: Progress, steps: Sequence[Step]) -> list[Sequence[Member]]:
    """Where the alias may stand: where the last step that moved tenants left it, or one that was begun may have."""
    left: list[Sequence[Member]] = [context.alias.members]
    for step in steps:
        known = progress.steps.get(step.id)
        if known is None or (asked := step.members(context)) is None:
            continue
        if known.last is Event.OUTCOME:
            left = [members_from(known.outcome) if "members" in known.outcome else asked]
        elif known.last in (Event.INTENT, Event.FAILED):
            left = [*left, asked]
    return left


async def _objects(context: Context, progress: Progress) -> Found:
    """Only where the strategy itself leaves both sides at their full size."""
    if progress.plan.strategy != "side-by-side":
        return []
    found: list[tuple[str, str]] = []
    if progress.done("serve-ready"):
        proved = progress.steps["serve-ready"].outcome.get("replicas")
        found += await _side(context, context.target, "target", int(proved) if proved else None)
    parking = progress.steps.get("park")
    if parking is None or parking.begun is None:
        before = [one for one in progress.captured.first.values() if _serves(one, context.source)]
        found += await _side(context, context.source, "source", len(before) if progress.captured.complete else None)
    return found


def _serves(entry: Any, layer: Layer) -> bool:
    return bool(entry["layer"] == layer.id and entry["role"] == "serve")


async def _side(context: Context, layer: Layer, side: str, expected: int | None) -> Found:
    gone = await _gone(context, layer, side)
    if gone:
        return [(f"{side}-deleted", f"{gone} is gone or on its way out")]
    live = await read_live(context.cluster, layer, context.model)
    if layer.parked(context.model, live):
        return [(f"{side}-gone", f"{layer.title} was scaled to nothing")]
    if expected is None:
        return []
    now = await _pods(context, layer, expected)
    if now == expected:
        return []
    what = f"{layer.title} has {count_of(now, 'engine pod')}, the move found {expected}"
    if side == "source":
        return [("source-other", what)]
    return [("target-fewer" if now < expected else "target-more", what)]


async def _gone(context: Context, layer: Layer, side: str) -> Ref | None:
    """An object that has to be there and is not: of the target all that was applied, of the source the main one."""
    refs = [layer.reads(context.model)[0], layer.endpoint(context.model).service]
    if side == "target":
        refs += [ref_of(manifest) for manifest in layer.render(context.model)]
    wanted = list(dict.fromkeys(refs))
    found = await asyncio.gather(*(context.cluster.find(ref) for ref in wanted))
    for ref, one in zip(wanted, found, strict=True):
        if one is None or "deletionTimestamp" in one.get("metadata", {}):
            return ref
    return None


async def _pods(context: Context, layer: Layer, expected: int) -> int:
    """Engine pods that tenants are answered by; a pod that is being replaced is given a moment."""
    deadline = context.clock.monotonic() + MOMENT
    while True:
        pods = await engine_pods(context.cluster, layer, context.model)
        now = sum(1 for one in pods if one.role == "serve" and not one.terminating)
        if now >= expected or context.clock.monotonic() >= deadline:
            return now
        await context.clock.sleep(LOOK)


async def _edge(context: Context, progress: Progress, steps: Sequence[Step], alias: AliasState) -> Found:
    """Replicas have to run what the move left; who rolled them, and for which other edits, is all the same."""
    if _rolling(context, progress, steps):
        return []
    left = [frozenset(one) for one in _members_left(context, progress, steps)]
    deadline = context.clock.monotonic() + ROLL
    while True:
        staying = [one for one in await context.edge.replicas() if not one.terminating]
        other = [one for one in staying if one.members is None or frozenset(one.members) not in left]
        if not other or context.clock.monotonic() >= deadline:
            break
        await context.clock.sleep(LOOK)
    if other:
        return [("edge-other", f"replica {other[0].name} {_runs(other[0])}, the move left {said(alias.members)}")]
    fresh = sorted({one.name for one in staying} - set(progress.captured.edge))
    return [("edge-same", f"replica {fresh[0]} is new since the last step")] if progress.captured.edge and fresh else []


def _rolling(context: Context, progress: Progress, steps: Sequence[Step]) -> bool:
    """Was a step that rolls the edge begun and not ended? Then its replicas are between two configurations."""
    begun = {name for name, one in progress.steps.items() if one.begun is not None and one.last is not Event.OUTCOME}
    return any(step.members(context) is not None for step in steps if step.id in begun)


def _runs(replica: Replica) -> str:
    if replica.members is None:
        return f"does not say what it runs ({replica.why or 'it is not ready'})"
    return f"runs {said(replica.members)}"


async def _model(context: Context, progress: Progress) -> Found:
    found = await context.cluster.find(Ref(kind_of("ConfigMap"), f"model-{context.model.name}", NAMESPACE))
    if found is None:
        return []
    try:
        now = from_json((found.get("data") or {}).get("model.json", ""))
    except ValueError:
        return [("model", "what is kept of it cannot be read")]
    if now == progress.plan.spec:
        return []
    return [("model", f"changed: {', '.join(_changed(progress.plan.spec, now)) or 'its shape'}")]


def _changed(before: Any, after: Any, path: str = "") -> list[str]:
    """Paths of what differs, the first few."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        found = [one for key in keys for one in _changed(before.get(key), after.get(key), f"{path}.{key}")]
        return found[:3]
    return [] if before == after else [path.lstrip(".")]
