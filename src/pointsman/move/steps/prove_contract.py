"""Step ``contract``: every serving pod of the target keeps the promise, before tenants reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from pointsman.edge.contract import Member
from pointsman.errors import MoveFailedError, TemporaryError
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.judging.contract_gate import CHECKS, Check, Pair, Reference, reference_of
from pointsman.move.judging.imprints import NOTHING, Imprint, imprint_of
from pointsman.move.probes.engine import Engine, connect
from pointsman.move.probes.pods import EnginePod, engine_pods
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.waits import Wait

__all__ = ["ProveContract", "prove_contract"]

AT_ONCE = 4
"""Passages that an engine without tenants is asked at once."""


class ProveContract:
    """Run every check of the gate against every serving pod of the target."""

    id = "contract"
    commits = False
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"ask every engine of {context.target.title}, past gateways and proxies",
            check="; ".join(f"{check.id}: {check.promise}" for check in CHECKS),
            undo="nothing to take back",
        )

    async def validate(self, context: Context) -> Detail:
        """Nothing to remember."""
        return {}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Run the gate."""
        return await prove_contract(context, context.target, context.source, self.id, long=True)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed."""
        return {}


async def prove_contract(
    context: Context, target: Layer, source: Layer | None, step: str, *, long: bool = False
) -> Detail:
    """Run the gate on all serving pods of ``target``; raises MoveFailedError with the check's id as its code.

    ``long`` ones are made once a move, all pods at once, and never while tenants wait for the target.
    """
    pods = await _serving(context, target)
    if not pods:
        raise MoveFailedError(f"no engine pod of {target.title} serves any more", code="no-engine")
    evidence: dict[str, dict[str, str]] = {}
    pairs: list[tuple[Pair, EnginePod]] = []
    short, lengthy = [one for one in CHECKS if not one.long], [one for one in CHECKS if one.long]
    async with AsyncExitStack() as stack:
        compared = await _compared(stack, context, source)
        shown = await context.edge.shown_keys()
        for pod in pods:
            engine = await stack.enter_async_context(connect(context.cluster, context.wire, context.model, pod))
            mine = NOTHING if compared is None else await _imprint(engine, pod)
            pairs.append((Pair(context.model, engine, compared, tuple(shown), mine), pod))
            evidence[pod.name] = await _check(short, *pairs[-1])
        if long and "reference" not in context.outcomes:
            with context.waits.during(Wait.EVIDENCE):
                found = await asyncio.gather(*(_check(lengthy, *one) for one in pairs))
            for (_, pod), seen in zip(pairs, found, strict=True):
                evidence[pod.name] |= seen
    for check in [one for one in CHECKS if all(one.id in by for by in evidence.values())]:
        said = " | ".join(dict.fromkeys(by[check.id] for by in evidence.values()))
        context.note(step, f"{check.id}: {said}", {})
    return {"checks": evidence}


async def _serving(context: Context, layer: Layer) -> list[EnginePod]:
    pods = await engine_pods(context.cluster, layer, context.model)
    return [pod for pod in pods if pod.serving and pod.role == "serve"]


async def _compared(stack: AsyncExitStack, context: Context, source: Layer | None) -> Reference | None:
    """What the source answered: kept by an earlier step where it is gone by now, else asked of it."""
    kept = context.outcomes.get("reference")
    if kept is not None:
        return Reference.from_dict(kept)
    if source is None:
        return None
    pods = await _serving(context, source)
    if not pods:
        raise MoveFailedError("the source has no engine that serves, there is nothing to compare with", code="weights")
    engine = await stack.enter_async_context(connect(context.cluster, context.wire, context.model, pods[0]))
    try:
        return await reference_of(context.model, engine)
    except TemporaryError as error:
        raise MoveFailedError(
            f"the source does not answer what the target is compared with: {error.what}",
            where=f"Pod {pods[0].namespace}/{pods[0].name}",
            code="weights",
        ) from error


async def _imprint(engine: Engine, pod: EnginePod) -> Imprint:
    try:
        return await imprint_of(engine, at_once=AT_ONCE)
    except TemporaryError as error:
        where = f"Pod {pod.namespace}/{pod.name}"
        raise MoveFailedError(f"no answer to weights: {error.what}", where=where, code="weights") from error


async def _check(checks: Sequence[Check], pair: Pair, pod: EnginePod) -> dict[str, str]:
    """All of them at once; of several that fail, the first in the catalogue's order is told."""
    where = f"Pod {pod.namespace}/{pod.name}"
    found = await asyncio.gather(*(check.run(pair) for check in checks), return_exceptions=True)
    for check, result in zip(checks, found, strict=True):
        if isinstance(result, TemporaryError):
            raise MoveFailedError(f"no answer to {check.id}: {result.what}", where=where, code=check.id) from result
        if isinstance(result, MoveFailedError):
            result.where = result.where or where
            result.code = check.id
            raise result
        if isinstance(result, BaseException):
            raise result
    return {check.id: str(result) for check, result in zip(checks, found, strict=True)}
