"""A manifest that could not be read is no clean one: said, counted, and another exit code than success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.program import run

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
