"""What a container's words become on this machine: mounts, addresses, references, images, quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.lab.node.fields import expand, field_value, resource_value
from pointsman.lab.node.images import image_id, look_up, repository_of
from pointsman.lab.node.quantities import in_units, quantity
from pointsman.lab.node.rewriting import Rewriter

REWRITER = Rewriter({"/models": "/host/m", "/mnt/models": "/host/mm", "/tmp": "/host/tmp", "/m": "/tmp/x"}, "127.9.0.5")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/mnt/models", "/host/mm"),
        ("/mnt/models/config.json", "/host/mm/config.json"),
        ("--model=/mnt/models --cache /models", "--model=/host/mm --cache /host/m"),
        ("/models-cache /modelsx", "/models-cache /modelsx"),
        ("http://host/models", "http://host/models"),
        ("hf://org/models", "hf://org/models"),
        ("/v1/models", "/v1/models"),
        ("file:///models/a", "file:///host/m/a"),
        ("/models:/tmp:/etc", "/host/m:/host/tmp:/etc"),
        ("cat '/models/a' > \"/tmp/b\"", "cat '/host/m/a' > \"/host/tmp/b\""),
        ("/m/tmp", "/tmp/x/tmp"),
        ("curl localhost:8000/health", "curl 127.9.0.5:8000/health"),
        ("http://127.0.0.1:8001", "http://127.9.0.5:8001"),
        ("--host 0.0.0.0", "--host 127.9.0.5"),
        ("10.0.0.0.0 localhost", "10.0.0.0.0 localhost"),
    ],
)
def test_mount_paths_and_loopback_names_are_replaced_at_their_boundaries(written: str, meant: str) -> None:
    assert REWRITER.text(written) == meant


@given(st.text(alphabet="abc/.-: \n'\"$", max_size=60))
def test_text_without_a_mount_or_a_loopback_name_is_left_alone(text: str) -> None:
    assert Rewriter({"/models": "/host"}, "127.9.0.5").text(text) == text


def test_references_are_expanded_once_and_unknown_ones_stay() -> None:
    assert expand("$(A)/$(B) $$(A) $$$$ $(C", {"A": "$(B)", "B": "b"}) == "$(B)/b $(A) $$ $(C"


def test_a_pod_is_told_about_itself() -> None:
    pod = {
        "metadata": {"name": "p", "labels": {"a/b": "x"}},
        "spec": {},
        "status": {"podIP": "10.9.0.5", "podIPs": [{"ip": "10.9.0.5"}]},
    }
    assert field_value(pod, "metadata.labels['a/b']") == "x"
    assert field_value(pod, "metadata.labels") == 'a/b="x"'
    assert field_value(pod, "status.podIPs") == "10.9.0.5"
    with pytest.raises(KeyError):
        field_value(pod, "spec.nothing")


def test_a_limit_nobody_set_is_what_the_node_has() -> None:
    container = {"resources": {"limits": {"cpu": "1500m"}}}
    node = {"memory": "64Gi"}
    assert resource_value(container, node, "limits.cpu", "1m") == "1500"
    assert resource_value(container, node, "requests.cpu", None) == "2"
    assert resource_value(container, node, "limits.memory", "1Gi") == "64"


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("500m", 0.5), ("4Gi", 4 * 2**30), ("1k", 1000), ("2E", 2 * 10**18)]
)
def test_quantities_are_read_exactly(text: str, number: float) -> None:
    assert float(quantity(text)) == number
    assert in_units(text, text) == "1"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1.36@sha256:abc", "docker.io/library/busybox"),
        ("vllm/vllm-openai:v0.23.0", "docker.io/vllm/vllm-openai"),
        ("ghcr.io/llm-d/llm-d-cuda:v0.8.0", "ghcr.io/llm-d/llm-d-cuda"),
        ("localhost:5000/own", "localhost:5000/own"),
    ],
)
def test_an_image_reference_names_its_full_repository(image: str, repository: str) -> None:
    assert repository_of(image) == repository


def test_the_images_own_entrypoint_is_used_unless_a_command_is_given() -> None:
    vllm = look_up("vllm/vllm-openai:v0.23.0")
    assert vllm is not None
    assert vllm.argv([], ["--model", "x"]) == ["vllm", "serve", "--model", "x"]
    assert vllm.argv(["bash", "-c"], ["exec vllm serve"]) == ["bash", "-c", "exec vllm serve"]
    sidecar = look_up("ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.9.0")
    assert sidecar is not None
    assert sidecar.argv(["/app/pd-sidecar", "--port=8000"], []) == ["llm-d-router-disagg-sidecar", "--port=8000"]
    assert look_up("nobody/knows") is None


def test_a_pinned_image_reports_its_own_digest() -> None:
    assert image_id("a/b:1@sha256:12") == "docker.io/a/b@sha256:12"
    assert image_id("a/b:1").startswith("docker.io/a/b@sha256:")
