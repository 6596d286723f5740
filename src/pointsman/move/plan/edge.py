"""What is asked of the edge before a move: does it follow weights, run what it declares, and who reaches the source?"""

from __future__ import annotations

from pointsman.edge.contract import AliasState, Replica, said
from pointsman.errors import RefusedError
from pointsman.move.context import Context
from pointsman.move.judging.askers import addresses, is_left
from pointsman.move.plan.refusing import refuse
from pointsman.move.steps.alias import behind
from pointsman.move.waits import Wait
from pointsman.report.counting import count_of

__all__ = ["edge_healthy", "edge_settings", "reached"]

SETTLE = 20.0
"""Seconds an edge may take to be ready before a move is refused."""
_TOLD = 5
"""Names that a refusal tells; the others are counted."""


async def edge_healthy(context: Context) -> str:
    """A replica may be slow for a moment under load: it is given some seconds to be ready again."""
    deadline = context.clock.monotonic() + SETTLE
    while True:
        replicas = [one for one in await context.edge.replicas() if not one.terminating]
        lagging = [why for one in replicas if (why := _lag(one, context.alias))]
        if replicas and not lagging:
            if late := await behind(context, max(0.0, deadline - context.clock.monotonic())):
                raise refuse(
                    "edge-healthy",
                    f"the tenant edge does not catch up with what tenants ask: {late}",
                    next_action="give it more replicas or CPU; a replica that is ended now loses requests",
                )
            if len(replicas) == 1:
                return "1 replica runs what is declared, as it says itself"
            return f"{count_of(len(replicas), 'replica')} run what is declared, as they say themselves"
        if context.clock.monotonic() >= deadline:
            break
        with context.waits.during(Wait.EDGE_ROLL):
            await context.clock.sleep(1.0)
    edge = context.model.spec.tenant.edge
    raise refuse(
        "edge-healthy",
        f"the tenant edge is not settled after {SETTLE:g} s: {lagging[0] if lagging else 'it has no replica'}",
        next_action=f"kubectl rollout restart -n {edge.namespace} deployment/{edge.deployment} makes every replica "
        "read what is declared; while one is under way, wait until it is complete",
    )


def _lag(replica: Replica, alias: AliasState) -> str:
    """Why a replica is not at one with the declaration; empty when it is."""
    if not replica.ready:
        return f"replica {replica.name} is not ready"
    if replica.members is None:
        return f"replica {replica.name} does not say what it has loaded: {replica.why}"
    if not replica.runs(alias.members):
        return f"replica {replica.name} runs {said(replica.members)}, declared is {said(alias.members)}"
    return ""


async def edge_settings(context: Context) -> str:
    """What LiteLLM would do with the weights that a move writes."""
    found = await context.edge.obstacles()
    for one in found:
        if one.level == "refuse":
            raise RefusedError(one.sentence, where=one.place, next_action=one.action, code=f"preflight.{one.code}")
    return "; ".join(["it follows weights", *(f"warning: {one.sentence}" for one in found)])


async def reached(context: Context) -> str:
    """Nobody finds the engine gone unasked: every name of the edge that reaches the source moves or is left."""
    found = await context.edge.reaching(addresses(context, context.source))
    harmed = [one for one in found if not one.harmless]
    unnamed = [one for one in harmed if not is_left(context, one)]
    if unnamed:
        told = "; ".join(f"{one.name} ({one.how}, {one.place})" for one in unnamed[:_TOLD])
        more = f"; and {len(unnamed) - _TOLD} more" if len(unnamed) > _TOLD else ""
        names = ", ".join(dict.fromkeys(one.name for one in unnamed))
        raise refuse(
            "aliases",
            f"{context.source.title} is reached by other names too, and would be gone for them: {told}{more}",
            where=unnamed[0].place,
            next_action=f"move them along (spec.tenant.aliases: [{names}]), or say that they may lose their engine: "
            + " ".join(f"--leave '{name}'" for name in dict.fromkeys(one.name for one in unnamed)),
        )
    _refuse_left_nobody(context, {one.name for one in harmed})
    parts = [f"moves {', '.join(context.edge.names)}"]
    left = list(dict.fromkeys([*context.options.leave, *(one.name for one in harmed)]))
    parts += (
        [f"{', '.join(left)} {'loses its' if len(left) == 1 else 'lose their'} engine, as --leave says"] if left else []
    )
    parts += [f"{one.name} {one.how}" for one in found if one.harmless]
    return "; ".join(parts)


def _refuse_left_nobody(context: Context, harmed: set[str]) -> None:
    """A name after ``--leave`` that reaches nothing was meant otherwise."""
    wrong = [one for one in context.options.leave if one not in harmed]
    if wrong:
        raise refuse(
            "aliases",
            f"--leave {wrong[0]}: no name {wrong[0]} reaches {context.source.title} without moving along",
            next_action=f"leave it out; what reaches it: {', '.join(sorted(harmed)) or 'nothing else'}",
        )
