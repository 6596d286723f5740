"""Other shapes of Applications, engines and edges than the two platforms have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.adopt.adopted import Adopted, adopt
from pointsman.adopt.files import files_of
from tests.adopt.test_adopt import adopted, data
from tests.adopt.test_folder import written
from tests.adopt.test_roads import KSERVE, RAW, SERVICE, entry

BARE = RAW.replace(", namespace: serving", "")
BARE_SERVICE = SERVICE.replace(", namespace: serving", "")
ENGINE = {"apps/qwen/raw.yaml": BARE, "apps/qwen/service.yaml": BARE_SERVICE}


def applications(found: Adopted) -> dict[str, str | None]:
    return {
        one.name: (origin.application.name if (origin := one.standing.origin).application else None)
        for one in found.engines
    }


SETS = {
    "list": """\
  generators: [{list: {elements: [{app: qwen, ns: serving}]}}]
  template:
    metadata: {name: "{{.app}}-prod"}
    spec: {source: {repoURL: u, path: "apps/{{.app}}"}, destination: {namespace: "{{.ns}}"}}
""",
    "folders": """\
  generators: [{git: {repoURL: u, directories: [{path: apps/*}, {path: apps/no*, exclude: true}]}}]
  template:
    metadata: {name: "{{.path.basename}}-prod"}
    spec: {source: {repoURL: u, path: "{{.path.path}}"}, destination: {namespace: serving}}
""",
    "folders as fasttemplate has them": """\
  generators: [{git: {repoURL: u, directories: [{path: apps/*}]}}]
  template:
    metadata: {name: "{{path.basename}}-prod"}
    spec: {source: {repoURL: u, path: "{{path}}"}, destination: {namespace: serving}}
""",
}


@pytest.mark.parametrize("name", SETS)
def test_applications_that_a_set_makes_are_made(name: str, tmp_path: Path) -> None:
    text = f"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n{SETS[name]}"
    found = adopt(written(tmp_path, ENGINE | {"set.yaml": text}))
    assert applications(found) == {"qwen": "qwen-prod"}
    assert found.engines[0].namespace == "serving"


def test_what_another_generator_makes_is_said_to_be_unknown(tmp_path: Path) -> None:
    text = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\nspec:\n"
    text += "  generators:\n    - pullRequest: {}\n  template: {metadata: {name: x}, spec: {source: {path: apps}}}\n"
    found = adopt(written(tmp_path, ENGINE | {"set.yaml": text}))
    assert any(one.where == "set.yaml:6" and "known only in the cluster" in one.why for one in found.left_out)


@pytest.mark.parametrize("kind", ["StatefulSet", "LeaderWorkerSet"])
def test_an_engine_on_no_layer_is_listed(kind: str, tmp_path: Path) -> None:
    text = RAW.replace("kind: Deployment", f"kind: {kind}").replace("name: qwen, n", "name: many, n")
    found = adopt(written(tmp_path, {"raw.yaml": RAW, "many.yaml": text}))
    assert [one.name for one in found.engines] == ["qwen"]
    assert any(one.where == "many.yaml:1" and kind in one.why for one in found.left_out)


RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: vllm-runtime}
spec:
  containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.23.0
      command: [vllm, serve]
      args: [--model=/mnt/models, --max-model-len=8192, --served-model-name=of-the-runtime]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: q, namespace: ks}
spec:
  predictor:
    model:
      modelFormat: {name: vLLM}
      runtime: vllm-runtime
      storageUri: hf://Qwen/Qwen2.5-0.5B-Instruct
      args: [--served-model-name=mine]
"""


def test_a_model_with_a_runtime_is_read_and_said_to_be_immovable(tmp_path: Path) -> None:
    found = adopt(written(tmp_path, {"a.yaml": RUNTIME}))
    (engine,) = found.engines
    assert [one.value for one in engine.names] == ["mine"]
    assert engine.context is not None
    assert (engine.context.value, engine.weights and engine.weights.value) == (8192, "Qwen/Qwen2.5-0.5B-Instruct")
    assert any("not moved" in why for why in engine.unknown)


STAGED = """\
      initContainers:
        - name: stage
          image: vllm/vllm-openai:v0.23.0
          env: [{name: REPO, value: Qwen/Qwen2.5-0.5B-Instruct}]
          command: [sh, -c, "test -e /weights/done || hf download $REPO --local-dir /weights"]
"""


def test_weights_that_are_staged_before_the_engine_starts_are_known(tmp_path: Path) -> None:
    text = RAW.replace("--model=Qwen/Qwen2.5-0.5B-Instruct", "--model=/weights")
    text = text.replace("      containers:\n", f"{STAGED}      containers:\n")
    (engine,) = adopt(written(tmp_path, {"raw.yaml": text})).engines
    assert engine.weights is not None
    assert engine.weights.value == "Qwen/Qwen2.5-0.5B-Instruct"


PROXY = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: proxy, namespace: argo}
spec:
  sources:
    - repoURL: ghcr.io/berriai
      chart: litellm-helm
      targetRevision: 0.1.800
      helm: {releaseName: tenants, valueFiles: [$v/proxy/values.yaml]}
    - {repoURL: u, targetRevision: live, ref: v}
  destination: {namespace: edge}
  syncPolicy: {automated: {}}
"""
VALUES = """\
masterkeySecretName: keys
envVars: {QWEN_BASE: http://qwen.serving.svc:8000/v1, STORE_MODEL_IN_DB: "True"}
proxy_config:
""" + "".join(f"  {line}\n" for line in entry("os.environ/QWEN_BASE").splitlines())


def of_litellms_chart(root: Path) -> Adopted:
    files = {"q/raw.yaml": RAW, "q/service.yaml": SERVICE, "apps/proxy.yaml": PROXY, "proxy/values.yaml": VALUES}
    return adopt(written(root, files))


def test_an_address_in_a_variable_that_stands_in_the_values_is_followed(tmp_path: Path) -> None:
    found = of_litellms_chart(tmp_path)
    assert [str(one) for one in found.roads[0].engines] == ["Deployment serving/qwen"]
    assert [edge.database for edge in found.edges] == ["proxy/values.yaml"]


def test_objects_of_litellms_own_chart_are_called_after_its_release(tmp_path: Path) -> None:
    made = files_of(
        of_litellms_chart(tmp_path),
        {"chat": {f"{side}.{key}": value for side in ("requests", "limits") for key, value in _SIZES}},
    )
    assert [one.what for one in made.findings] == []
    text = made.texts["models/chat.yaml"]
    for line in (
        "deployment: tenants-litellm",
        "configMap: tenants-litellm-config",
        "service: tenants-litellm",
        "port: 4000",
        "masterKey: {secret: keys, key: masterkey}",
    ):
        assert f"      {line}\n" in text
    assert "      from: {path: q}\n" in text
    assert "    branch: live\n" in made.texts["platform.yaml"]
    assert "    namespace: argo\n" in made.texts["platform.yaml"]


_SIZES = (("cpu", "1"), ("memory", "2Gi"))


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    config = entry("http://user:hunter2@qwen.serving.svc:8000?token=hunter2")
    root = written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": config})
    done = adopted(root, "--output", "json")
    assert not [one for one in _texts(data(root)) if "hunter2" in one]
    assert "adopt-base-url" in done.stdout


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [text for one in parts for text in _texts(one)]
    return [value] if isinstance(value, str) else []


def test_a_person_says_which_engines_are_one_model(tmp_path: Path) -> None:
    other = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: wave, namespace: ks}
spec:
  predictor:
    containers:
      - {name: kserve-container, image: "vllm/vllm-openai:v0.23.0", args: [/mnt/models, --served-model-name=wave]}
"""
    root = written(tmp_path, {"raw.yaml": RAW, "kserve.yaml": other})
    assert len(data(root)["models"]) == 2
    (model,) = data(root, "--same", "serving/qwen=ks/wave")["models"]
    assert list(model["layers"]) == ["raw-vllm", "kserve"]


def test_what_no_application_deploys_is_not_taken_up_for_its_weights_alone(tmp_path: Path) -> None:
    tried = KSERVE.replace("a/b", "Qwen/Qwen2.5-0.5B-Instruct").replace("namespace: ks", "namespace: serving")
    application = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: q}\n"
        "spec: {source: {repoURL: u, path: apps/qwen}, destination: {namespace: serving}}\n"
    )
    edge = entry("http://qwen.serving:8000/v1")
    root = written(tmp_path, ENGINE | {"app.yaml": application, "tried/isvc.yaml": tried, "edge.yaml": edge})
    found = data(root)
    assert [list(one["layers"]) for one in found["models"]] == [["raw-vllm"], ["kserve"]]
    assert found["findings"] == []
    (told,) = [one for one in found["notRead"] if "no Application deploys it" in one["why"]]
    assert (told["where"], told["next"]) == ("tried/isvc.yaml:1", "say it: --same q=qwen")
    assert len(data(root, "--same", "q=qwen")["models"]) == 1


@pytest.mark.parametrize(
    "words", [("--same", "qwen=gone"), ("--same", "gone/qwen=qwen"), ("--set", "chat.context=1"), ("--overwrite",)]
)
def test_words_that_would_do_nothing_are_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    root = written(tmp_path, ENGINE | {"edge.yaml": entry("http://qwen.serving:8000/v1")})
    done = adopted(root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[0] in done.stderr
    assert "next: " in done.stderr
