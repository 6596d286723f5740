"""Routes to models that go, and Gateways that only they are reached by. Pure.

A Gateway that a route of anybody else hangs on stays, and so does one that an Application, a Helm release or another
object keeps: it goes with that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.cost.models import OURS, Owners, gateways_of
from pointsman.kube.resources import Ref, ref_of
from pointsman.move.boundary import Object
from pointsman.owners.marks import controller_of, helm_release, labels, tracked

__all__ = ["Entrance", "entrances_of", "leads_to_ours_alone", "users_of"]

SERVICES = ("InferenceService", "LLMInferenceService")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A route or a Gateway."""

    ref: Ref
    uid: str
    stays: str = ""
    """Why it is left; empty when it goes."""
    models: frozenset[str] = frozenset()
    """Those that a route leads to."""


def entrances_of(
    routes: Sequence[Object], services: Sequence[Object], found: Sequence[Object], owners: Owners
) -> Iterator[Entrance]:
    """Routes first: what hangs on a Gateway goes before it.

    Args:
        routes: all HTTPRoutes.
        services: all InferenceServices and LLMInferenceServices.
        found: all Gateways.
        owners: of the models that go.
    """
    for one in routes:
        if controller_of(one) is None and leads_to_ours_alone(one, owners):
            yield Entrance(ref_of(one), _uid(one), _kept(one), _led_to(one, owners))
    ours = {
        *owners.gateways,
        *(place for one in (*routes, *services) if _is_ours(one, owners) for place in gateways_of(one)),
    }
    for one in found:
        ref = ref_of(one)
        if (ref.namespace or "", ref.name) not in ours:
            continue
        users = users_of(ref, one, [*routes, *services], owners)
        yield Entrance(ref, _uid(one), f"{users[0]} uses it" if users else _kept(one))


def users_of(ref: Ref, live: Object, others: Sequence[Object], owners: Owners) -> list[str]:
    """Who else is reached by a Gateway: routes and services that are none of ours, by name."""
    place = (ref.namespace or "", ref.name)
    hanging = [one for one in others if place in gateways_of(one)]
    foreign = [str(ref_of(one)) for one in hanging if not _is_ours(one, owners)]
    routes = sum(one["kind"] == "HTTPRoute" for one in hanging)
    counted = max(
        (int(one.get("attachedRoutes") or 0) for one in (live.get("status") or {}).get("listeners") or []), default=0
    )
    if not foreign and counted > routes:
        foreign.append(f"a route of another kind ({counted} are attached, {routes} HTTPRoutes known)")
    return foreign


def _is_ours(one: Object, owners: Owners) -> bool:
    """Of a model that goes: rendered, with our label, made for an object of ours, or leading to nobody else."""
    if ref_of(one) in owners.refs or labels(one).get(OURS) in owners.names:
        return True
    maker = controller_of(one)
    if maker is not None:
        return any(
            (ref.kind.name, ref.name, ref.namespace)
            == (maker.get("kind"), maker.get("name"), one["metadata"].get("namespace"))
            for ref in owners.refs
        )
    return one["kind"] == "HTTPRoute" and leads_to_ours_alone(one, owners)


def leads_to_ours_alone(route: Object, owners: Owners) -> bool:
    """Has it backends, and are all of them of models that go?"""
    behind = list(_backends(route))
    known: Collection[tuple[str, str, str]] = {(ref.kind.name, ref.namespace or "", ref.name) for ref in owners.refs}
    return bool(behind) and all(one in known for one in behind)


def _led_to(route: Object, owners: Owners) -> frozenset[str]:
    behind = set(_backends(route))
    places = ((owner, (ref.kind.name, ref.namespace or "", ref.name)) for ref, owner in owners.refs.items())
    return frozenset(owner.model for owner, place in places if place in behind)


def _backends(route: Object) -> Iterator[tuple[str, str, str]]:
    home = str(route["metadata"].get("namespace") or "")
    for rule in (route.get("spec") or {}).get("rules") or []:
        for one in rule.get("backendRefs") or []:
            yield str(one.get("kind") or "Service"), str(one.get("namespace") or home), str(one.get("name"))


def _kept(one: Mapping[str, Any]) -> str:
    if maker := controller_of(one):
        return f"{maker.get('kind')} {maker.get('name')} keeps it"
    if owner := tracked(one, ref_of(one)):
        return f"Application {owner} keeps it"
    release = helm_release(one)
    return f"Helm release {release} keeps it" if release else ""


def _uid(one: Object) -> str:
    return str(one["metadata"].get("uid") or "")
