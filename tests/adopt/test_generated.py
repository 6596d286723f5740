"""LiteLLM's configuration as most keep it under Kustomize: a file that a ConfigMap is generated of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.test_adopt import adopted, data
from tests.adopt.test_folder import real, written
from tests.adopt.test_roads import RAW, SERVICE, entry

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: NAME, namespace: argocd}
spec: {source: {repoURL: u, path: NAME}, destination: {namespace: serving}}
---
"""
KUSTOMIZATION = """\
namespace: serving
resources: [proxy.yaml]
configMapGenerator: [{name: proxy, files: [config.yaml]OPTIONS}]
"""
PROXY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy}
spec:
  selector: {matchLabels: {app: proxy}}
  template:
    metadata: {labels: {app: proxy}}
    spec:
      containers: [{name: a, image: "litellm:1", volumeMounts: [{name: c, mountPath: /app}]}]
      volumes: [{name: c, configMap: {name: proxy}}]
"""
SIZED = "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}\n          ports:"
CONFIG = entry("http://qwen:8000")


def platform(root: Path, options: str = "") -> Path:
    files = {
        "apps.yaml": APPLICATION.replace("NAME", "qwen") + APPLICATION.replace("NAME", "proxy"),
        "qwen/raw.yaml": RAW.replace("ports:", SIZED),
        "qwen/service.yaml": SERVICE,
        "proxy/kustomization.yaml": KUSTOMIZATION.replace("OPTIONS", options),
        "proxy/proxy.yaml": PROXY,
        "proxy/config.yaml": CONFIG,
    }
    return written(root, files)


@real
def test_it_is_one_edge_of_its_application_and_the_file_is_mended(tmp_path: Path) -> None:
    root = platform(tmp_path)
    found = data(root)
    (edge,) = found["edges"]
    assert (edge["file"], edge["application"]) == ("proxy/config.yaml", "proxy")
    assert [one["code"] for one in found["findings"]] == ["adopt-base-url"]
    assert found["alsoChanged"] == {}
    assert adopted(root, "--fix", "--yes").returncode == 0
    assert (root / "proxy/config.yaml").read_text().replace("'", "") == CONFIG.replace(":8000", ":8000/v1").replace(
        "'", ""
    )


@real
@pytest.mark.parametrize("kept", [True, False])
def test_a_model_names_the_objects_but_no_name_that_changes_with_its_text(kept: bool, tmp_path: Path) -> None:
    root = platform(tmp_path, ", options: {disableNameSuffixHash: true}" if kept else "")
    assert adopted(root, "--fix", "--yes").returncode == 0
    assert adopted(root, "--write").returncode == 0
    text = (root / "models/chat.yaml").read_text()
    assert "      deployment: proxy\n" in text
    assert "      key: config.yaml\n" in text
    assert ("      configMap: proxy\n" in text) is kept
    assert ("to be filled in: configMap" in text) is not kept
    assert "proxy/config.yaml" in (root / "platform.yaml").read_text()
