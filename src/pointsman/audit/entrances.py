"""Load balancers and Gateways that lead to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pointsman.audit.finding import Finding, Ground, kept_by, kubectl, place_of
from pointsman.audit.kserve import UNREAD
from pointsman.cost.entrances import addresses_of
from pointsman.cost.models import Owner, gateways_of
from pointsman.kube.resources import ref_of
from pointsman.move.boundary import Object

__all__ = ["balancers", "gateways"]

OF_GATEWAY = "gateway.networking.k8s.io/gateway-name"


def balancers(ground: Ground) -> Iterator[Finding]:
    """Services with a load balancer whose selector finds no pod, nor a workload that would make one.

    One without a selector has endpoints by hand, and a Gateway's own is judged with the Gateway.
    """
    if not ground.needs("load balancers", ("Service", "Pod", "Deployment", "StatefulSet", "DaemonSet", "Model")):
        return
    for one in ground.sight.of("Service"):
        selector = one["spec"].get("selector") or {}
        if one["spec"].get("type") != "LoadBalancer" or not selector or not addresses_of(one):
            continue
        known = ref_of(one) in ground.owners.refs or OF_GATEWAY in (one["metadata"].get("labels") or {})
        if known or "deletionTimestamp" in one["metadata"] or _leads(ground, place_of(one)[0], selector):
            continue
        name = f"Service {'/'.join(place_of(one))}"
        money, why = ground.money(name)
        what = f"its load balancer ({', '.join(addresses_of(one))}) leads to no pod, and no workload would make one"
        yield Finding("load-balancer", name, kept_by(one), what, kubectl("delete", one), "", money, why)


def _leads(ground: Ground, namespace: str, selector: Mapping[str, str]) -> bool:
    if next(ground.pods_with(namespace, selector), None) is not None:
        return True
    made = (
        one["spec"].get("template") or {}
        for kind in ("Deployment", "StatefulSet", "DaemonSet")
        for one in ground.sight.of(kind)
        if place_of(one)[0] == namespace
    )
    said = ((one.get("metadata") or {}).get("labels") or {} for one in made)
    return any(selector.items() <= each.items() for each in said)


def gateways(ground: Ground) -> Iterator[Finding]:
    """Gateways that no route is attached to, and that no model that is there, parked or not, is reached by.

    KServe's own stays while KServe is there: without it no InferenceService is ready.
    """
    kinds = ("Gateway", "HTTPRoute", "LLMInferenceService", "Service", "Model")
    if not ground.needs("Gateways", kinds):
        return
    named = ground.held(ground.owners.gateways)
    for kind in ("HTTPRoute", "LLMInferenceService"):
        for one in ground.sight.of(kind):
            named |= gateways_of(one)
    for one in ground.sight.of("Gateway"):
        if place_of(one) in named or _attached(one) or "deletionTimestamp" in one["metadata"]:
            continue
        name = f"Gateway {'/'.join(place_of(one))}"
        if ground.of_kserve == UNREAD:
            ground.unseen[name] = "KServe's configuration may not be read, which names a Gateway that has to stay"
        if ground.of_kserve in (UNREAD, "/".join(place_of(one))):
            continue
        money, why = ground.money(name, *_services(ground, place_of(one)))
        what = _unused(ground.owners.gateways.get(place_of(one)))
        yield Finding("gateway", name, kept_by(one), what, kubectl("delete", one), "", money, why)


def _unused(owner: Owner | None) -> str:
    if owner is None:
        return "no route is attached to it, and no model is reached by it"
    return f"no route is attached to it: of model {owner.model}, which is reached by it, only a file is here"


def _attached(gateway: Object) -> bool:
    """Routes of all kinds, as its controller counts them."""
    return any(one.get("attachedRoutes") for one in (gateway.get("status") or {}).get("listeners") or [])


def _services(ground: Ground, place: tuple[str, str]) -> Iterator[str]:
    for one in ground.sight.of("Service"):
        home, name = place_of(one)
        if (home, (one["metadata"].get("labels") or {}).get(OF_GATEWAY)) == place:
            yield f"Service {home}/{name}"
