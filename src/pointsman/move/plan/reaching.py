"""Looks up what of others leads to the source's engines, each list once; what may not be read is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pointsman.errors import NotFoundError, PermanentError
from pointsman.kube.resources import kind_of, ref_of
from pointsman.kube.rights import Right, rights
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.plan.neighbours import Roads, neighbours

__all__ = ["others_reach", "rights_to_look_around"]


def rights_to_look_around() -> list[Right]:
    """What reading them takes, in the whole cluster. None of it is needed: what is missing is said."""
    kinds = ("Service", "InferencePool", "HTTPRoute", "Ingress")
    return [right for kind in kinds for right in rights(["list"], kind_of(kind))]


async def others_reach(context: Context) -> str:
    """Who is not moved, and finds no engine afterwards. Refuses nothing: they are not this move's to look after."""
    layer, model = context.source, context.model
    spaces = sorted({one.namespace for one in layer.engines(model)})
    listed = [context.cluster.list(kind_of("Pod"), one.namespace, one.labels) for one in layer.engines(model)]
    pods, services, names, pools, routes, ingresses = await asyncio.gather(
        asyncio.gather(*listed),
        _within(context, "Service", spaces),
        _listed(context, "Service", fields="spec.type=ExternalName"),
        _within(context, "InferencePool", spaces),
        _listed(context, "HTTPRoute"),
        _within(context, "Ingress", spaces),
    )
    roads = Roads(
        pods=[pod for part in pods for pod in part],
        services=_once([*services[0], *names[0]]),
        pools=pools[0],
        routes=routes[0],
        ingresses=ingresses[0],
        makers=layer.reads(model),
        own=[ref_of(one) for one in layer.render(model)],
    )
    found = [f"warning: {one.sentence}" for one in neighbours(roads)]
    unread = [why for _, why in (services, names, pools, routes, ingresses) if why]
    nobody = "no Service, InferencePool, HTTPRoute or Ingress of others leads to the source"
    return "; ".join([*(found or [nobody]), *(f"not known: {why}" for why in dict.fromkeys(unread))])


def _once(found: Sequence[Object]) -> list[Object]:
    return list({ref_of(one): one for one in found}.values())


async def _within(context: Context, kind: str, namespaces: Sequence[str]) -> tuple[list[Object], str]:
    parts = await asyncio.gather(*(_listed(context, kind, space) for space in namespaces))
    return [one for part, _ in parts for one in part], next((why for _, why in parts if why), "")


async def _listed(
    context: Context, kind: str, namespace: str | None = None, fields: str = ""
) -> tuple[list[Object], str]:
    """All of a kind, or why they are not known; none where the kind is not served."""
    try:
        return list(await context.cluster.list(kind_of(kind), namespace, None, fields)), ""
    except NotFoundError:
        return [], ""
    except PermanentError:
        known = kind_of(kind)
        where = f" in namespace {namespace}" if namespace else " in all namespaces"
        return [], f"you may not list {known.plural}{'.' if known.group else ''}{known.group}{where}"
