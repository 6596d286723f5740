"""What is in the manifests, on the three real layers."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pointsman.layers.contract import Layer, Manifest
from pointsman.layers.registry import LAYERS, layer
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import Model
from tests.layers.models import PREFILL, changed, example

GOLDEN = Path(__file__).parent / "golden"
REPO = "      repo: Qwen/Qwen2.5-0.5B-Instruct"
REVISION = (REPO, f"{REPO}\n      revision: abc123")
TOKEN = (REPO, f"{REPO}\n      token: {{secret: hub, key: token}}")
CPU = ("gpusPerReplica: 1", "gpusPerReplica: 0")
VARIANTS: dict[str, tuple[tuple[str, str], ...]] = {
    "qwen": (),
    "qwen-prefill": (PREFILL,),
    "qwen-cpu-two-replicas": (CPU, ("  replicas: 1", "  replicas: 2")),
    "qwen-staged": (
        ("      name: raw-vllm\n", "      name: raw-vllm\n      weights: {pvc: {claim: staged, path: qwen}}\n"),
        ("    kserve:\n", "    kserve:\n      weights: {pvc: {claim: staged}}\n"),
        ("      name: qwen-llmd\n", "      name: qwen-llmd\n      weights: {pvc: {claim: staged, path: qwen}}\n"),
    ),
}
each_layer = pytest.mark.parametrize("each", LAYERS, ids=lambda one: one.id)


def pods(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    """Every engine pod in the manifests."""
    for manifest in manifests:
        spec = manifest["spec"]
        if manifest["kind"] == "Deployment":
            yield spec["template"]["spec"]
        elif manifest["kind"] == "InferenceService":
            yield spec["predictor"]
        elif manifest["kind"] == "LLMInferenceService":
            yield spec["template"]
            if "prefill" in spec:
                yield spec["prefill"]["template"]


def engines(each: Layer, model: Model) -> list[dict[str, Any]]:
    """The engine container of every pod."""
    return [pod["containers"][0] for pod in pods(each.render(model))]


def words(container: dict[str, Any]) -> list[str]:
    """The arguments as the engine sees them."""
    if container["name"] != "main":
        return list(container["args"])
    for text in container["args"]:
        assert "{{" not in text.replace("{{`{{`}}", ""), "KServe would run this as a template"
    return [word for text in container["args"] for word in shlex.split(text.replace("{{`{{`}}", "{{"))]


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


@pytest.mark.parametrize("variant", VARIANTS)
@each_layer
def test_the_manifests_are_those_kept_in_golden(each: Layer, variant: str) -> None:
    text = yaml_stream(each.render(changed(*VARIANTS[variant])))
    path = GOLDEN / f"{variant}.{each.id}.yaml"
    if os.environ.get("POINTSMAN_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "set POINTSMAN_WRITE_GOLDEN=1 to accept the change"


@pytest.mark.parametrize("variant", VARIANTS)
@each_layer
def test_the_stream_reads_back_as_what_was_rendered(each: Layer, variant: str) -> None:
    manifests = each.render(changed(*VARIANTS[variant]))
    assert list(YAML(typ="safe", pure=True).load_all(yaml_stream(manifests))) == manifests


def test_text_that_yaml_1_1_would_misread_is_quoted() -> None:
    tricky = ["on", "y", "No", "1:30", "1_000", "0o17", "0x1F", "1e3", "1.5", "+1", ".5", ".inf", "~", "", "2024-01-01"]
    text = yaml_stream([{"args": tricky}])
    assert all(f'- "{word}"' in text for word in tricky)
    assert list(YAML(typ="safe", pure=True).load_all(text)) == [{"args": tricky}]


@each_layer
def test_context_length_key_and_name_are_the_same_on_every_layer(each: Layer) -> None:
    for container in engines(each, changed(PREFILL)):
        assert "--max-model-len=8192" in words(container)
        key = named(container["env"], "VLLM_API_KEY")
        assert key["valueFrom"]["secretKeyRef"] == {"name": "vllm-api-key", "key": "api-key"}
    manifests = yaml_stream(each.render(example()))
    assert "qwen2.5-0.5b-instruct" in manifests
    assert "publishers" not in manifests


@each_layer
def test_the_operators_arguments_come_once_and_survive_a_shell_and_a_template(each: Layer) -> None:
    wild = """--override-generation-config={"a": "{{ $HOME }} `id` 'x'"}"""
    args = f"      - --max-model-len=8192\n      - '{wild.replace(chr(39), chr(39) * 2)}'\n"
    model = changed(("      - --gpu-memory-utilization=0.6\n", args))
    for container in engines(each, model):
        assert words(container).count(wild) == 1
        assert [word for word in words(container) if "max-model-len" in word] == ["--max-model-len=8192"]


@each_layer
def test_an_engine_has_time_to_finish_what_runs(each: Layer) -> None:
    model = changed(("  accelerator:\n", "    shutdown: {preStopSeconds: 20, timeoutSeconds: 100}\n  accelerator:\n"))
    for pod in pods(each.render(model)):
        container = pod["containers"][0]
        assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "20"]
        assert "--shutdown-timeout=100" in words(container)
        assert pod["terminationGracePeriodSeconds"] > 120


@each_layer
def test_requests_and_limits_are_explicit_and_gpus_only_where_asked_for(each: Layer) -> None:
    for container in engines(each, example()):
        assert container["resources"]["requests"] == {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"}
        assert container["resources"]["limits"] == {"cpu": "4", "memory": "12Gi", "nvidia.com/gpu": "1"}
    assert "nvidia.com/gpu" not in yaml_stream(each.render(changed(CPU)))


@each_layer
def test_pods_are_not_root_and_see_no_service_variables(each: Layer) -> None:
    for pod in pods(each.render(changed(PREFILL))):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["enableServiceLinks"] is False, "a Service named vllm would set VLLM_PORT to a URL"
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            if container["name"] != "main":
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@each_layer
def test_a_revision_and_a_hub_token_reach_whoever_downloads(each: Layer) -> None:
    text = yaml_stream(each.render(changed(REVISION)))
    assert "--revision=abc123" in text or "hf://Qwen/Qwen2.5-0.5B-Instruct:abc123" in text
    (pod,) = pods(each.render(changed(TOKEN)))
    downloader = (pod.get("initContainers") or pod["containers"])[0]
    assert named(downloader["env"], "HF_TOKEN")["valueFrom"]["secretKeyRef"] == {"name": "hub", "key": "token"}


@each_layer
def test_staged_weights_are_read_from_the_claim_and_nothing_is_downloaded(each: Layer) -> None:
    manifests = each.render(changed(*VARIANTS["qwen-staged"]))
    text = yaml_stream(manifests)
    assert "staged" in text
    assert "hf://" not in text
    assert "PersistentVolumeClaim" not in [manifest["kind"] for manifest in manifests]
    assert "storage-initializer" not in text


@pytest.mark.parametrize("name", ["raw-vllm", "kserve"])
def test_one_replica_on_a_gpu_is_replaced_and_not_surged(name: str) -> None:
    assert "type: Recreate" in yaml_stream(layer(name).render(example()))
    assert "type: Recreate" not in yaml_stream(layer(name).render(changed(CPU)))
    spare = changed((f"    {name}:\n", f"    {name}:\n      surge: true\n"))
    assert "maxSurge: 1" in yaml_stream(layer(name).render(spare))
    many = changed(("  replicas: 1", "  replicas: 2"))
    assert "maxSurge: 0" in yaml_stream(layer(name).render(many))
    assert "ReadWriteMany" in yaml_stream(layer(name).render(many))


def test_slow_loading_is_within_the_startup_probe_and_the_progress_deadline() -> None:
    manifests = layer("raw-vllm").render(changed(("  accelerator:\n", "    startupSeconds: 3601\n  accelerator:\n")))
    (container,) = [pod["containers"][0] for pod in pods(manifests)]
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 3601
    assert manifests[-1]["spec"]["progressDeadlineSeconds"] > 3601


def test_kserve_gets_its_container_first_a_fixed_size_and_a_long_timeout() -> None:
    service = layer("kserve").render(example())[-1]
    predictor = service["spec"]["predictor"]
    assert predictor["containers"][0]["name"] == "kserve-container"
    assert predictor["timeout"] == 3600
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 1)
    assert service["metadata"]["annotations"] == {
        "serving.kserve.io/autoscalerClass": "none",
        "serving.kserve.io/deploymentMode": "Standard",
    }


def test_prefill_and_decode_share_a_connector_and_say_where_they_are() -> None:
    decode, prefill = engines(layer("llm-d"), changed(PREFILL))
    assert decode == prefill
    assert '--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}' in words(decode)
    assert named(decode["env"], "VLLM_NIXL_SIDE_CHANNEL_HOST")["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
    assert not any("kv-transfer" in word for word in words(engines(layer("llm-d"), example())[0]))


def test_another_gateway_is_followed_to_its_service() -> None:
    gateway = "      gateway: {name: shared, namespace: infra, service: envoy-shared, port: 8080}\n"
    model = changed(("      name: qwen-llmd\n", f"      name: qwen-llmd\n{gateway}"))
    assert layer("llm-d").render(model)[0]["spec"]["router"]["gateway"] == {
        "refs": [{"name": "shared", "namespace": "infra"}]
    }
    assert layer("llm-d").endpoint(model).base_url == (
        "http://envoy-shared.infra.svc.cluster.local:8080/llm-d/qwen-llmd/v1"
    )


def test_tool_calls_are_switched_on_everywhere_when_promised() -> None:
    parser = ("- --gpu-memory-utilization=0.6\n", "- --tool-call-parser=hermes\n")
    model = changed(("toolCalls: false", "toolCalls: true"), parser)
    for each in LAYERS:
        assert all("--enable-auto-tool-choice" in words(container) for container in engines(each, model))


@each_layer
@pytest.mark.parametrize("variant", ["qwen", "qwen-staged", "qwen-prefill"])
def test_a_variable_of_the_operators_own_replaces_the_layers_usual_one(each: Layer, variant: str) -> None:
    """Server-side apply refuses a list of variables in which a name comes twice."""
    plain = changed(*VARIANTS[variant])
    usual = {one["name"] for container in engines(each, plain) for one in container["env"]} - {"VLLM_API_KEY"}
    assert "USER" in usual
    engine = plain.spec.engine.model_copy(update={"env": dict.fromkeys(usual, "mine")})
    own = plain.model_copy(update={"spec": plain.spec.model_copy(update={"engine": engine})})
    for container in engines(each, own):
        names = [one["name"] for one in container["env"]]
        assert sorted(names) == sorted({*usual, "VLLM_API_KEY"})
        assert {one["value"] for one in container["env"] if one["name"] in usual} == {"mine"}
