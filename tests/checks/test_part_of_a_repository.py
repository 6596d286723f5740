"""A folder, or a file, that is named is a part of its repository: it is read with that, and told of alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.adopt.test_folder import written
from tests.checks.test_fixing import ENGINE
from tests.cli.program import run

GRACE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen, namespace: serving}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: vllm
        lifecycle: {preStop: {exec: {command: [sleep, "20"]}}}
"""
OVERLAY = "resources: [../../base]\npatches: [{path: grace.yaml}]\n"
REPOSITORY = {
    "base/kustomization.yaml": "resources: [d.yaml]\n",
    "base/d.yaml": ENGINE,
    "overlays/prod/kustomization.yaml": OVERLAY,
    "overlays/prod/grace.yaml": GRACE,
    "overlays/dev/kustomization.yaml": OVERLAY,
    "overlays/dev/grace.yaml": GRACE.replace("10", "11"),
    "broken/a.yaml": "a: [\n",
}
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: dev, namespace: argocd}
spec:
  project: default
  source: {repoURL: "https://git.example.invalid/a.git", targetRevision: main, path: overlays/dev}
  destination: {server: "https://kubernetes.default.svc", namespace: serving}
"""


def told(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("lint", *words, "-o", "json").stdout)
    return found


def repository(root: Path, *, git: bool, **more: str) -> Path:
    written(root, REPOSITORY | {f"{name}.yaml": text for name, text in more.items()})
    if git:
        (root / ".git").mkdir()
    return root


@pytest.mark.parametrize("git", [True, False], ids=["in git", "without git"])
def test_an_overlay_is_built_of_its_base_and_told_of_alone(git: bool, tmp_path: Path) -> None:
    root = repository(tmp_path / "here", git=git)
    said = told(str(root / "overlays" / "prod"))
    where = {one["id"]: one["where"] for one in said["findings"]}
    assert where["PM103"] == "overlays/prod/grace.yaml:7"
    assert where["PM119"] == "base/d.yaml:12"
    assert {one["where"].partition("/")[0] for one in said["findings"]} == {"overlays", "base"}
    assert not [one for one in said["findings"] if "dev" in one["where"]]
    assert [one for one in said["notRead"] if "broken" in one["where"]] == []
    assert said["objects"] == 1


def test_an_overlay_that_no_application_deploys_is_looked_at_when_it_is_named(tmp_path: Path) -> None:
    root = repository(tmp_path, git=True, app=APPLICATION)
    assert "PM103" in {one["id"] for one in told(str(root / "overlays" / "prod"))["findings"]}
    assert {one["where"].partition(":")[0] for one in told(str(root / "app.yaml"))["findings"]} <= {"app.yaml"}


def test_a_file_is_told_of_alone_with_what_the_repository_makes_of_it(tmp_path: Path) -> None:
    root = repository(tmp_path, git=True)
    said = told(str(root / "overlays" / "prod" / "grace.yaml"))
    assert {one["where"].partition(":")[0] for one in said["findings"]} == {"overlays/prod/grace.yaml"}


@pytest.mark.parametrize("git", [True, False], ids=["in git", "without git"])
def test_ignores_in_a_base_count_for_the_overlay_that_is_named(git: bool, tmp_path: Path) -> None:
    root = repository(tmp_path / "here", git=git)
    text = ENGINE.replace("- name: vllm", "- name: vllm # pointsman:ignore PM119 its Service waits by itself")
    written(root, {"base/d.yaml": text})
    said = told(str(root / "overlays" / "prod"))
    assert "PM119" in {one["id"] for one in said["ignored"]}
    assert not {"PM119", "PM903"} & {one["id"] for one in said["findings"]}


def test_a_folder_is_mended_and_no_other(tmp_path: Path) -> None:
    root = repository(tmp_path, git=True)
    left = told(str(root / "overlays" / "prod"), "--check", "PM103", "--fix", "--yes")["findings"]
    assert left == []
    assert "Seconds: 10\n" not in (root / "overlays" / "prod" / "grace.yaml").read_text("utf-8")
    assert (root / "overlays" / "dev" / "grace.yaml").read_text("utf-8") == GRACE.replace("10", "11")


def test_without_git_a_kustomization_does_not_lead_to_the_root_of_the_file_system(tmp_path: Path) -> None:
    up = "/".join([".."] * 40)
    written(tmp_path, {"f/kustomization.yaml": f"resources: [{up}/etc]\n"})
    said = told(str(tmp_path / "f"))
    assert any("out of the repository" in one["why"] for one in said["notRead"]), said


def test_environments_of_a_repository_do_not_stop_who_names_a_folder(tmp_path: Path) -> None:
    apps = {f"clusters/{env}/apps/a.yaml": APPLICATION.replace("name: dev,", f"name: {env},") for env in ("a", "b")}
    root = written(repository(tmp_path, git=True), apps)
    assert run("lint", str(root)).returncode == 2
    assert "PM103" in {one["id"] for one in told(str(root / "overlays" / "prod"))["findings"]}
    assert told(str(root / "clusters" / "a"))["objects"] == 1


def test_a_platform_that_a_file_marks_is_a_whole_of_its_own(tmp_path: Path) -> None:
    mark = "apiVersion: pointsman.dev/v1alpha1\nkind: Platform\nmetadata: {name: platform}\n"
    root = written(repository(tmp_path, git=True), {"overlays/platform.yaml": mark})
    said = told(str(root / "overlays" / "prod"))
    assert said["findings"] == []
    assert any("'../../base' leads out of the repository" in one["why"] for one in said["notRead"])
