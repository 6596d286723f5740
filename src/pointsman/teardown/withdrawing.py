"""The alias of a model leaves the edge, and every replica has to have forgotten it.

From then on tenants get the edge's own answer for a name that it does not know, at once, instead of waiting for engines
that go.
"""

from __future__ import annotations

from typing import Any

from pointsman.edge.contract import Member, Reason, said
from pointsman.errors import ClusterError, NeedsPersonError
from pointsman.leaving.pointing import layers_in
from pointsman.move.context import Context
from pointsman.move.steps.alias import AGAIN, behind

__all__ = ["known_as", "refuse_pointed", "withdraw"]

LOOK = 0.5
"""Seconds between two looks at the edge's replicas."""
EACH = 1
"""Marked requests for each replica, to see what tenants get."""


async def known_as(context: Context) -> dict[str, Any]:
    """The names by which the edge knows the model, declared or run, and its members, before any of them goes."""
    ours = await _ours(context)
    names = sorted({one.alias or context.model.spec.tenant.alias for one in ours})
    return {"aliases": names, "members": said(ours)}


async def withdraw(context: Context) -> dict[str, int]:
    """Take the model's members out of the edge; what marked requests got after that, counted by kind."""
    edge, ours = context.edge, await _ours(context)
    if ours:
        await _removed(context)
    await _forgotten(context)
    replicas = list(await edge.names_of_replicas())
    seen = await edge.observe(EACH * len(replicas)) if replicas else None
    answered = sorted(set(seen.answered) & {one.id for one in ours}) if seen else []
    if answered:
        raise NeedsPersonError(
            f"alias {context.model.spec.tenant.alias} is withdrawn, and a request was still answered by {answered[0]}",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="look at the edge's log, then run this again",
            code="teardown-served",
        )
    return dict(seen.failed) if seen else {}


async def _ours(context: Context) -> list[Member]:
    """Members of ours that are declared, or that a replica runs."""
    run = [one for each in await context.edge.replicas() for one in each.members or ()]
    return list(dict.fromkeys(one for one in (*context.alias.members, *run) if one.ours))


async def _removed(context: Context) -> None:
    late = await behind(context, context.options.roll_timeout)
    if late:
        raise NeedsPersonError(
            f"the edge does not catch up with what tenants ask: {late}; a replica that is ended now loses requests of "
            "other aliases, too",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="give the edge more replicas or CPU, then run this again",
            code="edge-behind",
        )
    why = Reason(f"{context.model.name} is taken away; nobody answers its tenants any more.")
    for last in (False, True):
        try:
            await context.edge.remove(why)
            left = [one for one in (await context.edge.read()).members if not one.ours]
            await context.edge.confirm(left, timeout=context.options.roll_timeout)
        except ClusterError as error:
            if last or error.code not in AGAIN:
                raise
        else:
            return


async def _forgotten(context: Context) -> None:
    """Until no replica runs the model's members, those on their way out too."""
    deadline = context.clock.monotonic() + context.options.roll_timeout
    while known := await _known(context):
        if context.clock.monotonic() >= deadline:
            layer, how = next(iter(known.items()))
            raise NeedsPersonError(
                f"alias {context.model.spec.tenant.alias} is withdrawn, and tenants may still reach "
                f"{layer or 'any of its layers'}: {how}",
                where=f"alias {context.model.spec.tenant.alias}",
                next_action="look at that replica of the edge, or at who put the alias back; then run this again",
                code="teardown-served",
            )
        await context.clock.sleep(LOOK)


async def _known(context: Context) -> dict[str, str]:
    found = await layers_in(context.model, await context.edge.read(), await context.edge.replicas(), None)
    return dict(found)


async def refuse_pointed(context: Context) -> None:
    """Raise NeedsPersonError when the alias was put back since it was withdrawn."""
    known = await _known(context)
    how = known.get(context.source.id) or known.get("")
    if how:
        raise NeedsPersonError(
            f"alias {context.model.spec.tenant.alias} points at {context.source.title} again ({how})",
            where=f"alias {context.model.spec.tenant.alias}",
            next_action="find out who put it back (kubectl get configmap --show-managed-fields); take it out, then run "
            "this again",
            code="teardown-served",
        )
