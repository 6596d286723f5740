"""A plan asks the catalogue of checks about its target: errors refuse by their ids, the rest is told in the plan."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from pointsman.errors import PermanentError, RefusedError
from pointsman.kube.resources import Kind, Ref
from pointsman.layers.contract import Manifest
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.report.plan import plan_lines
from pointsman.spec.model import Model
from tests.world.cluster import MemoryCluster
from tests.world.layers import LAYERS, PlainLayer
from tests.world.world import World, quick

OPTIONS = Options(hold=2.0)
PRESETS = ("kserve-config-llm-template", "kserve-config-llm-router-route", "kserve-config-llm-scheduler")
DEFINITIONS = (
    "inferenceservices.serving.kserve.io",
    "llminferenceservices.serving.kserve.io",
    "llminferenceserviceconfigs.serving.kserve.io",
    "inferencepools.inference.networking.k8s.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
)


def installed(world: World, *, without: str = "", mode: str = "Standard") -> World:
    """KServe as it should be, but for one thing."""
    for name in (one for one in DEFINITIONS if one != without):
        world.put(
            {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}}
        )
    ingress = {"enableGatewayApi": True, "kserveIngressGateway": "kserve/kserve-ingress-gateway"}
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    config["metadata"] = {"name": "inferenceservice-config", "namespace": "kserve"}
    config["data"] = {"deploy": json.dumps({"defaultDeploymentMode": mode}), "ingress": json.dumps(ingress)}
    if without != "config":
        world.put(config)
    if without != "gateway":
        metadata = {"name": "kserve-ingress-gateway", "namespace": "kserve"}
        world.put({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata})
    for name in PRESETS if without != "presets" else ():
        metadata = {"name": name, "namespace": "kserve"}
        version = "serving.kserve.io/v1alpha2"
        world.put({"apiVersion": version, "kind": "LLMInferenceServiceConfig", "metadata": metadata})
    return world


async def refusal(world: World, target: str) -> str:
    """The code of the refusal; nothing was changed."""
    before = copy.deepcopy(world.cluster.objects)
    with pytest.raises(RefusedError) as caught:
        await world.conductor().plan(world.model, target, OPTIONS)
    assert world.cluster.objects == before
    assert caught.value.next_action
    return caught.value.code


@pytest.mark.parametrize("target", ["kserve", "llm-d"])
async def test_where_nothing_is_missing_nothing_is_told(target: str) -> None:
    world = installed(World())
    plan = await world.conductor().plan(world.model, target, OPTIONS)
    assert plan.as_dict()["findings"] == ()
    assert plan.checks["catalogue"].endswith("checks of the catalogue found nothing")
    assert "findings" not in plan_lines(plan.as_dict())


@pytest.mark.parametrize(
    ("target", "without", "code"),
    [
        ("kserve", "gateway", "preflight.PM707"),
        ("llm-d", "gateway", "preflight.PM707"),
        ("llm-d", "presets", "preflight.PM709"),
        ("llm-d", "inferencepools.inference.networking.k8s.io", "preflight.PM701"),
    ],
)
async def test_what_the_target_needs_and_is_missing_refuses_by_the_checks_id(
    target: str, without: str, code: str
) -> None:
    assert await refusal(installed(World(), without=without), target) == code


async def test_a_mode_that_makes_nothing_refuses() -> None:
    assert await refusal(installed(World(), mode="Knative"), "kserve") == "preflight.PM706"


async def test_a_move_is_refused_as_its_plan_is() -> None:
    world = installed(World(), without="gateway")
    before = world.workloads()
    with pytest.raises(RefusedError) as caught:
        await world.conductor().move(world.model, "kserve", quick())
    assert (caught.value.code, world.workloads()) == ("preflight.PM707", before)


@pytest.mark.parametrize(
    ("without", "target"),
    [("gateway", "raw-vllm"), ("presets", "kserve"), ("gateways.gateway.networking.k8s.io", "kserve")],
)
async def test_what_another_layer_needs_does_not_matter(without: str, target: str) -> None:
    world = installed(World(source="llm-d" if target == "raw-vllm" else "raw-vllm"), without=without)
    plan = await world.conductor().plan(world.model, target, OPTIONS)
    assert plan.as_dict()["findings"] == ()


@pytest.mark.parametrize("right", ["list customresourcedefinitions", "list llminferenceserviceconfigs"])
async def test_what_may_not_be_listed_refuses_nothing(right: str) -> None:
    """Forbidden is not absent: whoever may not look is not told that something is missing."""
    world = installed(World())
    world.cluster.denied.add(right)
    plan = await world.conductor().plan(world.model, "llm-d", OPTIONS)
    assert plan.as_dict()["findings"] == ()


@pytest.mark.parametrize("shut", ["Gateway kserve/kserve-ingress-gateway", "ConfigMap kserve/inferenceservice-config"])
async def test_what_may_not_be_read_refuses_nothing(shut: str) -> None:
    class Shut(MemoryCluster):
        async def find(self, ref: Ref) -> Any:
            if str(ref) == shut:
                raise PermanentError("forbidden", where=shut, code="cluster-forbidden")
            return await super().find(ref)

    world = installed(World())
    world.cluster.__class__ = Shut
    plan = await world.conductor().plan(world.model, "llm-d", OPTIONS)
    assert plan.as_dict()["findings"] == ()


async def test_a_kserve_that_is_elsewhere_is_not_judged() -> None:
    """Its presets and its configuration stand in a namespace that is not known here."""
    world = installed(World(), without="config")
    for ref in [ref for ref in world.cluster.objects if ref.kind.name == "LLMInferenceServiceConfig"]:
        await world.cluster.delete(ref)
    plan = await world.conductor().plan(world.model, "llm-d", OPTIONS)
    assert plan.as_dict()["findings"] == ()


class Grudging(PlainLayer):
    """A layer whose manifests hold something that is worth a warning."""

    def render(self, model: Model) -> list[Manifest]:
        predictor = {
            "minReplicas": 0,
            "containers": [{"name": "kserve-container", "image": "vllm/vllm-openai:v0.23.0"}],
        }
        service = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": self.name(model), "namespace": self.place},
            "spec": {"predictor": predictor},
        }
        return [service, *super().render(model)]


class Hanging(PlainLayer):
    """A layer whose object names a Gateway for its routes."""

    def render(self, model: Model) -> list[Manifest]:
        service = {
            "apiVersion": "serving.kserve.io/v1alpha2",
            "kind": "LLMInferenceService",
            "metadata": {"name": self.name(model), "namespace": self.place},
            "spec": {"router": {"gateway": {"refs": [{"name": "public", "namespace": "edge"}]}}},
        }
        return [service, *super().render(model)]


@pytest.mark.parametrize("there", [True, False])
async def test_the_gateway_that_a_target_names_has_to_be_there(there: bool) -> None:
    world = installed(World())
    if there:
        metadata = {"name": "public", "namespace": "edge"}
        world.put({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata})
    layers = [Hanging(one.id, one.title, one.place) if one.id == "llm-d" else one for one in LAYERS]  # type: ignore[attr-defined]
    conductor = Conductor(replace(world.conductor().means, layers=tuple(layers)))
    if there:
        plan = (await conductor.plan(world.model, "llm-d", OPTIONS)).as_dict()
        assert "PM740" not in [one["id"] for one in plan["findings"]]
        return
    with pytest.raises(RefusedError, match="Gateway edge/public, and no such Gateway is there") as caught:
        await conductor.plan(world.model, "llm-d", OPTIONS)
    assert caught.value.code == "preflight.PM740"


async def test_a_warning_of_the_targets_manifests_is_told_and_does_not_refuse() -> None:
    world = installed(World())
    layers = [Grudging(one.id, one.title, one.place) if one.id == "kserve" else one for one in LAYERS]  # type: ignore[attr-defined]
    conductor = Conductor(replace(world.conductor().means, layers=tuple(layers)))
    plan = (await conductor.plan(world.model, "kserve", OPTIONS)).as_dict()
    assert "PM201" in [one["id"] for one in plan["findings"]]
    assert "warning" in {one["level"] for one in plan["findings"]}
    text = "\n".join(plan_lines(plan))
    assert "  warning PM201: InferenceService kserve/qwen-kserve: minReplicas is 0" in text


async def test_few_calls_are_made_for_it() -> None:
    """Four at most, none of them a list of something that grows with a cluster's use."""
    world = installed(World())
    asked: list[str] = []

    class Counting(MemoryCluster):
        async def names(self, kind: Kind, namespace: str | None = None, labels: Any = None) -> Any:
            asked.append(f"names of {kind.plural}")
            return await super().names(kind, namespace, labels)

        async def find(self, ref: Ref) -> Any:
            asked.append(f"find {ref}")
            return await super().find(ref)

    world.cluster.__class__ = Counting
    await world.conductor().plan(world.model, "llm-d", OPTIONS)
    mine = [one for one in asked if one.startswith("names of") or "inferenceservice-config" in one or "Gateway" in one]
    assert sorted(mine) == [
        "find ConfigMap kserve/inferenceservice-config",
        "find Gateway kserve/kserve-ingress-gateway",
        "names of customresourcedefinitions",
        "names of llminferenceserviceconfigs",
    ]
