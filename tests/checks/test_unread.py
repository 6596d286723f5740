"""A manifest that could not be read is no clean one: said, counted, and another exit code than success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.program import ROOT, run
from tests.cli.terminal import in_terminal

FINE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine, namespace: s}\ndata: {a: b}\n"
ENGINE = """apiVersion: apps/v1
kind: Deployment
metadata: {name: q, namespace: s}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: q}}
  template:
    metadata: {labels: {app: q}}
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.23.0
          args: [Qwen/Qwen2.5-7B-Instruct, --tensor-parallel-size=8]
          resources: {limits: {nvidia.com/gpu: "1"}}
"""
UNREAD = {
    "syntax": ENGINE.replace("spec:\n  strategy", "spec: [\n  strategy").encode(),
    "tag": ENGINE.replace("name: vllm", "name: !vault vllm").encode(),
    "letters": ENGINE.replace("metadata: {name: q", "# f\u00fcr\nmetadata: {name: q").encode("latin-1"),
    "large": (ENGINE + "# " + "x" * (2 << 20) + "\n").encode(),
    "twice": ENGINE.replace("kind: Deployment", "kind: Deployment\nkind: Deployment").encode(),
}


def linted(*words: str) -> tuple[int, str]:
    done = run("lint", *words)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


@pytest.fixture(params=UNREAD)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A fine manifest beside one that cannot be read."""
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    (tmp_path / "engine.yaml").write_bytes(UNREAD[request.param])
    return tmp_path


def test_it_is_not_called_clean(folder: Path) -> None:
    for place in (folder, folder / "engine.yaml"):
        code, said = linted(str(place))
        assert code == 5, said
        assert "no problems found in what could be read, and 1 manifest could not be" in said
        assert linted(str(place), "--fail", "never")[0] == 5
    assert linted(str(folder / "fine.yaml")) == (0, linted(str(folder / "fine.yaml"))[1])


def test_programs_are_told_too(folder: Path) -> None:
    data = json.loads(linted(str(folder), "-o", "json")[1])
    (unread,) = [one for one in data["notRead"] if one["unread"]]
    assert "engine.yaml" in unread["where"]
    (made,) = json.loads(linted(str(folder), "-o", "sarif")[1])["runs"][0]["invocations"]
    assert made["executionSuccessful"] is False
    (notice,) = made["toolExecutionNotifications"]
    assert "engine.yaml" in json.dumps(notice["locations"])
    suite = ElementTree.fromstring(linted(str(folder), "-o", "junit")[1])
    assert (suite.get("errors"), suite.get("tests")) == ("1", "1")


def test_what_fails_still_fails(folder: Path) -> None:
    (folder / "other.yaml").write_text(ENGINE.replace("name: q", "name: other"), "utf-8")
    code, said = linted(str(folder))
    assert code == 1
    assert "1 manifest not read" in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("templates/engine.yaml", ENGINE.replace("name: q,", "name: {{ .Values.name }},")),
        ("ci.yml", "build:\n  script: !reference [.setup, script]\n"),
        ("notes.yaml", "just: [words\n"),
        ("crds.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n# " + "x" * (2 << 20)),
    ],
)
def test_what_nobody_applies_as_it_is_does_not_count(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text, "utf-8")
    code, said = linted(str(tmp_path))
    assert (code, "no problems found (" in said) == (0, True), said


def test_a_file_that_was_named_counts_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    (tmp_path / "notes.yaml").write_text("just: [words\n", "utf-8")
    assert linted(str(tmp_path / "notes.yaml"))[0] == 5


ROAD = """model_list:
  - model_name: q
    litellm_params: {model: openai/q, api_base: "http://q.s.svc.cluster.local:8000/v1", api_key: os.environ/K}
    model_info: {id: q}
"""
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: q, namespace: s}
spec: {selector: {app: q}, ports: [{port: 8000}]}
"""


def found(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(linted(str(folder), "-o", "json")[1])
    return data


def test_unread_is_not_absent(folder: Path) -> None:
    (folder / "service.yaml").write_text(SERVICE, "utf-8")
    (folder / "config.yaml").write_text(ROAD, "utf-8")
    said = found(folder)
    assert "PM611" not in {one["id"] for one in said["findings"]}
    assert any("engine.yaml" in one["why"] and "could not be read" in one["why"] for one in said["notRead"])
    (folder / "engine.yaml").unlink()
    assert "PM611" in {one["id"] for one in found(folder)["findings"]}


@pytest.mark.parametrize(
    "text",
    [
        ENGINE.replace(
            'resources: {limits: {nvidia.com/gpu: "1"}}', 'resources: {<<: {limits: {nvidia.com/gpu: "1"}}}'
        ),
        ENGINE.replace("spec:\n  strategy", 'x: &gpu {limits: {nvidia.com/gpu: "1"}}\nspec:\n  strategy').replace(
            'resources: {limits: {nvidia.com/gpu: "1"}}', 'resources: {<<: [*gpu, {limits: {nvidia.com/gpu: "8"}}]}'
        ),
    ],
)
def test_merge_keys_are_filled_in_as_kubernetes_does(text: str, tmp_path: Path) -> None:
    """The first of several counts, and what stands beside them counts more."""
    (tmp_path / "engine.yaml").write_text(text, "utf-8")
    said = found(tmp_path)
    assert said["notRead"] == []
    assert [one["id"] for one in said["findings"] if one["id"] == "PM111"] == ["PM111"]
    (tmp_path / "engine.yaml").write_text(text.replace("<<:", 'limits: {nvidia.com/gpu: "8"}, <<:'), "utf-8")
    assert "PM111" not in {one["id"] for one in found(tmp_path)["findings"]}


def test_in_a_pipe_a_finding_is_one_line_whatever_it_names(tmp_path: Path) -> None:
    name = "llama-chat-of-a-team-with-a-long-name-" * 3 + "x"
    (tmp_path / "engine.yaml").write_text(ENGINE.replace("name: q,", f"name: {name},"), "utf-8")
    lines = linted(str(tmp_path))[1].splitlines()
    told = found(tmp_path)["findings"]
    assert told
    assert all(f"  {one['what']}" in lines for one in told)


ADDRESS = "http://edge.s.svc.cluster.local:80/v1"
GATEWAY = """apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: s}
spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}
"""
ROUTE = """apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: q, namespace: s}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: q, port: 8000}]}]
"""
BROKEN = ROUTE.replace("spec:", "spec: [", 1)


@pytest.mark.parametrize(
    "files",
    [
        {"gateway.yaml": GATEWAY, "unread.yaml": BROKEN},
        {"gateway.yaml": GATEWAY, "route.yaml": ROUTE, "unread.yaml": SERVICE.replace("spec: {", "spec: [")},
        {"gateway.yaml": GATEWAY, "route.yaml": ROUTE, "service.yaml": SERVICE, "unread.yaml": BROKEN},
    ],
    ids=["route", "service behind a route", "engine behind a route"],
)
def test_unread_is_not_absent_behind_a_gateway(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(ROAD.replace("http://q.s.svc.cluster.local:8000/v1", ADDRESS), "utf-8")
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert "PM611" not in {one["id"] for one in found(tmp_path)["findings"]}
    (tmp_path / "unread.yaml").unlink()
    assert "PM611" in {one["id"] for one in found(tmp_path)["findings"]}


def test_what_a_kustomization_cannot_be_built_of_is_not_absent(tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "engine.yaml").write_text(ENGINE, "utf-8")
    (folder / "kustomization.yaml").write_text(
        "resources: [engine.yaml]\nhelmCharts: [{name: x, repo: https://example.invalid}]\n", "utf-8"
    )
    (tmp_path / "service.yaml").write_text(SERVICE, "utf-8")
    (tmp_path / "config.yaml").write_text(ROAD, "utf-8")
    assert "PM611" not in {one["id"] for one in found(tmp_path)["findings"]}


EDGE = """apiVersion: apps/v1
kind: Deployment
metadata: {name: litellm, namespace: s}
spec:
  replicas: 1
  selector: {matchLabels: {app: litellm}}
  template:
    metadata: {labels: {app: litellm}}
    spec:
      containers:
        - {name: litellm, image: "litellm:1", volumeMounts: [{name: config, mountPath: /etc/litellm}]}
      volumes: [{name: config, configMap: {name: litellm}}]
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: litellm, namespace: s}\ndata:\n  config.yaml: |\n"


def test_an_edge_is_not_single_where_its_autoscaler_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text(EDGE, "utf-8")
    (tmp_path / "map.yaml").write_text(MAP + "".join(f"    {line}\n" for line in ROAD.splitlines()), "utf-8")
    assert "PM522" in {one["id"] for one in found(tmp_path)["findings"]}
    (tmp_path / "scaler.yaml").write_text(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: [\n", "utf-8"
    )
    assert "PM522" not in {one["id"] for one in found(tmp_path)["findings"]}


@pytest.mark.parametrize("data", [b"\x7fELF\0\0\1\2", ENGINE.encode("utf-16")], ids=["program", "UTF-16"])
def test_what_is_no_text_may_be_anything(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    (tmp_path / "engine.yaml").write_bytes(data)
    assert linted(str(tmp_path))[0] == 5
    assert linted(str(tmp_path / "engine.yaml"))[0] == 5


@pytest.mark.parametrize("name", ["{{ name }}", "x}\n{% if large %}\n"])
def test_what_another_program_fills_in_is_told_and_does_not_count(name: str, tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    (tmp_path / "engine.yaml").write_text(ENGINE.replace("{name: q, namespace: s}", f"{{name: {name}}}"), "utf-8")
    code, said = linted(str(tmp_path))
    assert (code, "it is a template" in said) == (0, True), said
    assert linted(str(tmp_path / "engine.yaml"))[0] == 5


def test_a_template_of_a_chart_that_was_named_says_why_it_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: x\nversion: 1.0.0\n", "utf-8")
    (tmp_path / "templates" / "engine.yaml").write_text(ENGINE, "utf-8")
    code, said = linted(str(tmp_path / "templates" / "engine.yaml"))
    assert (code, "it is a template of Helm" in said) == (5, True), said


def test_it_is_said_first_and_with_what_to_do(folder: Path) -> None:
    (folder / "other.yaml").write_text(ENGINE.replace("name: q", "name: other"), "utf-8")
    title, line, *_ = linted(str(folder))[1].splitlines()
    (unread,) = [one for one in found(folder)["notRead"] if one["unread"]]
    assert (title, line) == ("not read, so not checked:", f"  {unread['where']}: {unread['why']}; {unread['next']}")
    assert unread["next"]


def test_comments_in_a_file_that_could_not_be_read_do_not_decide(tmp_path: Path) -> None:
    """Nobody can say that an ignore in it is not used, and one that is wrong is no finding of what was looked at."""
    for comment in ("# pointsman:ignore PM111 it is to be so", "# pointsman:ignore PM000 there is none"):
        (tmp_path / "engine.yaml").write_text(BROKEN.replace("spec:", f"{comment}\nspec:"), "utf-8")
        assert linted(str(tmp_path / "engine.yaml"))[0] == 5
        assert "PM903" not in {one["id"] for one in found(tmp_path)["findings"]}


def test_of_a_file_its_own_objects_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(FINE.replace("name: fine", f"name: {name}"), "utf-8")
        (tmp_path / f"model-{name}.yaml").write_text(MODEL.replace("NAME", name), "utf-8")
    assert json.loads(linted(str(tmp_path / "a.yaml"), "-o", "json")[1])["objects"] == 1
    one, both = (json.loads(linted(str(tmp_path / name), "-o", "json")[1])["objects"] for name in ("model-a.yaml", ""))
    assert one > 1
    assert both == 2 * one + 2


MODEL = (ROOT / "examples/platform/models/qwen.yaml").read_text("utf-8").replace("name: qwen\n", "name: NAME\n")


def test_in_a_terminal_names_stay_whole_and_lines_are_as_wide_as_it_is(tmp_path: Path) -> None:
    name = "production-serving-llama-chat-of-a-team"
    (tmp_path / "engine.yaml").write_text(ENGINE.replace("name: q,", f"name: {name},"), "utf-8")
    shown = in_terminal("lint", str(tmp_path), columns=60)
    assert shown.split() == linted(str(tmp_path))[1].split()
    assert f"s/{name}:" in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_what_only_a_missing_program_could_build_was_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(FINE, "utf-8")
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "engine.yaml").write_text(ENGINE, "utf-8")
    source = "{source: {kind: Deployment, name: q, fieldPath: metadata.name}, targets: []}"
    (folder / "kustomization.yaml").write_text(f"resources: [engine.yaml]\nreplacements: [{source}]\n", "utf-8")
    done = run("lint", str(tmp_path), env={"POINTSMAN_KUSTOMIZE": "none-such"})
    assert (done.returncode, "no such program" in done.stdout) == (5, True), done.stdout
