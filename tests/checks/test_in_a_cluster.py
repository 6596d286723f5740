"""The same checks on a cluster's objects: there an Application's status says what it deploys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.adopt.adopted import Adopted, understood
from pointsman.adopt.edges import edges_in_cluster
from pointsman.adopt.objects import Deployed
from pointsman.adopt.standing import Origin, Standing, World
from pointsman.checks.catalogue import CHECKS, chosen
from pointsman.checks.check import Source
from pointsman.checks.cluster import examine
from pointsman.checks.running import run
from pointsman.checks.view import View
from tests.checks.written import Written

ENGINE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "raw", "namespace": "serving"},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"app": "raw"}},
            "spec": {
                "containers": [
                    {
                        "name": "vllm",
                        "image": "vllm/vllm-openai:v0.23.0",
                        "args": ["Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name=qwen"],
                        "resources": {"limits": {"nvidia.com/gpu": "1"}},
                    }
                ]
            },
        },
    },
}


def _application(*resources: dict[str, str], finalizers: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "raw", "namespace": "argocd", "finalizers": list(finalizers)},
        "spec": {"project": "default", "syncPolicy": {"automated": {}}},
        "status": {"resources": list(resources)},
    }


def _cluster(*objects: dict[str, Any]) -> Adopted:
    world = World()
    for one in objects:
        world.objects.append(Standing(Deployed(one), one["metadata"]["namespace"], Origin("")))
    return understood(world, edges_in_cluster(world))


def _told(found: Adopted, *ids: str) -> list[tuple[str, str]]:
    made = run(View(found, Source.cluster), chosen(ids))
    assert not made.broken
    return [(one.check.id, one.where) for one in made.findings]


def test_what_an_application_deploys_is_known_from_its_status() -> None:
    own = {"kind": "Deployment", "namespace": "serving", "name": "raw"}
    assert _told(_cluster(_application(own), ENGINE), "PM401", "PM403") == [
        ("PM401", "Application argocd/raw"),
        ("PM403", "Application argocd/raw"),
    ]
    assert _told(_cluster(_application({**own, "name": "other"}), ENGINE), "PM401", "PM403") == []
    held = _application(own, finalizers=("resources-finalizer.argocd.argoproj.io/background",))
    assert _told(_cluster(held, ENGINE), "PM401") == []


def test_namespaces_that_were_not_listed_are_not_called_missing() -> None:
    app = _application()
    app["spec"]["destination"] = {"namespace": "serving"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "namespace": ""}}
    assert _told(_cluster(app), "PM407") == []
    assert _told(_cluster(app, space), "PM407") == [("PM407", "Application argocd/raw")]


MODE = "serving.kserve.io/deploymentMode"
LAST = "kubectl.kubernetes.io/last-applied-configuration"


def _service(applied: dict[str, Any] | None = None, **limits: str) -> dict[str, Any]:
    """An InferenceService after KServe's webhook wrote its mode and its limits; with what was applied, where known."""
    annotations = {MODE: "Standard"} | ({LAST: json.dumps(applied)} if applied is not None else {})
    wrote: dict[str, Any] = {f"f:{LAST}": {}} if applied is not None else {"f:serving.kserve.io/autoscalerClass": {}}
    entry = {"manager": "somebody", "operation": "Apply", "fieldsV1": {"f:metadata": {"f:annotations": wrote}}}
    containers = [{"name": "kserve-container", "resources": {"limits": limits or {"cpu": "1", "memory": "2Gi"}}}]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "x", "namespace": "kserve", "annotations": annotations, "managedFields": [entry]},
        "spec": {"predictor": {"containers": containers}},
    }


def test_what_a_webhook_wrote_is_told_by_what_was_applied() -> None:
    mode = {"metadata": {"annotations": {MODE: "RawDeployment"}}}
    limits = {"spec": {"predictor": {"containers": [{"resources": {"limits": {"memory": "24Gi"}}}]}}}
    told = [("PM203", "InferenceService kserve/x"), ("PM209", "InferenceService kserve/x")]
    assert _told(_cluster(_service()), "PM203", "PM204", "PM209") == [told[1], told[0]]
    assert _told(_cluster(_service(cpu="4", memory="24Gi")), "PM209") == []
    assert _told(_cluster(_service(limits, cpu="1", memory="24Gi")), "PM209") == [told[1]]
    assert _told(_cluster(_service(mode)), "PM204") == [("PM204", "InferenceService kserve/x")]


def test_who_writes_a_mode_is_not_told_of_a_default() -> None:
    service = _service()
    service["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"][f"f:{MODE}"] = {}
    assert _told(_cluster(service), "PM203") == []
    del service["metadata"]["managedFields"]
    assert _told(_cluster(service), "PM203") == [], "who wrote what is not known"


def test_a_manifest_of_an_old_version_is_told_though_the_cluster_answers_in_the_new_one() -> None:
    new = {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService"}
    old = {"manager": "argocd", "operation": "Apply", "apiVersion": "serving.kserve.io/v1alpha1", "fieldsV1": {}}
    metadata = {"name": "x", "namespace": "llm-d"}
    assert _told(_cluster(new | {"metadata": metadata}), "PM301") == []
    assert _told(_cluster(new | {"metadata": metadata | {"managedFields": [old]}}), "PM301")
    said = {LAST: json.dumps({"apiVersion": "serving.kserve.io/v1alpha1"})}
    assert _told(_cluster(new | {"metadata": metadata | {"annotations": said}}), "PM301")


@pytest.mark.parametrize("own", [True, False])
def test_a_service_that_kserve_took_over_is_told_and_its_own_is_not(own: bool) -> None:
    maker = "kserve-manager" if own else "kubectl"
    entries = [
        {"manager": maker, "fieldsV1": {"f:spec": {"f:type": {}, "f:ports": {}}}},
        {
            "manager": "kserve-manager",
            "fieldsV1": {"f:metadata": {"f:ownerReferences": {}}, "f:spec": {"f:selector": {}}},
        },
    ]
    labels = {"serving.kserve.io/inferenceservice": "x"}
    metadata = {"name": "x-predictor", "namespace": "kserve", "labels": labels, "managedFields": entries}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}}
    world = World()
    world.made.append(Standing(Deployed(service), "kserve", Origin("")))
    found = _told(understood(world, []), "PM216")
    assert found == ([] if own else [("PM216", "Service kserve/x-predictor")])


@pytest.mark.parametrize(
    ("hard", "used", "full"),
    [
        ({"requests.memory": "2147483648"}, {"requests.memory": "2Gi"}, True),
        ({"requests.nvidia.com/gpu": "1"}, {"requests.nvidia.com/gpu": "2"}, True),
        ({"memory": "8Gi"}, {"memory": "8Gi"}, True),
        ({"memory": "8Gi"}, {"memory": "7Gi"}, False),
        ({"count/secrets": "1", "pods": "0"}, {"count/secrets": "1", "pods": "0"}, False),
    ],
)
def test_a_quota_is_full_however_its_amounts_are_written(
    hard: dict[str, str], used: dict[str, str], full: bool
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all", "namespace": "serving"}}
    quota |= {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}}
    found = _told(_cluster(quota, ENGINE), "PM723")
    assert found == ([("PM723", "ResourceQuota serving/all")] if full else [])


def test_a_sync_window_over_an_engine_is_known_from_the_status_of_its_application() -> None:
    project: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject"}
    project |= {"metadata": {"name": "default", "namespace": "argocd"}}
    window = {"kind": "deny", "schedule": "0 8 * * *", "duration": "10h", "applications": ["*"]}
    project |= {"spec": {"syncWindows": [window]}}
    own = {"kind": "Deployment", "namespace": "serving", "name": "raw"}
    assert _told(_cluster(project, _application(own), ENGINE), "PM411") == [("PM411", "AppProject argocd/default")]
    assert _told(_cluster(project, _application({**own, "name": "web"}), ENGINE), "PM411") == []


RAY = """\
apiVersion: v1
kind: Service
metadata: {name: llm-serve-svc, namespace: ray}
spec: {selector: {ray.io/serve: "true"}, ports: [{port: 8000}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: litellm, namespace: edge}
data:
  config.yaml: |
    model_list:
      - model_name: of-ray
        litellm_params: {model: openai/ray, api_base: "http://llm-serve-svc.ray.svc:8000/v1", api_key: os.environ/KEY}
"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: llm-head, namespace: ray, labels: {ray.io/serve: "true"}}
spec: {containers: [{name: ray, image: "rayproject/ray-llm:2.46.0"}]}
"""


@pytest.mark.parametrize(("text", "lost"), [(RAY, True), (RAY + POD, False)], ids=["nobody's pods", "Ray's pods"])
def test_a_service_that_leads_to_pods_of_a_controller_that_is_not_known_is_not_lost(
    text: str, lost: bool, tmp_path: Path
) -> None:
    (tmp_path / "all.yaml").write_text(text)
    found = asyncio.run(examine(Written(tmp_path), CHECKS)).outcome.findings
    assert ("PM611" in {one.check.id for one in found}) == lost


def test_where_pods_were_not_asked_for_nothing_is_said_of_what_a_service_leads_to(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(RAY)
    assert asyncio.run(examine(Written(tmp_path), chosen(["PM611"]))).outcome.findings == []
