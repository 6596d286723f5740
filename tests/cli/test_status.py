"""``pointsman status`` on a cluster with few and with many models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pointsman.layers.registry import layer
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from tests.cli.cluster import ReadOnlyCluster, serving

SPEC = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"
CONFIG = "/api/v1/namespaces/llm-gateway/configmaps/litellm-config"


def models(count: int) -> list[Model]:
    """The example model under many names, each with an alias of its own."""
    said = load_model(SPEC).model_dump(mode="json", by_alias=True)
    found = []
    for number in range(count):
        name = f"model-{number:04d}"
        said["metadata"]["name"] = name
        said["spec"]["tenant"]["alias"] = f"{name}-alias"
        said["spec"]["layers"]["raw-vllm"]["name"] = name
        found.append(Model.model_validate(said))
    return found


def platform(known: list[Model]) -> ReadOnlyCluster:
    """All of them deployed on raw vLLM, behind one edge."""
    raw = layer("raw-vllm")
    entries = "".join(
        f"""
  - model_name: {model.spec.tenant.alias}
    litellm_params:
      model: openai/{model.spec.served_model_name}
      api_base: {raw.endpoint(model).base_url}
      api_key: os.environ/UPSTREAM_API_KEY
      weight: 100
    model_info: {{id: {model.name}-raw-vllm}}"""
        for model in known
    )
    volumes = [{"name": "config", "configMap": {"name": "litellm-config"}}]
    edge = {"replicas": 1, "selector": {}, "template": {"spec": {"volumes": volumes}}}
    return ReadOnlyCluster.of(
        [
            thing("apps/v1", "Deployment", "litellm", "llm-gateway", spec=edge),
            thing("v1", "ConfigMap", "litellm-config", "llm-gateway", data={"config.yaml": f"model_list:{entries}\n"}),
            *(one for model in known for one in raw.render(model)),
            *(
                thing("v1", "ConfigMap", f"model-{model.name}", "pointsman-system", {"pointsman.dev/spec": model.name})
                | {"data": {"model.json": model.model_dump_json(by_alias=True)}}
                for model in known
            ),
        ]
    )


def thing(
    version: str, kind: str, name: str, namespace: str, labels: dict[str, str] | None = None, **rest: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, "resourceVersion": "1"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def status(count: int, folder: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What the command says of so many models, and what it asked the API server for."""
    cluster = platform(models(count))
    with serving(cluster, folder) as kubeconfig:
        program = [sys.executable, "-c", "from pointsman.cli.main import main; main()"]
        done = subprocess.run(
            [*program, "status", "--output", "json", "--kubeconfig", str(kubeconfig)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["models"]
    return found, cluster.asked


def test_many_models_cost_the_api_server_no_more_calls_than_one(tmp_path: Path) -> None:
    one, asked_for_one = status(1, tmp_path)
    many, asked_for_many = status(60, tmp_path)
    assert (len(one), len(many)) == (1, 60)
    assert {row["traffic"] for model in many for row in model["layers"]} == {100}
    assert [model["warnings"] for model in many] == [[]] * 60
    assert asked_for_many == asked_for_one
    assert asked_for_many[CONFIG] == 1
