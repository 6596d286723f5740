"""The road from an alias's member to an engine, through whatever stands between.

An address names a Service; its selector leads to an engine's pods, or it is a Gateway's, whose HTTPRoutes lead on by
host, path and headers. Gateways route by the request's model through a header that is made of the body
(``X-Gateway-Base-Model-Name``). What leads out of what is written here is said, with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pointsman.adopt.attachments import (
    gateways_named,
    gateways_of,
    headers_sent,
    hosts_of,
    named_port,
    selects,
    service_of,
    value_at,
)
from pointsman.adopt.edges import Member
from pointsman.adopt.pieces import mapped
from pointsman.adopt.promise import Engine
from pointsman.adopt.routes import Ask, asked_model, backends_for
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.words import Place

__all__ = ["CLOUD", "ENGINE", "LOST", "UNKNOWN", "Hop", "Road", "Roads"]

ENGINE, CLOUD, LOST, UNKNOWN = "engine", "cloud", "lost", "unknown"
"""How a road ends: at an engine; outside of the cluster; at nothing, though it should lead somewhere; or where nobody
can tell."""
_GATEWAY_LABELS = ("gateway.networking.k8s.io/gateway-name", "gateway.envoyproxy.io/owning-gateway-name")
_KSERVE = re.compile(r"(?P<name>.+)-predictor(?:-default)?")
_LLMD = re.compile(r"(?P<name>.+)-kserve-workload-svc")
_LABELS = ("metadata", "labels")
_PODS = (
    *(
        (kind, ("spec", "template", *_LABELS))
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout")
    ),
    *(
        ("LeaderWorkerSet", ("spec", "leaderWorkerTemplate", part, *_LABELS))
        for part in ("leaderTemplate", "workerTemplate")
    ),
)
"""Where what makes pods says their labels."""
_ALONE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Pod": (_LABELS,),
    "Job": (("spec", "template", *_LABELS),),
    "ReplicationController": (("spec", "template", *_LABELS),),
    "CronJob": (("spec", "jobTemplate", "spec", "template", *_LABELS),),
}
_CHAT = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing on the road."""

    what: str
    """``Service serving/raw-vllm:8000``."""
    where: str


@dataclass(slots=True)
class Road:
    """Where a member leads."""

    member: Member
    hops: list[Hop] = field(default_factory=list)
    end: str = UNKNOWN
    engines: list[Engine] = field(default_factory=list)
    why: str = ""
    """Why it ends as it does, where not at an engine."""
    where: str = ""
    through_gateway: bool = False
    sent_to: int | None = None
    """The port of the engine's pod that the last hop sends to."""
    wrong_port: tuple[Standing, Place, str] | None = None
    """The Service, place and text of a port that no engine listens on."""
    open: bool = False
    """May it lead on to what is not known here?"""
    header: tuple[Standing, Place, str] | None = None
    """The route, place and value of the header that tells the model."""

    def text(self) -> str:
        """In one line."""
        return " → ".join([*(hop.what for hop in self.hops), *(str(one) for one in self.engines)]) or self.why


@dataclass(slots=True)
class Roads:
    """Follows members through one world."""

    world: World
    engines: Sequence[Engine]
    _by_label: dict[tuple[str, Any, str], list[Engine]] | None = None
    """By namespace, label and value."""

    def of(self, member: Member) -> Road:
        """The road of one member."""
        road = Road(member, where=member.where)
        if member.hidden:
            road.why = (
                f"its address is in the variable {member.hidden.removeprefix('os.environ/')} of the edge's process"
            )
            return road
        if not member.base:
            road.end = CLOUD
            road.why = f"a model of {member.provider or 'a provider'}"
            return road
        try:
            parts = urlsplit(member.base)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            road.end, road.why = LOST, f"{member.shown[:80]!r} is no address"
            return road
        self._to_host(road, host.rstrip("."), port, parts.path)
        return road

    def _to_host(self, road: Road, host: str, port: int, path: str) -> None:
        name, namespace = service_of(host, road.member.edge.namespace)
        if not name:
            self._outside(road, host, port, path)
            return
        service = self.world.find("Service", namespace, name)
        if service is not None:
            self._to_service(road, service, port, path, host)
        elif not (self._made(road, name, namespace, port) or self._gateway(road, name, namespace, port, path, host)):
            why = f"there is no Service {namespace}/{name} here, and no Gateway or engine that makes one"
            self._dead(road, why, self.world.beyond(namespace))

    def _outside(self, road: Road, host: str, port: int, path: str) -> None:
        """A host that is no Service: one of the routes', or another's."""
        ask = Ask(host, path + _CHAT, road.member.model, headers_sent(road.member))
        known = [route for route in self.world.of("HTTPRoute") if host in hosts_of(route)]
        isvc = next((one for one in self.engines if host.startswith(f"{one.name}-{one.namespace}.")), None)
        if known:
            road.through_gateway = True
            road.hops.append(Hop(f"{host}:{port}", road.member.where))
            self._through(road, known, ask, known[0].namespace)
        elif isvc is not None and isvc.layer == "kserve":
            road.hops.append(Hop(f"{host} of KServe", isvc.standing.where))
            road.end, road.engines, road.through_gateway = ENGINE, [isvc], True
        elif host in ("localhost", "127.0.0.1"):
            road.why = f"{host} is the edge's own pod"
        else:
            road.end, road.why = CLOUD, f"{host} is outside of the cluster, as far as is written here"

    def _to_service(self, road: Road, service: Standing, port: int, path: str, host: str) -> None:
        spec = mapped(service.data.get("spec"))
        road.hops.append(Hop(f"{service}:{port}", service.where))
        if spec.get("type") == "ExternalName":
            outer = str(spec.get("externalName") or "")
            if len(road.hops) < 5:
                self._to_host(road, outer, port, path)
            return
        selector = mapped(spec.get("selector"))
        named = next((str(selector[label]) for label in _GATEWAY_LABELS if label in selector), "")
        if named:
            gateway = self.world.find("Gateway", service.namespace, named)
            self._from_gateway(road, gateway, path, host)
            return
        chosen = self._selected(selector, service.namespace)
        if not chosen:
            self._to_no_engine(road, service, selector)
            return
        road.engines, road.end = chosen, ENGINE
        self._port(road, service, port)

    def _selected(self, selector: Mapping[str, Any], namespace: str) -> list[Engine]:
        """Engines that a selector leads to, looked for among those of its rarest label."""
        if self._by_label is None:
            self._by_label = {}
            for one in self.engines:
                for key, value in one.pod_labels.items():
                    self._by_label.setdefault((one.namespace, key, str(value)), []).append(one)
        some = [self._by_label.get((namespace, key, str(value)), []) for key, value in selector.items()]
        few = min(some, key=len, default=[])
        return [one for one in few if selects(selector, one.pod_labels, one.namespace, namespace)]

    def _to_no_engine(self, road: Road, service: Standing, selector: Any) -> None:
        """Something else than a vLLM, which is none of ours; or nothing."""
        road.where = service.at("spec", "selector")
        other = next(self._others(selector, service.namespace), None)
        if other is not None:
            self._to_other(road, other)
        elif not selector:
            road.open, road.why = True, f"{service} has no selector"
        else:
            unseen = "pods were not asked for" if self.world.listed and "Pod" not in self.world.listed else ""
            why = f"the selector of {service} leads to no engine that is known here"
            self._dead(road, why, self.world.beyond(service.namespace) or unseen)

    def _to_other(self, road: Road, other: Standing) -> None:
        road.hops.append(Hop(str(other), other.where))
        road.end = CLOUD
        road.why = f"{other} is {'no vLLM' if other.kind == 'Deployment' else 'on none of the layers'}"

    def _others(self, selector: Any, namespace: str) -> Iterator[Standing]:
        """What is no engine of a layer, and whose pods a selector leads to."""
        found = [(one, place) for kind, place in _PODS for one in self.world.of(kind)]
        found += [(one, place) for one in self.world.pods for place in _ALONE.get(one.kind, ())]
        for one, place in found:
            labels = value_at(one.data, *place)
            if isinstance(labels, dict) and selects(selector, labels, one.namespace, namespace):
                yield one

    def _dead(self, road: Road, why: str, beyond: str) -> None:
        """Nothing is there, or nothing that is known: ``beyond`` says why there may be more."""
        road.end = UNKNOWN if beyond else LOST
        self._missing(road, why, beyond)

    def _missing(self, road: Road, why: str, beyond: str) -> None:
        """The same of one back end of several."""
        road.open = road.open or bool(beyond)
        road.why = f"{why}; {beyond}" if beyond else why

    def _port(self, road: Road, service: Standing, port: int) -> None:
        """The Service's port, and the pod's port behind it."""
        said = mapped(service.data.get("spec")).get("ports")
        ports = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
        found = next(((at, one) for at, one in enumerate(ports) if one.get("port") == port), None)
        if found is None:
            told = ", ".join(str(one.get("port")) for one in ports) or "none"
            road.end, road.why = LOST, f"it asks port {port}, and {service} has {told}"
            road.where = road.member.where
            return
        at, one = found
        target = one.get("targetPort", port)
        road.sent_to = target if isinstance(target, int) else named_port(road.engines[0], str(target))
        engine = road.engines[0]
        if "port" not in engine.hidden and road.sent_to is not None and road.sent_to != engine.port.value:
            road.end = LOST
            road.why = f"{service} sends to port {road.sent_to}, and the engine listens on {road.engines[0].port.value}"
            place: Place = ("spec", "ports", at, "targetPort" if "targetPort" in one else "port")
            road.where = service.at(*place)
            if isinstance(one.get("targetPort"), int):
                road.wrong_port = service, place, str(target)

    def _made(self, road: Road, name: str, namespace: str, port: int) -> bool:
        """A Service that KServe makes of an engine."""
        for pattern, layer, known in ((_KSERVE, "kserve", 80), (_LLMD, "llm-d", 8000)):
            match = pattern.fullmatch(name)
            one = match and next(
                (
                    each
                    for each in self.engines
                    if (each.layer, each.namespace, each.name) == (layer, namespace, match["name"])
                ),
                None,
            )
            if one:
                road.hops.append(Hop(f"Service {namespace}/{name}:{port}", one.standing.where))
                road.engines, road.end = [one], ENGINE
                if port != known:
                    road.end, road.where = LOST, road.member.where
                    road.why = f"it asks port {port}, and the Service that KServe makes has {known}"
                return True
        return False

    def _gateway(self, road: Road, name: str, namespace: str, port: int, path: str, host: str) -> bool:
        """A Service that is made for a Gateway: of its name, or its name and its class."""
        for gateway in self.world.of("Gateway"):
            kind = str(mapped(gateway.data.get("spec")).get("gatewayClassName") or "")
            if gateway.namespace == namespace and name in (gateway.name, f"{gateway.name}-{kind}"):
                road.hops.append(Hop(f"Service {namespace}/{name}:{port}", road.member.where))
                self._from_gateway(road, gateway, path, host)
                return True
        return self._foreign_gateway(road, name, namespace, port, path)

    def _foreign_gateway(self, road: Road, name: str, namespace: str, port: int, path: str) -> bool:
        """A Gateway that is not written here, but which routes or engines here are attached to."""
        routes = [one for one in self.world.of("HTTPRoute") if (namespace, name) in gateways_of(one)]
        named = [one for one in self.engines if one.layer == "llm-d" and (namespace, name) in gateways_named(one)]
        if not routes and not named:
            return False
        road.hops.append(Hop(f"Gateway {namespace}/{name}:{port}", road.member.where))
        road.through_gateway = True
        ask = Ask("", path + _CHAT, road.member.model, headers_sent(road.member))
        if not self._llm_d(road, path, namespace, name):
            self._through(road, routes, ask, namespace)
        return True

    def _from_gateway(self, road: Road, gateway: Standing | None, path: str, host: str) -> None:
        road.through_gateway = True
        if gateway is None:
            road.why = "its Gateway is not written here"
            return
        road.hops.append(Hop(str(gateway), gateway.where))
        key = (gateway.namespace, gateway.name)
        if self._llm_d(road, path, *key):
            return
        routes = [one for one in self.world.of("HTTPRoute") if key in gateways_of(one)]
        ask = Ask(host, path + _CHAT, road.member.model, headers_sent(road.member))
        self._through(road, routes, ask, gateway.namespace)

    def _llm_d(self, road: Road, path: str, namespace: str, name: str) -> bool:
        """The path that KServe routes to an LLMInferenceService: ``/NAMESPACE/NAME``."""
        parts = path.strip("/").split("/")
        for one in self.engines:
            if one.layer == "llm-d" and parts[:2] == [one.namespace, one.name]:
                refs = gateways_named(one)
                if not refs or (namespace, name) in refs:
                    road.engines, road.end = [one], ENGINE
                    return True
        return False

    def _through(self, road: Road, routes: Sequence[Standing], ask: Ask, namespace: str) -> None:
        """By one of these routes; ``namespace``: where others may stand."""
        route, backends, why = backends_for(routes, ask)
        if route is None:
            elsewhere = f"where {self.world.routing} leads is not known" if self.world.routing else ""
            self._dead(road, why, self.world.whole(namespace) or elsewhere)
            return
        road.hops.append(Hop(str(route), route.where))
        told = asked_model(route, ask)
        road.header = (route, *told) if told else None
        for backend, where in backends:
            self._to_backend(road, route, backend, where)
        if not road.engines and not road.why:
            self._missing(road, "its backends lead to no engine that is known here", self.world.beyond(route.namespace))
        if road.engines and not road.why:
            road.end = ENGINE
        elif not road.engines and road.end != CLOUD:
            road.end = UNKNOWN if road.open else LOST

    def _to_backend(self, road: Road, route: Standing, backend: dict[str, Any], where: str) -> None:
        namespace, name = str(backend.get("namespace") or route.namespace), str(backend.get("name"))
        kind = str(backend.get("kind") or "Service")
        if kind == "InferencePool":
            pool = self.world.find(kind, namespace, name)
            road.hops.append(Hop(f"InferencePool {namespace}/{name}", pool.where if pool else where))
            self._of_pool(road, pool, namespace, name, where)
            return
        if kind != "Service":
            road.end, road.why, road.where = CLOUD, f"{kind} {name} is outside of the cluster", where
            return
        port = backend.get("port")
        service = self.world.find("Service", namespace, name)
        if service is not None and isinstance(port, int):
            self._to_service(road, service, port, "", "")
        elif not self._made(road, name, namespace, port if isinstance(port, int) else 80):
            road.where = where
            self._missing(road, f"there is no Service {namespace}/{name} here", self.world.beyond(namespace))

    def _of_pool(self, road: Road, pool: Standing | None, namespace: str, name: str, where: str) -> None:
        if pool is None:
            own = [one for one in self.engines if one.layer == "llm-d" and name == f"{one.name}-inference-pool"]
            road.engines += [one for one in own if one.namespace == namespace]
            if not own:
                road.where = where
                self._missing(road, f"there is no InferencePool {namespace}/{name} here", self.world.beyond(namespace))
            return
        selector = mapped(pool.data.get("spec")).get("selector") or {}
        selector = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
        chosen = [one for one in self.engines if selects(selector, one.pod_labels, one.namespace, namespace)]
        other = next(self._others(selector, namespace), None) if not chosen else None
        if other is not None:
            self._to_other(road, other)
        elif not chosen:
            road.where = pool.at("spec", "selector")
            why = "its selector leads to no engine that is known here"
            self._missing(road, why, self.world.beyond(namespace))
        road.engines += chosen
