"""What of others leads to the source's engines past the edge: Services, HTTPRoutes, Ingresses, InferencePools.

A move shifts what calls through the alias; what calls past it finds no engine once the source is parked. What the layer
or its controller made is no neighbour. Selectors reach within their namespace, as do Ingresses; an HTTPRoute may lead
into another one, and so may a Service of type ExternalName (kubernetes 1.34, Gateway API 1.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.kube.resources import Ref, ref_of
from pointsman.move.boundary import Object

__all__ = ["Neighbour", "Roads", "neighbours"]

_POOLS = {"inference.networking.k8s.io", "inference.networking.x-k8s.io"}
Road = tuple[str, str, str]
"""Kind, namespace and name of what leads to engines."""


@dataclass(frozen=True, slots=True)
class Roads:
    """What was read of a cluster."""

    pods: Sequence[Object]
    """The source's engines."""
    services: Sequence[Object] = ()
    pools: Sequence[Object] = ()
    routes: Sequence[Object] = ()
    ingresses: Sequence[Object] = ()
    makers: Sequence[Ref] = ()
    """The layer's objects: what one of their controllers made is the layer's."""
    own: Sequence[Ref] = ()
    """The layer's too."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One object of somebody else's, and how it leads to the source."""

    ref: Ref
    how: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.ref} {self.how}; what calls it is not moved and finds no engine when the source is parked"


def neighbours(roads: Roads) -> list[Neighbour]:
    """In the order of kinds, then of names."""
    selecting = [one for one in (*roads.services, *roads.pools) if _selects(one, roads.pods)]
    ends = {_road(one) for one in selecting}
    found = [Neighbour(ref_of(one), "selects the source's pods") for one in selecting if not _layers_own(one, roads)]
    names = [one for one in roads.services if _named_by(one, ends) and not _layers_own(one, roads)]
    found += [Neighbour(ref_of(one), f"is another name of {_said(_named_by(one, ends))}") for one in names]
    ends |= {_road(one) for one in names}
    for one, leads in _leading(roads, ends):
        if not _layers_own(one, roads):
            found.append(Neighbour(ref_of(one), f"leads to {', '.join(_said(road) for road in leads)}"))
    return found


def _spec(found: Object) -> Mapping[str, Any]:
    return found.get("spec") or {}


def _road(found: Object) -> Road:
    return found["kind"], str(found["metadata"].get("namespace")), str(found["metadata"]["name"])


def _said(road: Road | None) -> str:
    return f"{road[0]} {road[1]}/{road[2]}" if road else ""


def _selects(found: Object, pods: Sequence[Object]) -> bool:
    selector = _spec(found).get("selector") or {}
    wanted: Mapping[str, str] = selector.get("matchLabels") or {} if found["kind"] == "InferencePool" else selector
    return bool(wanted) and any(
        pod["metadata"].get("namespace") == found["metadata"].get("namespace")
        and wanted.items() <= (pod["metadata"].get("labels") or {}).items()
        for pod in pods
    )


def _layers_own(found: Object, roads: Roads) -> bool:
    makers = {(one.kind.name, one.name) for one in roads.makers}
    owners = found["metadata"].get("ownerReferences") or []
    return ref_of(found) in roads.own or any((one.get("kind"), one.get("name")) in makers for one in owners)


def _named_by(service: Object, ends: Iterable[Road]) -> Road | None:
    """The Service that an ExternalName stands for."""
    if _spec(service).get("type") != "ExternalName":
        return None
    parts = str(_spec(service).get("externalName", "")).rstrip(".").split(".")
    road = ("Service", parts[1] if len(parts) > 2 and parts[2] == "svc" else "", parts[0])
    return road if road in set(ends) else None


def _leading(roads: Roads, ends: set[Road]) -> Iterator[tuple[Object, list[Road]]]:
    for one in (*roads.routes, *roads.ingresses):
        to = _of_route(one) if one["kind"] == "HTTPRoute" else _of_ingress(one)
        leads = [road for road in dict.fromkeys(to) if road in ends]
        if leads:
            yield one, leads


def _of_route(route: Object) -> Iterator[Road]:
    """Back ends, and those that get copies of requests."""
    home = str(route["metadata"].get("namespace"))
    for rule in _spec(route).get("rules") or []:
        backends = list(rule.get("backendRefs") or [])
        for each in (rule, *backends):
            mirrors = (one.get("requestMirror") or {} for one in each.get("filters") or [])
            yield from (_backend(one["backendRef"], home) for one in mirrors if "backendRef" in one)
        yield from (_backend(one, home) for one in backends)


def _backend(backend: Mapping[str, Any], home: str) -> Road:
    kind = "InferencePool" if backend.get("group") in _POOLS else str(backend.get("kind") or "Service")
    return kind, str(backend.get("namespace") or home), str(backend.get("name"))


def _of_ingress(ingress: Object) -> Iterator[Road]:
    home = str(ingress["metadata"].get("namespace"))
    spec = _spec(ingress)
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    for backend in [spec.get("defaultBackend") or {}, *(path.get("backend") or {} for path in paths)]:
        if backend.get("service"):
            yield "Service", home, str(backend["service"].get("name"))
