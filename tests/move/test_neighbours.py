"""What of others leads to the source's engines past the edge is told; what the layer made is not."""

from __future__ import annotations

from typing import Any

from pointsman.kube.resources import Ref, kind_of
from pointsman.move.plan.neighbours import Roads, neighbours
from tests.world.world import World, quick

LABELS = {"pointsman.dev/model": "qwen", "pointsman.dev/layer": "raw-vllm"}
POD = {"metadata": {"name": "qwen-0", "namespace": "serving", "labels": {"app": "qwen", "role": "decode"}}}


def service(name: str, namespace: str = "serving", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec or {"selector": {"app": "qwen"}},
    }


def route(name: str, *rules: dict[str, Any], namespace: str = "team-b", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"rules": list(rules)},
    }


def pool(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": {"name": name, "namespace": "serving", **metadata},
        "spec": {"selector": {"matchLabels": {"app": "qwen"}}},
    }


def ingress(name: str, backend: str) -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": backend, "port": {"number": 80}}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "serving"},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }


def said(**roads: Any) -> list[str]:
    return [f"{one.ref} {one.how}" for one in neighbours(Roads(pods=[POD], **roads))]


def to(name: str, **fields: Any) -> dict[str, Any]:
    return {"backendRefs": [{"name": name, **fields}]}


def test_a_service_that_selects_the_pods_is_a_neighbour_and_the_layers_own_is_none() -> None:
    own = Ref(kind_of("Service"), "qwen", "serving")
    found = said(services=[service("qwen"), service("chat")], own=[own])
    assert found == ["Service serving/chat selects the source's pods"]


def test_a_service_of_other_labels_or_another_namespace_or_without_a_selector_is_none() -> None:
    others = [
        service("more", selector={"app": "qwen", "role": "prefill"}),
        service("same", "team-b"),
        service("bare", ports=[]),
    ]
    assert said(services=others) == []


def test_what_the_layers_controller_made_is_none() -> None:
    made = {"ownerReferences": [{"kind": "InferenceService", "name": "qwen", "controller": True}]}
    maker = Ref(kind_of("InferenceService"), "qwen", "serving")
    one = service("qwen-predictor")
    one["metadata"] |= made
    assert said(services=[one], pools=[pool("qwen", **made)], makers=[maker]) == []
    assert len(said(services=[one], pools=[pool("qwen", **made)])) == 2


def test_a_route_that_leads_to_the_layers_own_service_is_a_neighbour_from_any_namespace() -> None:
    own = Ref(kind_of("Service"), "qwen", "serving")
    routes = [
        route("chat", to("qwen", namespace="serving")),
        route("elsewhere", to("qwen")),
        route("mirror", {"filters": [{"requestMirror": {"backendRef": {"name": "qwen", "namespace": "serving"}}}]}),
        route("made", to("qwen"), namespace="serving", ownerReferences=[{"kind": "Deployment", "name": "qwen"}]),
    ]
    maker = Ref(kind_of("Deployment"), "qwen", "serving")
    found = said(services=[service("qwen")], own=[own], makers=[maker], routes=routes)
    assert found == [
        "HTTPRoute team-b/chat leads to Service serving/qwen",
        "HTTPRoute team-b/mirror leads to Service serving/qwen",
    ]


def test_a_pool_and_the_route_to_it() -> None:
    backend = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}
    found = said(pools=[pool("qwen")], routes=[route("gateway", to("qwen", **backend), namespace="serving")])
    assert found == [
        "InferencePool serving/qwen selects the source's pods",
        "HTTPRoute serving/gateway leads to InferencePool serving/qwen",
    ]


def test_an_ingress_and_another_name_of_the_service() -> None:
    alias = service("llm", "team-b", type="ExternalName", externalName="chat.serving.svc.cluster.local")
    stranger = service("web", "team-b", type="ExternalName", externalName="chat.example.com")
    found = said(
        services=[service("chat"), alias, stranger],
        ingresses=[ingress("public", "chat"), ingress("other", "web")],
        routes=[route("team", to("llm"))],
    )
    assert found == [
        "Service serving/chat selects the source's pods",
        "Service team-b/llm is another name of Service serving/chat",
        "HTTPRoute team-b/team leads to Service team-b/llm",
        "Ingress serving/public leads to Service serving/chat",
    ]


async def test_a_plan_tells_them_and_goes_on() -> None:
    world = World()
    world.put(service("chat", selector=LABELS))
    world.put(route("team", to("chat", namespace="serving")))
    plan = await world.conductor().plan(world.model, "kserve", quick())
    first, second = plan.checks["others-reach"].split("; warning: ")
    assert first.startswith("warning: Service serving/chat selects the source's pods")
    assert second.startswith("HTTPRoute team-b/team leads to Service serving/chat")
    assert second.endswith("what calls it is not moved and finds no engine when the source is parked")


async def test_what_may_not_be_listed_is_said() -> None:
    world = World()
    world.cluster.denied = {"list httproutes"}
    world.cluster.unknown_kinds = {"inferencepools"}
    plan = await world.conductor().plan(world.model, "kserve", quick())
    assert plan.checks["others-reach"] == (
        "no Service, InferencePool, HTTPRoute or Ingress of others leads to the source; "
        "not known: you may not list httproutes.gateway.networking.k8s.io in all namespaces"
    )
