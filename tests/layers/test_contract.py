"""What every layer promises, the fake one included."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointsman.errors import UsageError
from pointsman.kube.resources import Ref, ref_of
from pointsman.layers.contract import Layer, Manifest
from pointsman.layers.registry import LAYERS, layer
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import LAYER_IDS, Model
from tests.layers.fake import FakeLayer
from tests.layers.models import PREFILL, changed, example, written

FAKE: Layer = FakeLayer()
each_layer = pytest.mark.parametrize("each", [*LAYERS, FAKE], ids=lambda one: one.id)


each_case = pytest.mark.parametrize(
    ("each", "model"),
    [(one, example()) for one in (*LAYERS, FAKE)] + [(one, written()) for one in LAYERS],
    ids=[*(one.id for one in (*LAYERS, FAKE)), *(f"{one.id}-written-by-people" for one in LAYERS)],
)
"""Every layer as the spec renders it, and as people wrote it."""


def merged(manifest: Manifest, patch: Manifest) -> Manifest:
    """JSON merge patch (RFC 7386)."""
    result = dict(manifest)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def served(each: Layer, model: Model) -> dict[Ref, Manifest | None]:
    """The layer's objects as a cluster shows them when everything is up."""
    live: dict[Ref, Manifest | None] = {ref_of(one): copy.deepcopy(one) for one in each.render(model)}
    main = live[each.reads(model)[0]]
    assert main is not None
    for ref in each.reads(model):
        found = live.get(ref) or {"metadata": {"name": ref.name}, "spec": pods_of(main)}
        found["metadata"]["generation"] = 3
        found["metadata"].setdefault("annotations", {})
        replicas = found["spec"].get("replicas", 1)
        found["status"] = {
            "observedGeneration": 3,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": replicas,
            "conditions": [{"type": "RouterReady", "status": "True"}],
        }
        live[ref] = found
    return live


def pods_of(main: Manifest) -> dict[str, Any]:
    predictor = main["spec"].get("predictor")
    if predictor is None:
        return {"replicas": 1}
    return {"replicas": predictor["minReplicas"], "template": {"spec": {"containers": predictor["containers"]}}}


def patched(live: dict[Ref, Manifest | None], patches: Any) -> dict[Ref, Manifest | None]:
    result = dict(live)
    for patch in patches:
        found = result[patch.ref]
        assert found is not None
        result[patch.ref] = merged(found, patch.body)
    return result


def test_the_registry_and_the_spec_know_the_same_layers() -> None:
    assert tuple(each.id for each in LAYERS) == LAYER_IDS
    with pytest.raises(UsageError) as caught:
        layer("swarm")
    assert all(each.id in caught.value.next_action for each in LAYERS)


@each_layer
def test_equal_models_render_equal_bytes(each: Layer) -> None:
    assert yaml_stream(each.render(example())) == yaml_stream(each.render(example()))
    assert json.loads(json.dumps(each.render(example()))) == each.render(example())


@each_layer
def test_every_object_says_whose_it_is_and_never_carries_kserves_own_labels(each: Layer) -> None:
    model = example()
    for manifest in each.render(model):
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "pointsman"
        assert labels["pointsman.dev/model"] == model.name
        assert labels["pointsman.dev/layer"] == each.id
        assert manifest["metadata"]["namespace"] == each.namespace(model)
        assert not {"serving.kserve.io/inferenceservice", "component"} & set(labels)


@each_case
def test_the_main_object_is_rendered_under_the_layers_name(each: Layer, model: Model) -> None:
    main = each.reads(model)[0]
    assert (main.name, main.namespace) == (each.name(model), each.namespace(model))
    assert main in [ref_of(manifest) for manifest in each.render(model)]


@each_case
def test_rendering_leaves_the_layer_unparked(each: Layer, model: Model) -> None:
    live = served(each, model)
    assert each.readiness(model, live).ready
    assert not each.parked(model, live)


@each_case
def test_nothing_at_all_is_parked_and_not_ready(each: Layer, model: Model) -> None:
    verdict = each.readiness(model, dict.fromkeys(each.reads(model)))
    assert not verdict.ready
    assert verdict.reason
    assert each.parked(model, dict.fromkeys(each.reads(model)))


@each_case
def test_park_makes_a_serving_layer_not_ready_at_once_and_unpark_undoes_it(each: Layer, model: Model) -> None:
    live = served(each, model)
    stopped = patched(live, each.park(model))
    assert not each.readiness(model, stopped).ready
    assert patched(stopped, each.unpark(model)) == live
    assert patched(live, each.unpark(model)) == live, "unpark is harmless on a layer that serves"


@each_case
def test_a_layer_is_parked_only_when_no_pod_is_counted_any_more(each: Layer, model: Model) -> None:
    stopped = patched(served(each, model), each.park(model))
    assert not each.parked(model, stopped)
    gone = {
        ref: None if ref.kind.name == "Deployment" and ref != each.reads(model)[0] else found
        for ref, found in stopped.items()
    }
    main = gone[each.reads(model)[0]]
    assert main is not None
    main["status"] = {"observedGeneration": 3}
    assert each.parked(model, gone)


@each_case
@pytest.mark.parametrize(
    ("field", "value"),
    [("observedGeneration", 2), ("updatedReplicas", 0), ("availableReplicas", 0), ("replicas", 2)],
)
def test_a_deployment_that_is_behind_in_any_count_is_not_ready(
    each: Layer, model: Model, field: str, value: int
) -> None:
    for ref in each.reads(model):
        if ref.kind.name != "Deployment":
            continue
        live = served(each, model)
        found = live[ref]
        assert found is not None
        found["status"][field] = value
        verdict = each.readiness(model, live)
        assert not verdict.ready
        assert str(ref) in verdict.reason


@each_case
def test_a_missing_object_is_named(each: Layer, model: Model) -> None:
    for ref in each.reads(model):
        verdict = each.readiness(model, {**served(each, model), ref: None})
        assert not verdict.ready
        assert str(ref) in verdict.reason


@each_case
def test_the_endpoint_is_the_service_with_its_port_and_path(each: Layer, model: Model) -> None:
    endpoint = each.endpoint(model)
    url = urlsplit(endpoint.base_url)
    assert url.hostname == f"{endpoint.service.name}.{endpoint.service.namespace}.svc.cluster.local"
    assert (url.port or 80) == endpoint.port
    assert url.path == f"{endpoint.path}/v1"


@each_case
def test_the_first_engines_answer_tenants(each: Layer, model: Model) -> None:
    engines = each.engines(model)
    assert engines[0].role == "serve"
    assert all(one.namespace == each.namespace(model) and one.labels for one in engines)


@each_layer
def test_a_layer_counts_the_gpus_of_every_replica(each: Layer) -> None:
    assert each.gpus(example()) == 1
    assert each.gpus(changed(("gpusPerReplica: 1", "gpusPerReplica: 2"), ("  replicas: 1", "  replicas: 3"))) == 6
    assert each.gpus(changed(("gpusPerReplica: 1", "gpusPerReplica: 0"))) == 0


@each_layer
def test_prefill_counts_only_where_there_is_disaggregation(each: Layer) -> None:
    assert each.gpus(changed(PREFILL)) == (3 if each.capabilities.disaggregation else 1)
    roles = [one.role for one in each.engines(changed(PREFILL))]
    assert roles == (["serve", "prefill"] if each.capabilities.disaggregation else ["serve"])


@each_layer
def test_what_the_scheduler_is_asked_for_is_what_the_layer_holds(each: Layer) -> None:
    model = changed(PREFILL, ("  replicas: 1\n", "  replicas: 3\n"))
    needs = each.needs(model)
    assert sum(need.gpus for need in needs) == each.gpus(model)
    serving = [need for need in needs if need.role == "serve"]
    assert len(serving) == 3
    assert all(need.asks.cpu > 0 and need.asks.memory > 0 for need in serving)


@each_layer
def test_a_layer_is_scaled_and_still_ready_in_its_own_eyes(each: Layer) -> None:
    model = changed(("  replicas: 1\n", "  replicas: 3\n"))
    main = each.reads(model)[0]
    rendered: dict[Ref, Manifest | None] = {ref_of(one): one for one in each.render(model)}
    smaller = patched(rendered, each.scale(model, 2))
    assert smaller[main] != rendered[main]
    assert smaller == patched(smaller, each.scale(model, 2))
    assert rendered == patched(smaller, each.scale(model, 3))


@pytest.mark.parametrize("each", LAYERS, ids=lambda one: one.id)
def test_a_layer_can_run_on_other_hardware_than_the_model_declares(each: Layer) -> None:
    block = f"    {each.id}:\n"
    other = "      accelerator: {gpusPerReplica: 0}\n      image: vllm/vllm-openai-cpu:v0.23.0\n      replicas: 2\n"
    model = changed((block, block + other))
    assert each.gpus(model) == 0
    assert [need.gpus for need in each.needs(model)][:2] == [0, 0]
    text = json.dumps(each.render(model))
    assert "vllm-openai-cpu" in text
    assert "nvidia.com/gpu" not in text
    for same in LAYERS:
        assert same is each or same.gpus(model) > 0


def test_pods_that_cannot_be_made_at_all_are_told_with_the_reason() -> None:
    """Pod Security refuses them: no replica is even of the latest revision."""
    each, model = layer("raw-vllm"), example()
    live = served(each, model)
    found = live[each.reads(model)[0]]
    assert found is not None
    refused = {"type": "ReplicaFailure", "status": "True", "message": 'violates PodSecurity "restricted:latest"'}
    found["status"] = {"observedGeneration": 3, "conditions": [refused]}
    assert 'violates PodSecurity "restricted:latest"' in each.readiness(model, live).reason
