"""The real Argo CD in a lab with git: it reads the lab's repository, and syncs what it is asked to."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import Ground, until
from tests.gitops.manifests import config
from tests.gitops.repository import clone
from tests.gitops.sets import appset, groups

pytestmark = pytest.mark.lab


def test_a_manual_application_is_synced_by_one_patch_to_the_commit_that_was_pushed(ground: Ground) -> None:
    commit = ground.push({"one.yaml": config()})
    ground.applied(ground.application())
    until(lambda: ground.status().get("sync", {}).get("status") == "OutOfSync")
    assert not ground.live("configmap", "one"), "nobody asked for a sync"
    ground.patch({"operation": {"sync": {"revision": commit, "syncOptions": ["CreateNamespace=true"]}}})
    until(lambda: ground.phase() == "Succeeded")
    until(lambda: ground.status().get("sync", {}).get("status") == "Synced")
    assert ground.status()["sync"]["revision"] == commit
    assert ground.live("configmap", "one")["data"] == {"said": "first"}


def test_an_application_set_makes_what_is_switched_on_in_the_groups_file(ground: Ground) -> None:
    lines = f'- {{ name: blue, enabled: "false", catalogPath: {ground.name}/blue }}\n'
    files = {"groups.yaml": groups(ground, "red")["groups.yaml"] + lines, "red/r.yaml": config("r", "red")}
    ground.push(files, "Two groups")
    ground.applied(appset(ground))
    # It remembers for minutes which commit a branch was at, until it is asked to look again.
    ground.regenerate()
    until(lambda: ground.live("configmap", "r"))
    assert not ground.live(name=f"{ground.name}-blue")


@pytest.mark.parametrize("program", ["helm", "kustomize"])
def test_what_argo_cd_renders_with_is_there(ground: Ground, program: str) -> None:
    kustomization = "resources: [one.yaml]\nnamePrefix: drawn-\n"
    chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\n"
    of = {
        "kustomize": {"kustomization.yaml": kustomization, "one.yaml": config("one", "kustomize")},
        "helm": {
            "Chart.yaml": chart,
            "values.yaml": "said: helm\n",
            "templates/one.yaml": config("drawn-one", "{{ .Values.said }}"),
        },
    }
    ground.push(of[program], f"Drawn with {program}")
    ground.applied(ground.application(syncPolicy={"automated": {}, "syncOptions": ["CreateNamespace=true"]}))
    drawn = until(lambda: ground.live("configmap", "drawn-one"))
    assert drawn["data"] == {"said": program}


def test_a_protected_main_is_told_and_refuses(git_lab: RunningLab, tmp_path: Path) -> None:
    here, name = clone(git_lab, tmp_path / "clone"), secrets.token_hex(3)
    here.push({"guarded.txt": f"{name}\n"}, "Before")
    subprocess.run(["git", "config", "pointsman.protected", "gitlab"], cwd=git_lab.config.remote, check=True)
    try:
        with pytest.raises(AssertionError, match="not allowed to push code to protected branches"):
            here.push({"guarded.txt": "two\n"}, "After")
    finally:
        subprocess.run(["git", "config", "pointsman.protected", ""], cwd=git_lab.config.remote, check=True)
