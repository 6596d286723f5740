"""Can the edge be rolled without a gap? What the Deployment, its Service, budgets and claims say, before it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from pointsman.edge.roll_gaps import Around, gaps
from pointsman.edge.roll_pods import bound_to_nodes, claim_names
from pointsman.errors import ClusterError, NotFoundError, PermanentError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Object
from pointsman.move.context import Context

__all__ = ["edge_rolls"]


async def edge_rolls(context: Context) -> str:
    """What a roll of the edge means for tenants; raises RefusedError when it leaves them without a replica."""
    settings = context.model.spec.tenant.edge
    ref = Ref(kind_of("Deployment"), settings.deployment, settings.namespace)
    deployment = await context.cluster.find(ref)
    if deployment is None:
        return f"not known: there is no {ref}"
    around, unread = await _around(context, deployment)
    found = gaps(deployment, around)
    refused = [one for one in found if one.refuse]
    if refused:
        raise RefusedError(
            "; ".join(one.what for one in refused),
            where=str(ref),
            next_action=" and ".join(one.next_action for one in refused),
            code="preflight.edge-rolls",
        )
    said = [f"warning: {one.what}, mended by {one.next_action}" if one.next_action else one.what for one in found]
    return "; ".join([*said, *unread])


async def _around(context: Context, deployment: Object) -> tuple[Around, list[str]]:
    settings = context.model.spec.tenant.edge
    service, (budgets, unread), claims, nodes, rate = await asyncio.gather(
        context.cluster.find(Ref(kind_of("Service"), settings.service, settings.namespace)),
        _budgets(context),
        _claims(context, deployment),
        _nodes(context, deployment),
        _per_second(context),
    )
    around = Around(settings.config_map, service, budgets, claims, nodes, rate, context.options.roll_timeout)
    return around, [f"not known: {unread}"] if unread else []


async def _budgets(context: Context) -> tuple[Sequence[Object], str]:
    """Those of the namespace, or why they are not known."""
    try:
        return await context.cluster.list(kind_of("PodDisruptionBudget"), context.model.spec.tenant.edge.namespace), ""
    except NotFoundError:
        return [], ""
    except PermanentError:
        return [], "you may not list poddisruptionbudgets.policy"


async def _claims(context: Context, deployment: Object) -> list[Object]:
    space = context.model.spec.tenant.edge.namespace
    refs = [Ref(kind_of("PersistentVolumeClaim"), name, space) for name in claim_names(deployment)]
    found = await asyncio.gather(*(context.cluster.find(ref) for ref in refs))
    return [one for one in found if one is not None]


async def _nodes(context: Context, deployment: Object) -> int | None:
    """Nodes that may take its pods, when each needs one of its own."""
    if not bound_to_nodes(deployment):
        return None
    wanted = deployment["spec"]["template"]["spec"].get("nodeSelector") or {}
    return sum(1 for one in await context.cluster.list(kind_of("Node")) if _takes(one, wanted))


def _takes(node: Object, wanted: Mapping[str, str]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    labels = node["metadata"].get("labels") or {}
    return ready and not (node.get("spec") or {}).get("unschedulable") and wanted.items() <= labels.items()


async def _per_second(context: Context) -> float | None:
    """Requests that the edge answers, on average since its replicas started; None when they do not count."""
    try:
        counted = await context.edge.answered()
    except ClusterError:
        return None
    rates = await asyncio.gather(*(_rate(context, name, counts) for name, counts in counted.items() if counts))
    known = [one for one in rates if one is not None]
    return sum(known) if known else None


async def _rate(context: Context, name: str, counts: Mapping[str, int]) -> float | None:
    pod = await context.cluster.find(Ref(kind_of("Pod"), name, context.model.spec.tenant.edge.namespace))
    started = str(((pod or {}).get("status") or {}).get("startTime") or "")
    if not started:
        return None
    seconds = (context.clock.now() - datetime.fromisoformat(started)).total_seconds()
    return sum(counts.values()) / seconds if seconds > 0 else None
