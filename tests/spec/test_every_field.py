"""Every field of the Model's page, set in a real file, and where its value is seen."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from tests.docs.test_model_page import fields
from tests.spec import views
from tests.spec.text import EXAMPLE, TEXT

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Seen:
    """A value that is seen in a view, and was not there before; ``beside`` holds what has to be said with it."""

    value: Any
    view: Callable[[Model], Awaitable[str]]
    text: str
    beside: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Held:
    """A test elsewhere that sees it."""

    file: str
    test: str


TAKEN = "tests/adopt/test_taking.py"
FROM = {
    "path": "test_what_a_folder_says_is_what_the_layer_is_made_of",
    "application": "test_a_folder_that_an_application_deploys_may_hold_what_is_not_applied_here",
    "applicationNamespace": "test_an_application_is_looked_for_where_the_model_says",
    "container": "test_the_container_that_is_named_is_the_engine",
    "objects": "test_nobody_writes_objects_into_a_file",
}
"""What is read of a folder, and the test that sees it."""


def layered(layer: str) -> dict[str, Seen | Held]:
    """Fields that every layer's block has."""
    own = f"spec.layers.{layer}"
    return {
        f"{own}.name": Seen("other-name", views.rendered, "name: other-name\n"),
        f"{own}.namespace": Seen("elsewhere", views.rendered, "namespace: elsewhere\n"),
        **{f"{own}.from.{name}": Held(TAKEN, test) for name, test in FROM.items()},
        f"{own}.headers": Held("tests/edge/test_config_text.py", "test_a_new_entry_says_what_its_gateway_finds_it_by"),
        f"{own}.address": Seen("http://gw.example.com/q/v1", views.endpoints, "http://gw.example.com/q/v1"),
        f"{own}.weights.pvc.claim": Seen("staged", views.rendered, "staged"),
        f"{own}.weights.pvc.path": Seen(
            "sub/folder", views.rendered, "sub/folder", ((f"{own}.weights.pvc.claim", "s"),)
        ),
        f"{own}.image": Seen("registry.example.com/vllm:v9", views.rendered, "image: registry.example.com/vllm:v9\n"),
        f"{own}.args": Seen(["--dtype=float32"], views.rendered, "--dtype=float32"),
        f"{own}.env": Seen({"OMP_NUM_THREADS": "7"}, views.rendered, "name: OMP_NUM_THREADS\n"),
        f"{own}.accelerator": Seen({"gpusPerReplica": 3}, views.rendered, 'nvidia.com/gpu: "3"\n'),
        f"{own}.resources": Seen(
            {"requests": {"cpu": "7", "memory": "1Gi"}, "limits": {"cpu": "7", "memory": "9Gi"}},
            views.rendered,
            "memory: 9Gi\n",
        ),
        f"{own}.replicas": Seen(5, views.rendered, "eplicas: 5\n"),
    }


CLAIMED: dict[str, dict[str, Seen | Held]] = {
    layer: {
        f"spec.layers.{layer}.cache": Seen("33Gi", views.rendered, "storage: 33Gi\n"),
        f"spec.layers.{layer}.storageClass": Seen("fast", views.rendered, "storageClassName: fast\n"),
        f"spec.layers.{layer}.surge": Seen(True, views.rendered, "maxSurge: 1\n"),
    }
    for layer in ("raw-vllm", "kserve")
}
EDGE = "spec.tenant.edge"
EVIDENCE = "spec.move.evidence"
PRICED = ("spec.tenant.price", {"inputPerToken": 3e-6, "outputPerToken": 4e-6})
TOKEN = (("spec.weights.huggingFace.token", {"secret": "hub-secret", "key": "hub-key"}),)
TOLERATED = "spec.accelerator.tolerations"

FIELDS: dict[str, Seen | Held] = {
    "apiVersion": Held("tests/spec/test_every_field.py", "test_only_one_format_and_kind_is_read"),
    "kind": Held("tests/spec/test_every_field.py", "test_only_one_format_and_kind_is_read"),
    "metadata.name": Seen("other", views.rendered, "pointsman.dev/model: other\n"),
    "spec.layer": Held("tests/cli/test_render.py", "test_render_takes_the_specs_own_layer_and_a_path"),
    "spec.servedModelName": Seen("other/name", views.rendered, "--served-model-name=other/name"),
    "spec.weights.huggingFace.repo": Seen("a/b", views.rendered, "hf://a/b\n"),
    "spec.weights.huggingFace.revision": Seen("v7", views.rendered, "--revision=v7"),
    "spec.weights.huggingFace.token.secret": Seen("hub-secret", views.rendered, "name: hub-secret\n", TOKEN),
    "spec.weights.huggingFace.token.key": Seen("hub-key", views.rendered, "key: hub-key\n", TOKEN),
    "spec.engine.image": Seen("registry.example.com/vllm:v9", views.rendered, "registry.example.com/vllm:v9"),
    "spec.engine.args": Seen(["--max-num-seqs=7"], views.rendered, "--max-num-seqs=7"),
    "spec.engine.env": Seen({"OURS": "yes-it-is"}, views.rendered, "value: yes-it-is\n"),
    "spec.engine.startupSeconds": Seen(4002, views.rendered, "failureThreshold: 2001\n"),
    "spec.engine.shutdown.preStopSeconds": Seen(77, views.rendered, '"77"'),
    "spec.engine.shutdown.timeoutSeconds": Seen(78, views.rendered, "--shutdown-timeout=78"),
    "spec.accelerator.gpusPerReplica": Seen(3, views.rendered, 'nvidia.com/gpu: "3"\n'),
    "spec.accelerator.pricePerHour": Seen(2.5, views.plan, '"startsPerHour": "2.5"'),
    "spec.accelerator.nodeSelector": Seen({"gpu": "h100"}, views.rendered, "gpu: h100\n"),
    f"{TOLERATED}[].key": Seen([{"key": "spot"}], views.rendered, "key: spot\n"),
    f"{TOLERATED}[].operator": Seen([{"key": "spot", "operator": "Exists"}], views.rendered, "operator: Exists\n"),
    f"{TOLERATED}[].value": Seen([{"key": "spot", "value": "cheap"}], views.rendered, "value: cheap\n"),
    f"{TOLERATED}[].effect": Seen([{"key": "spot", "effect": "NoExecute"}], views.rendered, "effect: NoExecute\n"),
    "spec.resources.requests.cpu": Seen("1500m", views.rendered, "cpu: 1500m\n"),
    "spec.resources.requests.memory": Seen("5Gi", views.rendered, "memory: 5Gi\n"),
    "spec.resources.limits.cpu": Seen("9", views.rendered, 'cpu: "9"\n'),
    "spec.resources.limits.memory": Seen("19Gi", views.rendered, "memory: 19Gi\n"),
    "spec.replicas": Seen(3, views.rendered, "eplicas: 3\n"),
    "spec.contract.maxModelLen": Seen(4096, views.rendered, "--max-model-len=4096"),
    "spec.contract.api": Held(
        "tests/move/test_apis.py", "test_a_model_that_takes_no_chats_is_moved_and_its_weights_are_compared"
    ),
    "spec.contract.weights": Seen("quantised", views.gate, "spec.contract.weights: quantised"),
    "spec.contract.streaming": Seen(False, views.gate, "not promised"),
    "spec.contract.toolCalls": Seen(
        True,
        views.rendered,
        "--enable-auto-tool-choice",
        (("spec.engine.args", ["--tool-call-parser=hermes"]),),
    ),
    "spec.contract.auth.secret": Seen("other-key", views.rendered, "name: other-key\n"),
    "spec.contract.auth.key": Seen("word", views.rendered, "key: word\n"),
    "spec.tenant.alias": Seen("other-alias", views.edge, "'other-alias'"),
    "spec.tenant.aliases": Seen(["more-alias"], views.edge, "more-alias"),
    "spec.tenant.upstreamKey": Seen("os.environ/X", views.edge_entry, "api_key: os.environ/X"),
    "spec.tenant.price.inputPerToken": Seen(3e-6, views.edge_entry, "input_cost_per_token: 0.000003", (PRICED,)),
    "spec.tenant.price.outputPerToken": Seen(4e-6, views.edge_entry, "output_cost_per_token: 0.000004", (PRICED,)),
    f"{EDGE}.namespace": Seen("gw", views.edge, "Deployment gw/litellm"),
    f"{EDGE}.deployment": Seen("proxy", views.edge, "Deployment llm-gateway/proxy"),
    f"{EDGE}.configMap": Seen("settings", views.edge, "ConfigMap llm-gateway/settings"),
    f"{EDGE}.key": Seen("other.yaml", views.edge, "weight=77"),
    f"{EDGE}.service": Seen("front", views.edge, "Service llm-gateway/front"),
    f"{EDGE}.port": Seen(4321, views.edge, "litellm-0:4321/"),
    f"{EDGE}.masterKey.secret": Seen("admin", views.edge, "Secret llm-gateway/admin"),
    f"{EDGE}.masterKey.key": Seen("word", views.edge, "Bearer word"),
    "spec.move.bridge": Held("tests/move/test_strategy.py", "test_a_bridge_is_chosen_before_a_gap"),
    f"{EVIDENCE}.falseAlarm": Seen(0.07, views.evidence, "false_alarm=0.07"),
    f"{EVIDENCE}.miss": Seen(0.07, views.evidence, "miss=0.07"),
    f"{EVIDENCE}.errors": Seen(0.07, views.evidence, "errors=0.07"),
    f"{EVIDENCE}.ttftP50": Seen(7.0, views.evidence, "ttft_p50=7.0"),
    f"{EVIDENCE}.ttftP95": Seen(7.0, views.evidence, "ttft_p95=7.0"),
    f"{EVIDENCE}.itlP50": Seen(7.0, views.evidence, "itl_p50=7.0"),
    f"{EVIDENCE}.itlP95": Seen(7.0, views.evidence, "itl_p95=7.0"),
    f"{EVIDENCE}.noise": Seen(7.0, views.evidence, "noise=7.0"),
    f"{EVIDENCE}.requests": Held("tests/move/test_pace.py", "test_a_shift_spends_no_more_requests_than_it_may"),
    f"{EVIDENCE}.minutes": Held("tests/move/test_pace.py", "test_a_slow_engine_gets_its_verdict_in_the_end"),
    f"{EVIDENCE}.slack": Seen(7.0, views.evidence, "slack=7.0"),
    **layered("raw-vllm"),
    **CLAIMED["raw-vllm"],
    **layered("kserve"),
    **CLAIMED["kserve"],
    "spec.layers.kserve.timeoutSeconds": Seen(99, views.rendered, "timeout: 99\n"),
    **layered("llm-d"),
    "spec.layers.llm-d.prefill.replicas": Seen(4, views.rendered, "replicas: 4\n"),
    "spec.layers.llm-d.gateway.name": Seen("front", views.rendered, "- name: front\n"),
    "spec.layers.llm-d.gateway.namespace": Seen("infra", views.rendered, "namespace: infra\n"),
    "spec.layers.llm-d.gateway.service": Seen("envoy", views.endpoints, "http://envoy.llm-d"),
    "spec.layers.llm-d.gateway.port": Seen(8080, views.endpoints, ":8080/"),
}
"""By field: a value and where it is seen, or the test that sees it."""


def written(folder: Path, *values: tuple[str, Any]) -> Path:
    """The example with these fields set, as a file."""
    data = YAML(typ="safe", pure=True).load(TEXT)
    for place, value in values:
        *above, last = place.split(".")
        inside = data
        for part in above:
            if not isinstance(inside.setdefault(part, {}), dict):
                inside[part] = {}
            inside = inside[part]
        inside[last] = value
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(data, stream)
    path = folder / "model.yaml"
    path.write_text(stream.getvalue(), encoding="utf-8")
    return path


def test_every_field_of_the_page_has_a_case_and_none_is_left_over() -> None:
    assert sorted(FIELDS) == sorted(fields())


@pytest.mark.parametrize("field", [name for name, case in FIELDS.items() if isinstance(case, Seen)])
async def test_a_field_is_set_from_a_file_and_seen_in_what_it_does(field: str, tmp_path: Path) -> None:
    case = FIELDS[field]
    assert isinstance(case, Seen)
    place = field.partition("[]")[0]
    changed = load_model(written(tmp_path, *case.beside, (place, case.value)))
    seen = await case.view(changed)
    assert case.text in seen
    assert case.text not in await case.view(load_model(EXAMPLE))


@pytest.mark.parametrize("field", [name for name, case in FIELDS.items() if isinstance(case, Held)])
def test_a_field_that_another_test_sees_is_seen_there(field: str) -> None:
    case = FIELDS[field]
    assert isinstance(case, Held)
    assert f"def {case.test}(" in (ROOT / case.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("field", ["apiVersion", "kind"])
def test_only_one_format_and_kind_is_read(field: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=f"{field} is 'other'"):
        load_model(written(tmp_path, (field, "other")))
