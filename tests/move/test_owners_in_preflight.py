"""Who would put back what a move changes is found before anything is changed, and named with the way out."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from pointsman.errors import RefusedError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.move.boundary import Object
from tests.move.test_strategy import bridged
from tests.world.world import World, layer, quick

SOURCE = Ref(kind_of("Deployment"), "qwen-raw-vllm", "serving")


def config(**metadata: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "litellm-config", "namespace": "llm-gateway", **metadata},
        "data": {"config.yaml": "model_list: []"},
    }


def tracked_config() -> Object:
    return config(annotations={"argocd.argoproj.io/tracking-id": "edge:/ConfigMap:llm-gateway/litellm-config"})


def application(name: str = "edge", **metadata: Any) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", **metadata},
        "spec": {
            "destination": {"server": "https://kubernetes.default.svc"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


async def refusal(world: World) -> RefusedError:
    before = copy.deepcopy(world.cluster.objects)
    with pytest.raises(RefusedError) as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.owners"
    assert world.cluster.objects == before
    return refused.value


async def said(world: World) -> str:
    plan = await world.conductor().plan(world.model, "kserve", quick())
    return plan.checks["owners"]


def change(world: World, ref: Ref, **metadata: Any) -> None:
    found = copy.deepcopy(world.cluster.objects[ref])
    found["metadata"] |= metadata
    world.put(found)


async def test_a_world_without_owners_is_told_so() -> None:
    world = World()
    world.put(config())
    assert await said(world) == "no owner shows on ConfigMap llm-gateway/litellm-config and 1 other"


async def test_an_application_that_heals_itself_is_refused_and_its_patch_lets_the_move_go_on() -> None:
    world = World()
    world.put(tracked_config())
    world.put(application())
    refused = await refusal(world)
    assert refused.where == "ConfigMap llm-gateway/litellm-config"
    assert "Application argocd/edge (Argo CD) puts it back within seconds" in refused.what
    assert "argocd app set argocd/edge --sync-policy none" in refused.next_action
    for one in json.loads(re.findall(r"-p '(.*?)'", refused.next_action)[0]):
        parent, key = one["path"].rsplit("/", 1)
        assert one["op"] == "add"
        found: Any = world.cluster.objects[ref_of(application())]
        for part in parent.split("/")[1:]:
            found = found[part]
        found[key] = one["value"]
    assert "leaves it alone: ignoreDifferences, jsonPointers /data/config.yaml" in await said(world)


async def test_the_patch_adds_to_what_the_application_ignores_already() -> None:
    world = World()
    world.put(tracked_config())
    app = application()
    app["spec"]["ignoreDifferences"] = [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
    app["spec"]["syncPolicy"]["syncOptions"] = ["CreateNamespace=true"]
    world.put(app)
    patch = json.loads(re.findall(r"-p '(.*?)'", (await refusal(world)).next_action)[0])
    assert [one["path"] for one in patch] == ["/spec/ignoreDifferences/-", "/spec/syncPolicy/syncOptions/-"]


async def test_two_objects_of_one_application_are_mended_by_one_patch() -> None:
    world = World()
    world.put(tracked_config())
    tracking = "edge:apps/Deployment:serving/qwen-raw-vllm"
    change(world, SOURCE, annotations={"argocd.argoproj.io/tracking-id": tracking})
    world.put(application())
    refused = await refusal(world)
    (patch,) = re.findall(r"-p '(.*?)'", refused.next_action)
    assert [one["kind"] for one in json.loads(patch)[0]["value"]] == ["ConfigMap", "Deployment"]
    assert "/spec/replicas of Deployment serving/qwen-raw-vllm" in refused.what


async def test_an_application_of_an_application_set_is_mended_in_the_set() -> None:
    world = World()
    world.put(tracked_config())
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "llm-gateway", "controller": True}
    world.put(application(ownerReferences=[owner]))
    refused = await refusal(world)
    assert "to the spec that ApplicationSet argocd/llm-gateway gives Application argocd/edge" in refused.next_action
    assert "kubectl" not in refused.next_action


async def test_a_sync_by_hand_is_told_and_goes_on() -> None:
    world = World()
    world.put(tracked_config())
    app = application()
    del app["spec"]["syncPolicy"]
    world.put(app)
    assert (await said(world)).startswith(
        "warning: /data/config.yaml of ConfigMap llm-gateway/litellm-config: "
        "Application argocd/edge (Argo CD) puts it back when somebody syncs it"
    )


async def test_what_may_not_be_read_is_said_and_not_taken_for_absent() -> None:
    world = World()
    world.put(tracked_config())
    world.put(application())
    world.cluster.denied = {"list applications", "list scaledobjects"}
    found = await said(world)
    assert "warning: /data/config.yaml of ConfigMap llm-gateway/litellm-config" in found
    assert "is not known: you may not read applications.argoproj.io" in found
    assert "not known: you may not read scaledobjects.keda.sh" in found


async def test_without_any_mark_applications_that_may_not_be_read_are_said_too() -> None:
    world = World()
    world.put(config())
    world.cluster.denied = {"list applications"}
    assert "not known: you may not read applications.argoproj.io" in await said(world)


async def test_what_is_not_installed_is_said() -> None:
    world = World()
    world.put(config())
    world.cluster.unknown_kinds = {"applications", "scaledobjects"}
    assert (await said(world)).endswith("Argo CD and KEDA are not installed")


async def test_a_scaled_object_on_the_source_is_refused_with_the_annotation_that_pauses_it() -> None:
    world = World()
    scaled: dict[str, Any] = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "qwen", "namespace": "serving"},
        "spec": {"scaleTargetRef": {"name": "qwen-raw-vllm"}, "minReplicaCount": 1},
    }
    world.put(scaled)
    refused = await refusal(world)
    assert "ScaledObject serving/qwen (KEDA) puts it back to its minReplicaCount of 1" in refused.what
    command = "kubectl annotate scaledobject qwen -n serving --overwrite autoscaling.keda.sh/paused=true"
    assert refused.next_action == command
    scaled["metadata"] = {**scaled["metadata"], "annotations": {"autoscaling.keda.sh/paused": "true"}}
    world.put(scaled)
    assert "leaves it alone: it is paused" in await said(world)


def hpa(**spec: Any) -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "qwen", "namespace": "serving"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "qwen-raw-vllm"}, "maxReplicas": 4, **spec},
    }


async def test_an_hpa_rests_when_the_source_is_parked() -> None:
    world = World()
    world.put(hpa(minReplicas=1))
    assert "HorizontalPodAutoscaler serving/qwen leaves it alone: it rests while its target has 0" in await said(world)


async def test_an_hpa_does_not_rest_while_the_source_is_scaled_down_in_steps() -> None:
    world = World(gpus=2, replicas=2)
    world.put(hpa(minReplicas=2))
    refused = await refusal(world)
    assert "replica by replica" in refused.what
    assert refused.where == "HorizontalPodAutoscaler serving/qwen"


async def test_a_layers_own_controller_is_no_stranger_and_an_operator_is() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    made = Ref(kind_of("Deployment"), "qwen-kserve", "kserve")
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "qwen-kserve", "controller": True}
    change(world, made, ownerReferences=[owner])
    plan = await world.conductor().plan(world.model, "raw-vllm", quick())
    assert "controller" not in plan.checks["owners"]
    change(world, made, ownerReferences=[{**owner, "kind": "Engine", "name": "qwen"}])
    with pytest.raises(RefusedError, match="the controller of Engine qwen puts it back") as refused:
        await world.conductor().plan(world.model, "raw-vllm", quick())
    assert refused.value.code == "preflight.owners"


async def test_a_parked_target_in_git_is_found_before_it_is_woken() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    await world.conductor("second@test/2").move(world.model, "raw-vllm", quick())
    parked = Ref(kind_of("Deployment"), "qwen-kserve", "kserve")
    tracking = "edge:apps/Deployment:kserve/qwen-kserve"
    change(world, parked, annotations={"argocd.argoproj.io/tracking-id": tracking})
    world.put(application())
    with pytest.raises(RefusedError, match="/spec/replicas of Deployment kserve/qwen-kserve"):
        await world.conductor().plan(world.model, "kserve", quick())


async def test_argo_cds_settings_are_read_where_its_controller_is() -> None:
    world = World()
    world.put(config(labels={"example.com/app": "edge"}))
    app = application(name="edge")
    listed = {"kind": "ConfigMap", "namespace": "llm-gateway", "name": "litellm-config"}
    app["status"] = {"resources": [listed]}
    world.put(app)
    assert "no owner shows" in await said(world)
    cm = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}}
    world.put({**cm, "data": {"application.instanceLabelKey": "example.com/app"}})
    assert "Application argocd/edge" in (await refusal(world)).what


async def test_the_owners_of_the_layer_in_the_middle_are_asked_too() -> None:
    world = World(gpus=1)
    world.model = bridged(world)
    for manifest in layer("kserve").render(bridged(world)):
        manifest["spec"]["replicas"] = 0
        tracking = f"edge:apps/Deployment:kserve/{manifest['metadata']['name']}"
        manifest["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": tracking}
        world.put(manifest)
    world.put(application())
    with pytest.raises(RefusedError, match="/spec/replicas of Deployment kserve/qwen-kserve") as refused:
        await world.conductor().plan(world.model, "llm-d", quick())
    assert refused.value.code == "preflight.owners"
