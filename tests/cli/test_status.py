"""``pointsman status`` on a cluster with few and with many models."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pointsman.kube.resources import ref_of
from pointsman.layers.registry import layer
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import run
from tests.docs.schemas.holding import held

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


def status(cluster: ReadOnlyCluster, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command says of a cluster."""
    with serving(cluster, folder) as kubeconfig:
        return run("status", *words, "--kubeconfig", str(kubeconfig))


def rows(cluster: ReadOnlyCluster, folder: Path, *words: str) -> list[dict[str, Any]]:
    done = status(cluster, folder, *words, "--output", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    held("status", said)
    found: list[dict[str, Any]] = said["models"]
    return found


def named(cluster: ReadOnlyCluster, kind: str, name: str) -> dict[str, Any]:
    """An object of the cluster."""
    return next(one for ref, one in cluster.objects.items() if (ref.kind.name, ref.name) == (kind, name))


def test_many_models_cost_the_api_server_no_more_calls_than_some(tmp_path: Path) -> None:
    few, lots = platform(models(30)), platform(models(60))
    one, many = rows(few, tmp_path), rows(lots, tmp_path)
    assert (len(one), len(many)) == (30, 60)
    assert {row["traffic"] for model in many for row in model["layers"]} == {100}
    assert [model["split"] for model in many] == [{"raw-vllm": 100}] * 60
    assert [model["warnings"] for model in many] == [[]] * 60
    assert lots.asked == few.asked
    assert lots.asked[CONFIG] == 1


def test_what_routes_to_engines_is_no_replica_of_the_model(tmp_path: Path) -> None:
    said = load_model(SPEC).model_dump(mode="json", by_alias=True)
    said["spec"]["layer"] = "llm-d"
    said["spec"]["layers"]["llm-d"]["prefill"] = {"replicas": 1}
    model = Model.model_validate(said)
    cluster = platform([model])
    decode, prefill = (pods.labels for pods in layer("llm-d").engines(model))
    picker = {**decode, "llm-d.ai/role": "router"}
    made = [
        *layer("llm-d").render(model),
        *(deployment(model, *of) for of in (("", decode), ("-prefill", prefill), ("-router-scheduler", picker))),
    ]
    cluster.objects.update({ref_of(one): one for one in made})
    (row,) = rows(cluster, tmp_path)
    assert next(one["replicas"] for one in row["layers"] if one["layer"] == "llm-d") == "2/2"
    del cluster.objects[ref_of(made[2])]
    (row,) = rows(cluster, tmp_path)
    assert next(one["replicas"] for one in row["layers"] if one["layer"] == "llm-d") == "1/1"


def deployment(model: Model, suffix: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """One that KServe makes of an LLMInferenceService, up."""
    name, namespace = f"{layer('llm-d').name(model)}-kserve{suffix}", layer("llm-d").namespace(model)
    spec = {"replicas": 1, "template": {"metadata": {"labels": dict(labels)}}}
    return thing("apps/v1", "Deployment", name, namespace, spec=spec, status={"replicas": 1, "readyReplicas": 1})


def test_other_peoples_deployments_are_told_by_name_only(tmp_path: Path) -> None:
    cluster = platform(models(3))
    alone = rows(cluster, tmp_path)
    before = cluster.told
    for number in range(200):
        foreign = thing("apps/v1", "Deployment", f"foreign-{number}", "serving", spec={"what": "ever" * 1000})
        cluster.objects[ref_of(foreign)] = foreign
    assert rows(cluster, tmp_path) == alone
    assert cluster.told - 2 * before < 200 * 100


def test_an_object_whose_labels_somebody_took_away_is_found(tmp_path: Path) -> None:
    cluster = platform(models(60))
    before = rows(cluster, tmp_path)
    for number in range(5):
        named(cluster, "Deployment", f"model-{number:04d}")["metadata"]["labels"] = {}
    assert rows(cluster, tmp_path) == before
    for number in range(50):
        named(cluster, "Deployment", f"model-{number:04d}")["metadata"]["labels"] = {}
    assert rows(cluster, tmp_path) == before


def test_of_one_model_nothing_is_read_that_others_have(tmp_path: Path) -> None:
    cluster = platform(models(60))
    (whole,) = rows(cluster, tmp_path, "model-0007")
    assert whole["name"] == "model-0007"
    assert whole["layers"][0]["traffic"] == 100
    lists = [path for path in cluster.asked if path.rpartition("/")[2] in ("deployments", "inferenceservices")]
    assert lists == []
    others = [path for path in cluster.asked if "model-" in path and "model-0007" not in path]
    assert others == []


def test_a_model_whose_record_cannot_be_read_is_told(tmp_path: Path) -> None:
    cluster = platform(models(6))
    texts: tuple[Any, ...] = ("", "{", '{"apiVersion": "pointsman.dev/v9"}', {"kind": "Model"})
    for number, text in enumerate(texts):
        named(cluster, "ConfigMap", f"model-model-{number:04d}")["data"]["model.json"] = text
    named(cluster, "ConfigMap", "model-model-0004")["data"] = "x"
    found = rows(cluster, tmp_path)
    assert [model["name"] for model in found] == [f"model-{number:04d}" for number in range(6)]
    assert [(model["declaredLayer"], model["layers"]) for model in found[:5]] == [(None, [])] * 5
    assert [len(model["warnings"]) for model in found] == [1, 1, 1, 1, 1, 0]
    assert "(at apiVersion)" in found[2]["warnings"][0]
    assert rows(cluster, tmp_path, "model-0002") == [found[2]]
    text = status(cluster, tmp_path).stdout
    assert "model-0001   -" in text
    assert "model-0001: this version cannot read its record; pointsman up FILE writes it anew" in text


def test_an_object_that_is_none_of_its_kind_is_told_and_the_others_are_as_they_are(tmp_path: Path) -> None:
    cluster = platform(models(2))
    sound = rows(cluster, tmp_path)
    named(cluster, "Deployment", "model-0000")["spec"] = 7
    found = rows(cluster, tmp_path)
    assert found[1] == sound[1]
    assert found[0]["layers"][0]["state"] == "not ready"
    assert found[0]["layers"][0]["reason"] == "Deployment serving/model-0000: it has no spec"


def test_a_move_whose_journal_is_torn_hides_no_model(tmp_path: Path) -> None:
    cluster = platform(models(2))
    labels = {"pointsman.dev/move": "m-1", "pointsman.dev/open": "yes"}
    lines: dict[str, Any] = {"model-0001": "{", "forgotten": {"v": 1}}
    for name in ("model-0001", "forgotten"):
        torn = thing("v1", "ConfigMap", f"{name}-1", "pointsman-system", labels | {"pointsman.dev/moved-model": name})
        cluster.objects[ref_of(torn)] = torn | {"data": {"000001": lines[name]}}
    found = {model["name"]: model for model in rows(cluster, tmp_path)}
    assert [name for name, model in found.items() if model["warnings"]] == ["forgotten", "model-0001"]
    assert "cannot be trusted" in found["model-0001"]["warnings"][0]
    assert "keeps no record of it" in found["forgotten"]["warnings"][0]
    assert rows(cluster, tmp_path, "forgotten") == [found["forgotten"]]


@pytest.mark.parametrize("data", [[["a"], "000001"], "000001", 1])
def test_a_journal_without_records_by_name_is_torn_and_hides_no_model(data: Any, tmp_path: Path) -> None:
    cluster = platform(models(2))
    labels = {"pointsman.dev/move": "m-1", "pointsman.dev/open": "yes", "pointsman.dev/moved-model": "model-0001"}
    torn = thing("v1", "ConfigMap", "model-0001-1", "pointsman-system", labels) | {"data": data}
    cluster.objects[ref_of(torn)] = torn
    found = rows(cluster, tmp_path)
    assert [model["name"] for model in found if model["warnings"]] == ["model-0001"]
    assert "its records are no mapping" in found[1]["warnings"][0]


def test_an_edges_configuration_without_a_version_is_told(tmp_path: Path) -> None:
    cluster = platform(models(1))
    del named(cluster, "ConfigMap", "litellm-config")["metadata"]["resourceVersion"]
    (found,) = rows(cluster, tmp_path)
    assert "it has no resourceVersion" in found["warnings"][0]
