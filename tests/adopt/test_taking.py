"""Models that refer to manifests which people wrote: what is read of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.named import read_model
from pointsman.errors import PointsmanError
from pointsman.layers.contract import Promise
from pointsman.layers.registry import LAYERS, layer
from pointsman.move.means import spec_of
from pointsman.move.plan.promises import broken_promises
from pointsman.move.plan.rights import rights_of
from pointsman.spec.model import Auth, Model
from tests.adopt.by_hand import KSERVE, LLM_D, MODEL, RAW, platform

ENGINES = {"raw-vllm": ("server", 8000), "kserve": ("kserve-container", 8080), "llm-d": ("main", 8000)}
BASES = {
    "raw-vllm": "http://raw-vllm.serving.svc.cluster.local/v1",
    "kserve": "http://qwen-predictor.kserve.svc.cluster.local/v1",
    "llm-d": "http://llm-d-gateway.llm-d.svc.cluster.local/llm-d/qwen-llmd/v1",
}


def promised(model: Model, id_: str) -> Promise:
    found = layer(id_).promise(model)
    assert found is not None
    return found


def refused(file: Path) -> PointsmanError:
    with pytest.raises(PointsmanError) as caught:
        read_model(file)
    assert caught.value.code
    assert caught.value.where
    assert caught.value.next_action
    return caught.value


@pytest.mark.parametrize("id_", ENGINES)
def test_what_a_folder_says_is_what_the_layer_is_made_of(id_: str, tmp_path: Path) -> None:
    model = read_model(platform(tmp_path))
    kinds = {"raw-vllm": ["Deployment", "Service"], "kserve": ["InferenceService"], "llm-d": ["LLMInferenceService"]}
    assert [one["kind"] for one in layer(id_).render(model)] == kinds[id_]
    assert layer(id_).endpoint(model).base_url == BASES[id_]
    serving = layer(id_).engines(model)[0]
    assert (serving.container, serving.port) == ENGINES[id_]
    assert layer(id_).gpus(model) == 1
    found = promised(model, id_)
    assert found.names == ("qwen2.5-0.5b-instruct",)
    assert found.max_model_len == 8192
    assert found.auth == Auth(secret="vllm-api-key", key="api-key")
    assert not list(broken_promises(model, found))


def test_a_deployment_that_is_parked_in_git_is_rendered_as_it_serves(tmp_path: Path) -> None:
    model = read_model(platform(tmp_path))
    made = layer("raw-vllm").render(model)[0]
    assert made["spec"]["replicas"] == 1
    assert made["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["maxSkew"] == 1
    stopped = KSERVE.replace("team: ml-platform", 'serving.kserve.io/stop: "true"')
    model = read_model(platform(tmp_path, kserve=stopped))
    assert "serving.kserve.io/stop" not in layer("kserve").render(model)[0]["metadata"]["annotations"]


def test_as_many_engines_as_the_folder_declares(tmp_path: Path) -> None:
    three = read_model(platform(tmp_path, raw=RAW.replace("replicas: 0", "replicas: 3")))
    assert three.on("raw-vllm").spec.replicas == 3
    assert three.on("kserve").spec.replicas == 1
    assert layer("raw-vllm").gpus(three) == 3


def test_what_was_taken_is_kept_with_the_model(tmp_path: Path) -> None:
    """A journal on another machine has no folder."""
    model = read_model(platform(tmp_path))
    again = Model.model_validate_json(json.dumps(spec_of(model)))
    assert again == model
    assert [each.render(again) for each in LAYERS] == [each.render(model) for each in LAYERS]


@pytest.mark.parametrize(
    ("text", "names", "length", "weights"),
    [
        ("command: [vllm, serve, a/b]\n", ("a/b",), None, "a/b"),
        (
            "command: [vllm, serve]\nargs: [a/b, --served-model-name, x, y, --max-model-len, 4k]\n",
            ("x", "y"),
            4000,
            "a/b",
        ),
        ("args: [--model, a/b, --served-model-name=x]\n", ("x",), None, "a/b"),
        ("args: [a/b, --max_model_len=1K]\n", ("a/b",), 1024, "a/b"),
        (
            "command: [sh, -c, 'cd /x && vllm serve /models/m --served-model-name z; echo done']\n",
            ("z",),
            None,
            "/models/m",
        ),
        ("command: [sh, -c]\nargs: ['exec vllm serve a/b \"$@\"', --, --served-model-name, q]\n", ("q",), None, "a/b"),
        ("command: [python3, -m, vllm.entrypoints.openai.api_server]\nargs: [--model=a/b]\n", ("a/b",), None, "a/b"),
        ("args: [a/b, --max-model-len=auto]\n", ("a/b",), None, "a/b"),
    ],
)
def test_a_command_line_is_read_as_it_is_written(
    text: str, names: tuple[str, ...], length: int | None, weights: str
) -> None:
    from ruamel.yaml import YAML

    from pointsman.layers.command import command_of
    from pointsman.layers.promise import promise_of

    container: dict[str, Any] = {"name": "x", "image": "vllm/vllm-openai:v0.23.0", **YAML(typ="safe").load(text)}
    found = promise_of(command_of(container), container, {"containers": [container]})
    assert (found.names, found.max_model_len, found.weights, found.unknown) == (names, length, weights, "")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "--served-model-name, qwen2.5-0.5b-instruct",
            "--served-model-name, qwen2.5-0.5b",
            "answer to qwen2.5-0.5b, not",
        ),
        ("--max-model-len=8192", "--max-model-len=4096", "a context of 4096 tokens, not 8192"),
        ("name: vllm-api-key, key: api-key", "name: other, key: api-key", "its key is other/api-key"),
        ("VLLM_API_KEY", "UNUSED", "it asks for no key"),
        (
            "--model=Qwen/Qwen2.5-0.5B-Instruct",
            "--model=Qwen/Qwen2.5-7B-Instruct",
            "the weights of Qwen/Qwen2.5-7B-Instruct",
        ),
    ],
)
def test_a_folder_that_promises_something_else_is_told(before: str, after: str, said: str, tmp_path: Path) -> None:
    assert before in KSERVE
    model = read_model(platform(tmp_path, kserve=KSERVE.replace(before, after)))
    found = list(broken_promises(model, promised(model, "kserve")))
    assert len(found) == 1
    assert said in found[0]


def test_the_container_that_is_named_is_the_engine(tmp_path: Path) -> None:
    two = RAW.replace("image: busybox:1.36", "image: vllm/vllm-openai:v0.23.0").replace(
        "args: [sleep, infinity]", "command: [vllm, serve, other/model]"
    )
    assert "which container" in refused(platform(tmp_path, raw=two)).what
    named = MODEL.replace("{path: serving/raw-vllm}", "{path: serving/raw-vllm, container: server}")
    model = read_model(platform(tmp_path, raw=two, model=named))
    assert layer("raw-vllm").engines(model)[0].container == "server"


def test_a_folder_that_an_application_deploys_may_hold_what_is_not_applied_here(tmp_path: Path) -> None:
    more = RAW + (
        "---\napiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: x, namespace: serving}\n"
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: serving}\nstringData: {a: very-secret}\n"
    )
    assert refused(platform(tmp_path, raw=more)).code in ("from-kind", "from-secret")
    named = MODEL.replace("{path: serving/raw-vllm}", "{path: serving/raw-vllm, application: raw-vllm}")
    model = read_model(platform(tmp_path, raw=more, model=named))
    assert [one["kind"] for one in layer("raw-vllm").render(model)] == ["Deployment", "Service"]
    assert "very-secret" not in json.dumps(spec_of(model))


def test_a_version_that_is_not_spoken_here_is_left_to_the_application(tmp_path: Path) -> None:
    """An old HorizontalPodAutoscaler beside the engine is no reason to refuse what deploys it."""
    old = KSERVE + (
        "---\napiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: kserve}\n"
        "spec: {maxReplicas: 1, scaleTargetRef: {kind: Deployment, name: other}}\n"
    )
    found = refused(platform(tmp_path, kserve=old))
    assert (found.code, "isvc.yaml" in found.where) == ("from-kind", True)
    named = MODEL.replace("{path: serving/kserve}", "{path: serving/kserve, application: kserve-demo}")
    model = read_model(platform(tmp_path, kserve=old, model=named))
    assert [one["kind"] for one in layer("kserve").render(model)] == ["InferenceService"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            RAW.replace("valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}", "value: sk-plain-text"),
            "from-secret",
        ),
        (RAW.replace("--dtype=auto", "--dtype=auto").replace("kind: Deployment", "kind: StatefulSet"), "from-main"),
        (RAW.replace("targetPort: http", "targetPort: 9999"), "from-service"),
        (RAW.replace("containers:", "containers: []\n      others:"), "from-container"),
        (RAW.replace("  selector: {matchLabels: {app: raw-vllm}}", "  selector: 7"), "from-shape"),
        ("kind: [", "from-unread"),
        (RAW + "---\n" + RAW.replace("name: raw-vllm", "name: raw-two"), "from-main"),
        (
            "# " + "x" * 10 + "\n" + RAW.replace('owner: "ml-platform@example.com"', f"owner: {'x' * 200_000}"),
            "from-too-large",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_place(text: str, code: str, tmp_path: Path) -> None:
    assert refused(platform(tmp_path, raw=text)).code == code


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "serving/nowhere"])
def test_a_path_that_leads_nowhere_or_out_is_refused(path: str, tmp_path: Path) -> None:
    inside = tmp_path / "repository"
    inside.mkdir()
    refused(platform(inside, model=MODEL.replace("path: serving/kserve", f"path: {path}")))


def test_an_application_is_looked_for_where_the_model_says(tmp_path: Path) -> None:
    written = "{path: serving/kserve, application: kserve-demo, applicationNamespace: ops}"
    model = read_model(platform(tmp_path, model=MODEL.replace("{path: serving/kserve}", written)))
    wanted = rights_of(model, [], to=[layer("kserve")]).layers
    assert {one.namespace for one in wanted if one.kind.name == "Application"} == {"ops"}


def test_nobody_writes_objects_into_a_file(tmp_path: Path) -> None:
    text = MODEL.replace("{path: serving/kserve}", "{path: serving/kserve, objects: [{kind: Pod}]}")
    assert "filled in from path" in str(refused(platform(tmp_path, model=text)))


def test_an_inference_service_of_a_runtime_is_refused_and_said(tmp_path: Path) -> None:
    text = (
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: q, namespace: kserve}\n"
        "spec: {predictor: {model: {modelFormat: {name: huggingface}, args: [--model_name=q]}}}\n"
    )
    assert refused(platform(tmp_path, kserve=text)).code == "from-runtime"


def test_llm_d_asks_for_what_its_object_names(tmp_path: Path) -> None:
    split = LLM_D.replace(
        "  router:",
        "  prefill: {replicas: 2, template: {containers: [{name: main, resources: "
        "{limits: {nvidia.com/gpu: '1'}}}]}}\n  router:",
    )
    model = read_model(platform(tmp_path, llm_d=split))
    assert promised(model, "llm-d").max_model_len == 8192
    shorter = split.replace("{name: main, resources", "{name: main, args: [--max-model-len=4096], resources")
    assert promised(read_model(platform(tmp_path, llm_d=shorter)), "llm-d").max_model_len == 4096
    llm_d = layer("llm-d")
    assert [one.role for one in llm_d.engines(model)] == ["serve", "prefill"]
    assert llm_d.gpus(model) == 3
    without = LLM_D.partition("    scheduler:")[0]
    names = [ref.name for ref in llm_d.reads(read_model(platform(tmp_path, llm_d=without)))]
    assert names == ["qwen-llmd", "qwen-llmd-kserve"]


def test_what_may_stand_where_it_is_not_read_is_no_broken_promise(tmp_path: Path) -> None:
    """A key out of a whole Secret of variables, tools that are switched on in a file of settings: engines are asked."""
    variable = "            - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}}\n"
    assert variable in RAW
    hidden = RAW.replace(variable, "").replace(
        "          ports:", "          envFrom: [{secretRef: {name: all}}]\n          ports:"
    )
    model = read_model(platform(tmp_path, raw=hidden))
    assert not promised(model, "raw-vllm").keyed
    assert list(broken_promises(model, promised(model, "raw-vllm"))) == []
