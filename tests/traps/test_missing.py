"""What KServe stands on, taken away: in a lab of its own, and put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.serving import (
    CLASS,
    GATEWAY,
    MODE,
    Object,
    condition,
    inference_service,
    llm_d_service,
    made,
    main,
    space,
)
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

HERE = ("-n", "kserve")
AT_ONCE = ("--patience", "0")
MANAGED = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields")


@contextmanager
def without(lab: RunningLab, kind: str, *names: str, namespace: str = "") -> Iterator[None]:
    """These objects are gone while the block runs, and put back as they were."""
    at = (f"--namespace={namespace}",) if namespace else ()
    found = json.loads(lab.kubectl("get", kind, *names, *at, "--output=json").stdout)
    kept: list[Object] = found.get("items", [found])
    for one in kept:
        one.pop("status", None)
        one["metadata"] = {key: value for key, value in one["metadata"].items() if key not in MANAGED}
    try:
        lab.kubectl("delete", kind, *(one["metadata"]["name"] for one in kept), *at, "--timeout=60s", timeout=90)
        yield
    finally:
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": kept})
        until(lambda: lab.kubectl("apply", "--server-side", "--filename=-", given=given, check=False).returncode == 0)


@pytest.mark.bites("KServe's Gateway is missing, and no status says so", "PM707")
def test_the_gateway_is_missing(own_lab: RunningLab, trap: Trap) -> None:
    with space(own_lab) as here:
        with without(own_lab, "gateway", "kserve-ingress-gateway", namespace="kserve"):
            assert trap.doctor(*HERE, "--for", "kserve")
            here.apply(inference_service("qwen", here.name))
            here.answers("qwen-predictor")
            said = here.says("inferenceservice", "qwen", "IngressReady", "ParentStatusNotAvailable")
            assert "kserve-ingress-gateway" not in said
            trap.bit(f"its engine answers, it is never Ready, and IngressReady says no more than: {said}")
        here.ready("inferenceservice", "qwen")
    trap.healthy(*HERE, "--for", "kserve")


@pytest.mark.bites("the Gateway that a model names is missing", "PM740")
def test_the_named_gateway_is_missing(lab: RunningLab, trap: Trap) -> None:
    with space(lab) as here:
        nowhere = {"gateway": {"refs": [{"name": "nowhere", "namespace": here.name}]}, "route": {}}
        here.apply(llm_d_service("qwen", here.name, router=nowhere))
        assert trap.doctor("-n", here.name)
        here.comes("deployment", "qwen-kserve", 120)
        said = here.says("llminferenceservice", "qwen", "RouterReady", "RefsInvalid")
        trap.bit(f"its engine is there, and nobody reaches it; RouterReady says {said}")
        there = {"gateway": {"refs": [GATEWAY]}, "route": {}}
        here.apply(llm_d_service("qwen", here.name, router=there))
        here.ready("llminferenceservice", "qwen")
        trap.healthy("-n", here.name)


@pytest.mark.bites("KServe's presets are not installed", "PM709")
def test_the_presets_are_missing(own_lab: RunningLab, trap: Trap) -> None:
    with space(own_lab) as here:
        # Its webhook would not let them go.
        guard = without(own_lab, "validatingwebhookconfiguration", "llminferenceserviceconfig.serving.kserve.io")
        with guard, without(own_lab, "llminferenceserviceconfigs", namespace="kserve"):
            assert trap.doctor("--for", "llm-d")
            here.apply(llm_d_service("qwen", here.name))
            said = here.says("llminferenceservice", "qwen", "PresetsCombined", "")
            assert here.all("deployments") == []
            trap.bit(f"no Deployment is made; PresetsCombined says {said}")
        here.comes("deployment", "qwen-kserve", 120)
    trap.healthy("--for", "llm-d")


@pytest.mark.bites("LeaderWorkerSets are not defined, and a model is to run on several nodes", "PM701")
def test_a_definition_is_missing(own_lab: RunningLab, trap: Trap) -> None:
    worker = {"containers": [main()]}
    with space(own_lab) as here:
        wide = llm_d_service("wide", here.name, worker=worker, parallelism={"data": 2, "dataLocal": 1})
        with without(own_lab, "crd", "leaderworkersets.leaderworkerset.x-k8s.io"):
            here.apply(wide)
            assert trap.doctor("-n", here.name)

            def said() -> str:
                found = condition(here.read("llminferenceservice", "wide"), "Ready")
                return str(found.get("message") or "") if found.get("status") == "False" else ""

            message = until(said)
            assert "LeaderWorkerSet" in message
            trap.bit(f"no pod is made, and it says {message}")
        trap.healthy("-n", here.name)


@pytest.mark.bites("the cluster's default mode is Knative, which is not there", "PM203", "PM706")
def test_the_default_mode(own_lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    config = ("inferenceservice-config", "kserve")

    def default(mode: str) -> None:
        data = read(own_lab.kubeconfig, "configmap", *config)["data"]
        deploy = json.dumps(json.loads(data["deploy"]) | {"defaultDeploymentMode": mode})
        body = json.dumps({"data": {"deploy": deploy}})
        own_lab.kubectl("patch", "configmap", config[0], f"--namespace={config[1]}", "--type=merge", f"--patch={body}")

    with space(own_lab) as here:
        bare = inference_service("bare", here.name, None, {MODE: ""})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", bare))
        try:
            default("Knative")
            assert trap.doctor(*HERE, "--for", "kserve")
            here.apply(bare)
            until(lambda: here.read("inferenceservice", "bare").get("status", {}).get("deploymentMode") == "Knative")
            good = inference_service("good", here.name)
            here.apply(good)
            here.comes("deployment", "good-predictor")
            assert here.read("deployment", "bare-predictor") == {}
            ready = condition(here.read("inferenceservice", "bare"), "Ready")
            assert (ready["status"], ready.get("message", "")) == ("Unknown", "")
            trap.bit(
                "the file makes no Deployment here, and its status says Unknown without a message; Standard serves"
            )
        finally:
            default("Standard")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))
    trap.healthy(*HERE, "--for", "kserve")


KEDA = made(
    *("apiextensions.k8s.io/v1", "CustomResourceDefinition", "scaledobjects.keda.sh"),
    spec={
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
)
"""As much of KEDA as KServe's controller needs to write what it wants of it."""


@pytest.mark.bites("another autoscalerClass leaves the scaler of before behind", "PM217")
def test_a_scaler_that_is_left(own_lab: RunningLab, trap: Trap) -> None:
    with space(own_lab) as here:
        service = inference_service("qwen", here.name)
        keda = inference_service("qwen", here.name, None, {CLASS: "keda"})
        try:
            here.apply(KEDA)
            here.apply(service)
            here.comes("horizontalpodautoscaler", "qwen-predictor")
            trap.healthy("-n", here.name)
            here.apply(keda)
            until(lambda: here.all("scaledobjects.keda.sh"))
            here.ready("inferenceservice", "qwen")
            assert here.read("horizontalpodautoscaler", "qwen-predictor")
            assert trap.doctor("-n", here.name)
            here.apply(inference_service("qwen", here.name, None, {CLASS: "none"}))
            until(lambda: not here.read("horizontalpodautoscaler", "qwen-predictor"))
            left = [one["metadata"]["name"] for one in here.all("scaledobjects.keda.sh")]
            assert left == ["qwen-predictor"]
            assert trap.doctor("-n", here.name)
            trap.bit("hpa to keda left the HorizontalPodAutoscaler, keda to none the ScaledObject, each with an owner")
            here.delete("scaledobject", "qwen-predictor")
            until(lambda: not here.all("scaledobjects.keda.sh"))
            trap.healthy("-n", here.name)
        finally:
            own_lab.kubectl("delete", "crd", "scaledobjects.keda.sh", "--ignore-not-found", timeout=90)


@pytest.mark.bites("an InferenceService that says Knative, where there is no Knative", "PM706")
def test_knative_is_missing(lab: RunningLab, trap: Trap) -> None:
    with space(lab) as here:
        here.apply(inference_service("qwen", here.name, None, {MODE: "Knative"}))
        until(lambda: condition(here.read("inferenceservice", "qwen"), "Ready"))
        trap.doctor("-n", here.name)
        standard = inference_service("chat", here.name)
        here.apply(standard)
        here.comes("deployment", "chat-predictor")
        assert here.read("deployment", "qwen-predictor") == {}
        ready = condition(here.read("inferenceservice", "qwen"), "Ready")
        trap.bit(f"nothing is made, and Ready says {ready['status']} and {ready.get('message') or 'no message'}")
        here.delete("inferenceservice", "qwen")
        until(lambda: not here.read("inferenceservice", "qwen"))
        trap.healthy("-n", here.name)


def webhook(space_name: str, service: str, annotations: dict[str, str]) -> Object:
    """One that is asked about ConfigMaps of a namespace, and that may not be left out."""
    called = {"name": service, "namespace": "kserve", "path": "/validate", "port": 443}
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]
    one = {
        "name": "models.example.com",
        "clientConfig": {"service": called},
        "rules": rules,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space_name}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
    }
    version = "admissionregistration.k8s.io/v1"
    return made(version, "ValidatingWebhookConfiguration", space_name, annotations=annotations, webhooks=[one])


@pytest.mark.parametrize(
    ("service", "annotations", "words"),
    [
        pytest.param(
            *("uninstalled", {}, 'service "uninstalled" not found'),
            marks=pytest.mark.bites("a webhook that was left by something uninstalled", "PM704"),
            id="PM704",
        ),
        pytest.param(
            *("kserve-webhook-server-service", {"cert-manager.io/inject-ca-from": "kserve/serving-cert"}, "x509"),
            marks=pytest.mark.bites("cert-manager has not given a webhook its CA", "PM705"),
            id="PM705",
        ),
    ],
)
def test_a_webhook_that_nobody_answers(
    own_lab: RunningLab, trap: Trap, service: str, annotations: dict[str, str], words: str
) -> None:
    with space(own_lab) as here:
        try:
            here.apply(webhook(here.name, service, annotations))
            assert trap.doctor(*AT_ONCE)
            asked = made("v1", "ConfigMap", "anything", here.name, data={"a": "b"})
            said = str(until(lambda: _refusal(own_lab, asked)))
            assert words in said
            trap.bit(f"every ConfigMap of the namespace is refused: {said}")
        finally:
            own_lab.kubectl("delete", "validatingwebhookconfiguration", here.name, "--ignore-not-found")
        until(lambda: not _refusal(own_lab, asked))
        trap.healthy(*AT_ONCE)


def _refusal(lab: RunningLab, asked: Object) -> str:
    """What is said to whoever makes it; nothing is stored."""
    words = ("create", "--dry-run=server", "--filename=-")
    return lab.kubectl(*words, given=json.dumps(asked), check=False).stderr
