"""What Kustomize alone can build keeps its lines: findings, ignores and edits lead to the file that says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.adopt.test_folder import real, written
from tests.checks.test_fixing import ENGINE
from tests.cli.program import run

GRACE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: vllm
        lifecycle: {preStop: {exec: {command: [sleep, "20"]}}}
"""
PATCHED = "resources: [../base]\npatches: [{path: grace.yaml}]\n"
BUILT = {
    "name prefix": {"kustomization.yaml": "namePrefix: x-\n" + PATCHED},
    "name suffix": {"kustomization.yaml": "nameSuffix: -y\n" + PATCHED},
    "both, twice": {
        "kustomization.yaml": "namePrefix: x-\nnameSuffix: -y\nresources: [../inner]\n",
        "../inner/kustomization.yaml": "namePrefix: qwen-\n" + PATCHED,
        "../inner/grace.yaml": GRACE,
    },
    "namespace": {"kustomization.yaml": "namePrefix: x-\nnamespace: s\n" + PATCHED},
    "labels": {"kustomization.yaml": "namePrefix: x-\ncommonLabels: {a: b}\n" + PATCHED},
    "images and replicas": {
        "kustomization.yaml": "namePrefix: x-\nreplicas: [{name: qwen, count: 1}]\n"
        "images: [{name: vllm/vllm-openai, newTag: v0.24.0}]\n" + PATCHED
    },
    "a generator with a hash": {
        "kustomization.yaml": "configMapGenerator: [{name: c, literals: [a=b]}]\n" + PATCHED,
    },
    "replacements": {
        "kustomization.yaml": PATCHED + "replacements:\n- source: {kind: Deployment, fieldPath: metadata.name}\n"
        "  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.labels.named], options: {create: true}}]\n"
    },
    "a component": {
        "kustomization.yaml": "namePrefix: x-\nresources: [../base]\ncomponents: [../slow]\n",
        "../slow/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{path: grace.yaml}]\n",
        "../slow/grace.yaml": GRACE,
    },
    "a patch that renames": {
        "kustomization.yaml": "resources: [../base]\npatches:\n- {path: grace.yaml}\n"
        "- {path: name.yaml, target: {kind: Deployment}, options: {allowNameChange: true}}\n",
        "name.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\n",
    },
    "operations": {
        "kustomization.yaml": "namePrefix: x-\nresources: [../base]\npatches: [{path: p.yaml, target: {name: qwen}}]\n",
        "p.yaml": "- op: add\n  path: /spec/template/spec/terminationGracePeriodSeconds\n  value: 10\n"
        "- op: add\n  path: /spec/template/spec/containers/0/lifecycle\n"
        '  value: {preStop: {exec: {command: [sleep, "20"]}}}\n',
    },
    "a kustomization in brackets": {
        "kustomization.yaml": '{"namePrefix": "x-", "resources": ["../base"], "patches": [{"path": "grace.yaml"}]}'
    },
}
SAID = {"operations": "overlay/p.yaml:3", "both, twice": "inner/grace.yaml:7", "a component": "slow/grace.yaml:7"}


def built(root: Path, name: str) -> Path:
    base = {
        "base/kustomization.yaml": "resources: [d.yaml]\n",
        "base/d.yaml": ENGINE.replace(", namespace: serving", ""),
    }
    overlay = {f"overlay/{path}": text for path, text in ({"grace.yaml": GRACE} | BUILT[name]).items()}
    return written(root, base | overlay)


def findings(root: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("lint", str(root), *words, "-o", "json").stdout)["findings"]
    return found


@real
@pytest.mark.parametrize("name", BUILT)
def test_what_is_found_in_what_kustomize_built_has_its_line(name: str, tmp_path: Path) -> None:
    where = {one["id"]: one["where"] for one in findings(built(tmp_path, name))}
    assert where["PM103"] == SAID.get(name, "overlay/grace.yaml:7")
    assert where["PM119"] == "base/d.yaml:12"
    assert not [one for one in where.values() if not one.rpartition(":")[2].isdigit()]


@real
@pytest.mark.parametrize("name", BUILT)
def test_an_ignore_beside_it_counts(name: str, tmp_path: Path) -> None:
    root = built(tmp_path, name)
    path, _, line = SAID.get(name, "overlay/grace.yaml:7").rpartition(":")
    lines = (root / path).read_text("utf-8").splitlines()
    lines[int(line) - 1] += " # pointsman:ignore PM103 they are short"
    (root / path).write_text("\n".join(lines) + "\n", "utf-8")
    assert not {"PM103", "PM903"} & {one["id"] for one in findings(root)}


@real
@pytest.mark.parametrize("name", BUILT)
def test_what_can_be_mended_is_mended_where_it_is_written(name: str, tmp_path: Path) -> None:
    root = built(tmp_path, name)
    left = findings(root, "--check", "PM103", "--check", "PM119", "--fix", "--yes")
    assert [one["id"] for one in left] == []
    path = SAID.get(name, "overlay/grace.yaml").partition(":")[0]
    assert "10\n" not in (root / path).read_text("utf-8")


@real
@pytest.mark.parametrize("name", BUILT)
def test_every_result_of_sarif_has_a_place_in_a_file(name: str, tmp_path: Path) -> None:
    (log,) = json.loads(run("lint", str(built(tmp_path, name)), "-o", "sarif").stdout)["runs"]
    assert log["results"]
    for one in log["results"]:
        (place,) = one["locations"]
        assert place["physicalLocation"]["region"]["startLine"] > 0


@real
def test_a_secret_of_a_generator_is_found_at_the_generator(tmp_path: Path) -> None:
    text = """\
namePrefix: x-
secretGenerator:
  - name: others
    literals: [a=b]
  - name: keys
    literals: [HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789]
"""
    written(tmp_path, {"kustomization.yaml": text})
    assert [one["where"] for one in findings(tmp_path, "--check", "PM803")] == ["kustomization.yaml:5"]
    written(tmp_path, {"kustomization.yaml": text.replace("name: keys", "name: keys # pointsman:ignore PM803 a test")})
    assert findings(tmp_path, "--check", "PM803") == []


@pytest.mark.parametrize(
    "prefix", ["", pytest.param("namePrefix: x-\n", marks=real)], ids=["alone", "with the program"]
)
def test_a_container_that_a_patch_moves_to_the_front_keeps_its_line(prefix: str, tmp_path: Path) -> None:
    side = "      containers:\n        - {name: side, image: example.invalid/side:1}\n"
    base = ENGINE.replace(", namespace: serving", "").replace("      containers:\n", side)
    files = {"base/kustomization.yaml": "resources: [d.yaml]\n", "base/d.yaml": base, "overlay/grace.yaml": GRACE}
    written(tmp_path, files | {"overlay/kustomization.yaml": prefix + PATCHED})
    where = {one["id"]: one["where"] for one in findings(tmp_path)}
    assert (where["PM119"], where["PM103"]) == ("base/d.yaml:13", "overlay/grace.yaml:7")
    assert findings(tmp_path, "--check", "PM119", "--check", "PM101", "--fix", "--yes") == []
    assert "readinessProbe" in (tmp_path / "overlay" / "grace.yaml").read_text("utf-8")
    assert "--shutdown-timeout=40" in (tmp_path / "base" / "d.yaml").read_text("utf-8")
