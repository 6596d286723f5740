"""The control plane as its users see it: through kubectl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab

pytestmark = pytest.mark.lab

INFERENCE_SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: control-plane-test, namespace: kserve, annotations: {serving.kserve.io/stop: "true"}}
spec:
  predictor:
    containers:
    - {name: kserve-container, image: example.com/nothing, ports: [{containerPort: 8000}]}
"""


def read(lab: RunningLab, *arguments: str) -> Any:
    return json.loads(lab.kubectl("get", *arguments, "--output=json").stdout)


def test_the_server_says_its_kubernetes_version(lab: RunningLab) -> None:
    said = json.loads(lab.kubectl("version", "--output=json").stdout)
    assert said["serverVersion"]["gitVersion"] == "v1.34.4"


def test_the_layers_namespaces_and_gateways_are_there(lab: RunningLab) -> None:
    names = {found["metadata"]["name"] for found in read(lab, "namespaces")["items"]}
    assert {"serving", "kserve", "llm-d", "llm-gateway"} <= names
    gateways = {found["metadata"]["name"] for found in read(lab, "gateways", "--all-namespaces")["items"]}
    assert gateways == {"kserve-ingress-gateway", "llm-d-gateway"}


@pytest.mark.parametrize("namespace", ["serving", "kserve", "llm-d", "llm-gateway"])
def test_a_pod_that_wants_more_than_restricted_is_refused_where_models_are_served(
    lab: RunningLab, namespace: str
) -> None:
    words = ("run", "greedy", "--image=busybox:1.36", "--dry-run=server", f"--namespace={namespace}")
    done = lab.kubectl(*words, check=False)
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted:latest"' in done.stderr


def test_kserve_runs_in_standard_mode_behind_the_gateway_api(lab: RunningLab) -> None:
    options = read(lab, "configmap", "inferenceservice-config", "--namespace=kserve")["data"]
    assert json.loads(options["deploy"])["defaultDeploymentMode"] == "Standard"
    assert json.loads(options["ingress"])["enableGatewayApi"] is True


def test_the_presets_of_llm_d_are_installed(lab: RunningLab) -> None:
    presets = read(lab, "llminferenceserviceconfigs", "--namespace=kserve")["items"]
    assert "kserve-config-llm-template" in {found["metadata"]["name"] for found in presets}


def test_claims_get_the_labs_storage_class_by_default(lab: RunningLab) -> None:
    (found,) = read(lab, "storageclasses")["items"]
    assert found["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


def test_kserves_webhook_completes_an_inference_service_at_admission(lab: RunningLab) -> None:
    try:
        lab.kubectl("apply", "--filename=-", given=INFERENCE_SERVICE)
        found = read(lab, "inferenceservice", "control-plane-test", "--namespace=kserve")
        limits = found["spec"]["predictor"]["containers"][0]["resources"]["limits"]
        assert limits == {"cpu": "1", "memory": "2Gi"}
    finally:
        lab.kubectl("delete", "--filename=-", given=INFERENCE_SERVICE)


def test_kserves_webhook_refuses_an_impossible_name(lab: RunningLab) -> None:
    broken = INFERENCE_SERVICE.replace("control-plane-test", "9-lives")
    done = lab.kubectl("apply", "--filename=-", given=broken, check=False)
    assert done.returncode != 0
    assert "admission webhook" in done.stderr


def test_both_versions_of_an_llm_inference_service_are_served(lab: RunningLab) -> None:
    for version in ("v1alpha1", "v1alpha2"):
        listed = lab.kubectl("get", f"llminferenceserviceconfigs.{version}.serving.kserve.io", "--namespace=kserve")
        assert "kserve-config-llm-template" in listed.stdout


def test_explain_knows_the_fields_of_the_real_definitions(lab: RunningLab) -> None:
    assert "prefill" in lab.kubectl("explain", "llminferenceservice.spec").stdout


def test_private_files_of_the_lab_are_the_owners_alone(lab: RunningLab) -> None:
    private = [lab.kubeconfig, *(lab.config.home / "pki").glob("*.key"), *(lab.config.home / "pki").glob("*.token")]
    assert len(private) > 5
    assert [path for path in private if path.stat().st_mode & 0o077] == []


def test_kubectl_leaves_nothing_in_the_users_own_directory(lab: RunningLab) -> None:
    own = Path.home() / ".kube"
    server = f"127.0.0.1:{lab.config.ports['apiserver']}"
    config = own / "config"
    assert not config.exists() or server not in config.read_text()
    assert not list(own.glob(f"cache/**/*{lab.config.ports['apiserver']}"))
