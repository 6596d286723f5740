"""``pointsman teardown`` as a person runs it, on the real layers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.layers.registry import layer
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.docs.schemas.holding import held
from tests.root.cluster import ArgoCluster, application
from tests.root.tenants import MODEL, tenants

SPEC = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"
Object = dict[str, Any]


def told(cluster: ArgoCluster, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with serving(cluster, folder) as kubeconfig:
        return run("teardown", str(SPEC), *words, "--kubeconfig", str(kubeconfig), "--repo", str(folder))


def platform(*, layer_of_tenants: str = "raw-vllm") -> ArgoCluster:
    objects = layer("kserve").render(MODEL)
    app = application("kserve-demo", holds=objects)
    return ArgoCluster.holding(*tenants({layer_of_tenants: 100}), *objects, app)


def test_what_would_go_is_printed_and_nothing_is_taken(tmp_path: Path) -> None:
    done = told(platform(), tmp_path, "--layer", "kserve", "--dry-run", "-o", "json")
    assert done.returncode == 0, done.stderr
    found: Object = json.loads(done.stdout)
    held("teardown-layer-preview", found)
    assert found["objects"] == ["PersistentVolumeClaim kserve/qwen-cache", "InferenceService kserve/qwen"]
    assert found["volumes"] == [{"claim": "kserve/qwen-cache", "size": "20Gi"}]
    assert [one["code"] for one in found["traps"]] == ["teardown-volumes"]
    text = told(platform(), tmp_path, "--layer", "kserve", "--dry-run", "--keep-volumes").stdout
    assert "KServe of model qwen goes:" in text
    assert "  stays: PersistentVolumeClaim kserve/qwen-cache" in text


@pytest.mark.parametrize(
    ("words", "where", "code"),
    [
        (("--layer", "kserve"), "kserve", "teardown-served"),
        (("--layer", "raw-vllm"), "kserve", "teardown-declared"),
        (("--layer", "kserve"), "raw-vllm", "not-asked"),
        (("--layer", "kserv"), "raw-vllm", "layer-unknown"),
    ],
)
def test_what_is_refused_is_refused_with_a_code(tmp_path: Path, words: tuple[str, ...], where: str, code: str) -> None:
    cluster = platform(layer_of_tenants=where)
    done = told(cluster, tmp_path, *words)
    assert done.returncode in (1, 2)
    assert f"error [{code}]" in done.stderr
    assert cluster.applied == []
