"""Edits that mend: in whatever way a manifest is written, one place differs, or nothing does."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from pointsman.adopt.adopted import adopt
from pointsman.adopt.mending import Mended, mend
from tests.adopt.test_folder import real, written
from tests.adopt.test_roads import RAW, SERVICE

HEAD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: q, namespace: ks}
spec:
  predictor:
"""
KEYED = RAW.replace(
    "          ports:",
    "          env: [{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: keys, key: k}}}]\n          ports:",
)
GOOD = ("--served-model-name=qwen", "--max-model-len=4096")

STYLES: dict[str, str] = {
    "block": """\
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0   # pinned
        args:
          - Qwen/Qwen2.5-0.5B-Instruct
          - --served-model-name=wrong # a remark
          - "--max-model-len=2048"
""",
    "flow": """\
    containers: [{name: kserve-container, image: "vllm/vllm-openai:v0.23.0", args: [--model, Qwen/Qwen2.5-0.5B-Instruct,
      --served-model-name, wrong, --max-model-len, "2048"]}]
""",
    "json": """\
    {"containers": [{"name": "kserve-container", "image": "vllm/vllm-openai:v0.23.0",
      "args": ["--model=Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name=wrong", "--max-model-len=2048"]}]}
""",
    "shell": """\
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        command: [sh, -c]
        args:
          - |
            set -e
            exec vllm serve Qwen/Qwen2.5-0.5B-Instruct \\
              --served-model-name wrong \\
              --max-model-len 2048
""",
    "variables": """\
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        args: [--model=Qwen/Qwen2.5-0.5B-Instruct, --served-model-name=$(NAME), --max-model-len=$(LENGTH)]
        env:
          - name: NAME
            value: wrong
          - {name: LENGTH, value: "2048"}
""",
    "absent": """\
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        args: # no more
          - Qwen/Qwen2.5-0.5B-Instruct
""",
    "anchor of its own": """\
    containers:
      - name: kserve-container
        image: &image vllm/vllm-openai:v0.23.0
        args: &args
          - Qwen/Qwen2.5-0.5B-Instruct
          - --served-model-name=wrong
          - --max-model-len=2048
""",
    "windows": "    containers:\r\n      - name: kserve-container\r\n        image: vllm/vllm-openai:v0.23.0\r\n"
    "        args:\r\n          - Qwen/Qwen2.5-0.5B-Instruct\r\n          - --served-model-name=wrong\r\n"
    "          - --max-model-len=2048\r\n",
}


def mended(root: Path, kserve: str, raw: str = KEYED) -> Mended:
    texts = {"raw.yaml": raw, "service.yaml": SERVICE}
    written(root, texts)
    (root / "kserve.yaml").write_bytes((HEAD + kserve).encode())
    found = adopt(root)
    assert found.tree is not None
    assert {one.code for one in found.findings} == {"adopt-served-name", "adopt-context", "adopt-auth"}
    return mend(found.tree, found.findings)


@pytest.mark.parametrize("name", STYLES)
def test_any_way_of_writing_is_mended_in_place(name: str, tmp_path: Path) -> None:
    made = mended(tmp_path, STYLES[name])
    assert [(one.code, why) for one, why, _ in made.refused] == []
    assert list(made.texts) == ["kserve.yaml"]
    assert adopt(made.tree).findings == []
    before, after = HEAD + STYLES[name], made.texts["kserve.yaml"]
    came = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("+ ")]
    assert len(came) <= 4
    for line in before.splitlines(keepends=True):
        touched = any(word in line for word in ("wrong", "2048", "args: [", "containers: [", '{"containers"'))
        assert touched or line in after.splitlines(keepends=True), line


def test_what_others_share_is_refused_with_its_line(tmp_path: Path) -> None:
    kserve = """\
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        args: &args
          - Qwen/Qwen2.5-0.5B-Instruct
          - --served-model-name=wrong
          - --max-model-len=2048
      - name: other
        image: busybox:1
        args: *args
"""
    made = mended(tmp_path, kserve)
    refused = {one.code: (one.where, action) for one, _, action in made.refused}
    assert refused["adopt-served-name"] == ("kserve.yaml:11", "by hand: serve it as qwen")
    assert [one.code for one in made.done] == ["adopt-auth"]


def test_each_finding_is_mended_by_itself(tmp_path: Path) -> None:
    """One that cannot be mended keeps none of its edits, and keeps no other one back."""
    text = STYLES["block"].replace("name=wrong # a remark", "name\n          - &n wrong")
    made = mended(tmp_path, text + "        env: [{name: X, value: *n}]\n")
    assert [one.code for one, _, _ in made.refused] == ["adopt-served-name"]
    assert "--max-model-len=4096" in made.texts["kserve.yaml"]


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: edge, namespace: edge}
data:
  other.yaml: |
    a: 1
  config.yaml: |MARK
    # tenants' names

    model_list:
      - model_name: chat
        litellm_params:
          model: openai/wrong   # what it asks for
          api_base: http://qwen.serving.svc.cluster.local:8000
    general_settings: {}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: after, namespace: edge}
data: {a: b}
"""


@pytest.mark.parametrize("mark", ["", "-", "+", " # as it is"])
def test_a_configuration_in_a_config_map_is_mended_in_place(mark: str, tmp_path: Path) -> None:
    text = CONFIG_MAP.replace("MARK", mark)
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": text})
    found = adopt(tmp_path)
    assert found.tree is not None
    assert {one.code: one.where for one in found.findings} == {
        "adopt-model-name": "edge.yaml:11",
        "adopt-base-url": "edge.yaml:11",
    }
    made = mend(found.tree, found.findings)
    expected = text.replace("openai/wrong", "openai/qwen").replace(":8000\n", ":8000/v1\n")
    assert made.texts == {"edge.yaml": expected}
    assert adopt(made.tree).findings == []


def test_a_port_that_nobody_listens_on_is_corrected_at_the_service(tmp_path: Path) -> None:
    edge = (
        "model_list:\n- {model_name: chat, litellm_params: {model: openai/qwen, api_base: 'http://qwen.serving/v1'}}\n"
    )
    service = SERVICE.replace("port: 8000, targetPort: http", "port: 80, targetPort: 8080")
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": service, "edge.yaml": edge})
    found = adopt(tmp_path)
    assert [one.code for one in found.findings] == ["adopt-port"]
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert made.texts == {"service.yaml": service.replace("targetPort: 8080", "targetPort: 8000")}
    assert adopt(made.tree).findings == []


def test_the_header_of_a_route_goes_with_the_name(tmp_path: Path) -> None:
    """The alias and the route agree on a name that the engine does not know."""
    edge = "model_list:\n- {model_name: chat, litellm_params: {model: openai/old, api_base: 'http://gw.net.svc/v1'}}\n"
    route = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: serving}
spec:
  parentRefs: [{name: gw, namespace: net}]
  rules:
    - matches: [{headers: [{name: X-Gateway-Model-Name, value: old}]}]
      backendRefs: [{name: qwen, port: 8000}]
"""
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": edge, "route.yaml": route})
    found = adopt(tmp_path)
    assert [one.code for one in found.findings] == ["adopt-model-name"]
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert made.texts == {
        "edge.yaml": edge.replace("openai/old", "openai/qwen"),
        "route.yaml": route.replace("value: old", "value: qwen"),
    }
    assert adopt(made.tree).findings == []


def test_what_is_in_the_clear_is_left_to_a_person(tmp_path: Path) -> None:
    kserve = STYLES["block"].replace('"--max-model-len=2048"', "--api-key=abc\n          - --max-model-len=4096")
    written(tmp_path, {"raw.yaml": RAW.replace("=qwen", "=wrong"), "service.yaml": SERVICE})
    (tmp_path / "kserve.yaml").write_text(HEAD + kserve)
    found = adopt(tmp_path)
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert [(one.code, why) for one, why, _ in made.refused] == [("adopt-auth", "a person has to decide")]
    assert made.texts == {}


@real
def test_a_folder_that_only_kustomize_builds_is_mended_in_its_sources(tmp_path: Path) -> None:
    files = {
        "raw.yaml": KEYED,
        "service.yaml": SERVICE,
        "k/kustomization.yaml": "namePrefix: our-\nnamespace: ks\nresources: [isvc.yaml]\n",
        "k/isvc.yaml": (HEAD + STYLES["block"]).replace(", namespace: ks", ""),
    }
    found = adopt(written(tmp_path, files))
    assert {str(one) for one in found.engines} == {"InferenceService ks/our-q", "Deployment serving/qwen"}
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert made.refused == []
    assert list(made.texts) == ["k/isvc.yaml"]
    assert adopt(made.tree).findings == []


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_a_configuration_is_mended_where_a_patch_says_it_and_with_its_line_ends(line: str, tmp_path: Path) -> None:
    base = CONFIG_MAP.partition("---\n")[0].replace("MARK", "")
    patch = base.replace("namespace: edge", "namespace: edge, labels: {a: b}").replace(
        "  other.yaml: |\n    a: 1\n", ""
    )
    base = base.replace("openai/wrong", "openai/base")
    files = {
        "raw.yaml": RAW,
        "service.yaml": SERVICE,
        "k/base/kustomization.yaml": "resources: [edge.yaml]\n",
        "k/base/edge.yaml": base,
        "k/prod/kustomization.yaml": "resources: [../base]\npatches: [{path: edge.yaml}]\n",
    }
    written(tmp_path, files | {"k/prod/edge.yaml": ""})
    (tmp_path / "k/prod/edge.yaml").write_bytes(patch.replace("\n", line).encode())
    found = adopt(tmp_path)
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    expected = patch.replace("openai/wrong", "openai/qwen").replace(":8000\n", ":8000/v1\n").replace("\n", line)
    assert (made.refused, made.texts) == ([], {"k/prod/edge.yaml": expected})


SHARED = """\
model_list:
- {model_name: chat, litellm_params: {model: openai/qwen, api_base: 'http://qwen.serving:8000/v1', weight: 9}}
- {model_name: chat, litellm_params: {model: openai/wrong, api_base: 'http://q-predictor.ks/v1', weight: 1}}
"""


def test_a_name_goes_with_the_members_that_ask_for_it(tmp_path: Path) -> None:
    """A canary answers its share; renamed by itself it would answer 404."""
    kserve = HEAD + STYLES["block"]
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": SHARED})
    found = adopt(tmp_path)
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert "--served-model-name=qwen" in made.texts["kserve.yaml"]
    assert made.texts["edge.yaml"] == SHARED.replace("openai/wrong", "openai/qwen")


HELD = {
    "the edge": (
        "edge.yaml",
        SHARED.replace(
            "- {model_name: chat, litellm_params: {model: openai/wrong,",
            "- &x {model_name: chat, litellm_params: {model: openai/wrong,",
        )
        + "other: *x\n",
    ),
    "the engine": (
        "kserve.yaml",
        HEAD
        + STYLES["block"].replace("name=wrong # a remark", "name\n          - &n wrong")
        + "        env: [{name: X, value: *n}]\n",
    ),
}


@pytest.mark.parametrize("which", HELD)
def test_neither_is_renamed_where_the_other_one_cannot_be(which: str, tmp_path: Path) -> None:
    files = {"raw.yaml": RAW, "service.yaml": SERVICE, "kserve.yaml": HEAD + STYLES["block"], "edge.yaml": SHARED}
    written(tmp_path, files | dict([HELD[which]]))
    found = adopt(tmp_path)
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert {one.code for one, _, _ in made.refused} >= {"adopt-served-name", "adopt-model-name"}
    assert "edge.yaml" not in made.texts
    assert "--served-model-name=qwen" not in made.texts.get("kserve.yaml", "")


KEYS = {
    "the same": ("os.environ/A", True, "os.environ/A"),
    "none": ("none", True, "os.environ/A"),
    "of its own": ("os.environ/B", True, "os.environ/A"),
    "in the clear": ("abc", False, "abc"),
}


@pytest.mark.parametrize("how", KEYS)
def test_a_key_goes_with_the_members_that_show_another(how: str, tmp_path: Path) -> None:
    """A canary that asks for no key today would answer 401 to a member that shows another one."""
    shown, mended_, after = KEYS[how]
    first = "abc2" if not mended_ else "os.environ/A"
    edge = SHARED.replace("openai/wrong", "openai/qwen").replace("weight: 9", f"weight: 9, api_key: {first}")
    edge = edge.replace("weight: 1}", f"weight: 1, api_key: {shown}}}")
    kserve = HEAD + STYLES["block"].replace("wrong", "qwen").replace("2048", "4096")
    edge += "- {model_name: more, litellm_params: {model: openai/qwen, api_base: 'http://qwen.serving:8000/v1', "
    edge += "api_key: os.environ/Z}}\n"  # another alias's is not taken
    written(tmp_path, {"raw.yaml": KEYED, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": edge})
    found = adopt(tmp_path)
    assert found.tree is not None
    made = mend(found.tree, found.findings)
    assert ("VLLM_API_KEY" in made.texts.get("kserve.yaml", "")) is mended_
    assert made.texts.get("edge.yaml", edge) == edge.replace(
        f"weight: 1, api_key: {shown}", f"weight: 1, api_key: {after}"
    )
