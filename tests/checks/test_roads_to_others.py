"""An alias of engines that controllers make which are not known here: no error, and no silence either."""

from __future__ import annotations

import json
from pathlib import Path

from pointsman.layers.registry import layer
from pointsman.spec.loading import load_model
from tests.cli.program import SPEC, run

PLATFORM = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: vllm, namespace: several-nodes}
spec:
  leaderWorkerTemplate:
    size: 2
    leaderTemplate:
      metadata: {labels: {role: leader}}
      spec: {containers: [{name: vllm-leader, image: "vllm/vllm-openai:v0.23.0"}]}
    workerTemplate: {spec: {containers: [{name: vllm-worker, image: "vllm/vllm-openai:v0.23.0"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: vllm-leader, namespace: several-nodes}
spec: {selector: {leaderworkerset.sigs.k8s.io/name: vllm, role: leader}, ports: [{port: 8080}]}
---
apiVersion: ray.io/v1
kind: RayService
metadata: {name: llm, namespace: ray}
spec: {serveConfigV2: "applications: []"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: ray}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: litellm, namespace: edge}
data:
  config.yaml: |
    model_list:
      - model_name: over-nodes
        litellm_params: {model: openai/big, api_base: "http://vllm-leader.several-nodes:8080/v1", api_key: os.environ/K}
      - model_name: of-ray
        litellm_params: {model: openai/ray, api_base: "http://llm-serve-svc.ray.svc:8000/v1", api_key: os.environ/KEY}
"""


def test_of_pods_and_services_of_others_it_is_said_that_they_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(PLATFORM, "utf-8")
    found = json.loads(run("lint", str(tmp_path), "-o", "json").stdout)
    assert "PM611" not in {one["id"] for one in found["findings"]}
    said = {one["why"].partition(":")[0]: one["why"] for one in found["notRead"]}
    assert said["over-nodes"].endswith("what LeaderWorkerSet several-nodes/vllm makes is not known here")
    assert said["of-ray"].endswith("what RayService ray/llm makes is not known here")


def test_without_their_makers_both_are_lost(tmp_path: Path) -> None:
    own = [one for one in PLATFORM.split("---\n") if "kind: LeaderWorkerSet" not in one and "kind: Ray" not in one]
    (tmp_path / "all.yaml").write_text("---\n".join(own), "utf-8")
    found = json.loads(run("lint", str(tmp_path), "-o", "json").stdout)
    assert [one["id"] for one in found["findings"]].count("PM611") == 2


def test_an_alias_of_a_model_that_is_declared_here_leads_to_what_would_be_rendered(tmp_path: Path) -> None:
    """No file holds the Service, since the layer's objects are applied; another name of it is lost all the same."""
    text = Path(SPEC).read_text("utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/qwen.yaml").write_text(text, "utf-8")
    (tmp_path / "others.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kserve}\ndata: {a: b}\n", "utf-8"
    )
    entries = [
        ("qwen-local", layer("kserve").endpoint(load_model(Path(SPEC))).base_url),
        ("shorter", "http://qwen-predictor.kserve/v1"),
        ("wrong", "http://qwen-predicter.kserve.svc/v1"),
    ]
    edge = "".join(
        f"  - model_name: {name}\n    litellm_params: {{model: openai/q, api_base: {base}, api_key: os.environ/KEY}}\n"
        for name, base in entries
    )
    (tmp_path / "litellm.yaml").write_text(f"model_list:\n{edge}", "utf-8")
    found = json.loads(run("lint", str(tmp_path), "-o", "json").stdout)
    (lost,) = [one for one in found["findings"] if one["id"] == "PM611"]
    assert "qwen-predicter" in lost["what"]
