"""The real Argo CD in a lab with git: it reads the lab's repository, and syncs what it is asked to."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.gitops.repository import Clone, clone

pytestmark = pytest.mark.lab

NAMESPACE = "argocd"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{said: {said}}}\n"


@pytest.fixture
def mine() -> str:
    """A name that no other run in this lab has."""
    return f"t{secrets.token_hex(3)}"


@pytest.fixture
def here(git_lab: RunningLab, tmp_path: Path) -> Clone:
    return clone(git_lab, tmp_path / "clone")


def application(lab: RunningLab, name: str, path: str, **policy: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": lab.config.remote.as_uri(), "path": path, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"], **policy},
        },
    }


def apply(lab: RunningLab, manifest: dict[str, Any]) -> None:
    lab.kubectl("apply", "--server-side", "--filename=-", given=json.dumps(manifest))


def found(lab: RunningLab, kind: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    done = lab.kubectl("get", kind, name, f"--namespace={namespace}", "--output=json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def eventually(look: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return seen


def test_a_manual_application_is_synced_by_one_patch_to_the_commit_that_was_pushed(
    git_lab: RunningLab, here: Clone, mine: str
) -> None:
    commit = here.push({f"{mine}/one.yaml": CONFIG_MAP.format(name="one", said="first")}, "One")
    apply(git_lab, application(git_lab, mine, mine))

    def status() -> dict[str, Any]:
        return dict(found(git_lab, "application", mine).get("status") or {})

    eventually(lambda: status().get("sync", {}).get("status") == "OutOfSync")
    assert not found(git_lab, "configmap", "one", mine), "nobody asked for a sync"
    operation = {"operation": {"sync": {"revision": commit, "syncOptions": ["CreateNamespace=true"]}}}
    words = ("patch", "application", mine, f"--namespace={NAMESPACE}", "--type=merge")
    git_lab.kubectl(*words, f"--patch={json.dumps(operation)}")
    eventually(lambda: status().get("operationState", {}).get("phase") == "Succeeded")
    eventually(lambda: status().get("sync", {}).get("status") == "Synced")
    assert status()["sync"]["revision"] == commit
    assert found(git_lab, "configmap", "one", mine)["data"] == {"said": "first"}


def test_an_application_set_makes_what_is_switched_on_in_the_groups_file(
    git_lab: RunningLab, here: Clone, mine: str
) -> None:
    red, blue = f"{mine}-red", f"{mine}-blue"
    groups = f'- {{ name: {red}, enabled: "true" }}\n- {{ name: {blue}, enabled: "false" }}\n'
    here.push({f"{mine}.yaml": groups, f"{red}/r.yaml": CONFIG_MAP.format(name="r", said="red")}, "Two groups")
    template = application(git_lab, "{{.name}}", "{{.name}}", automated={"prune": True, "selfHeal": True})
    generated = {"metadata": {"name": "{{.name}}"}, "spec": template["spec"]}
    files = {"repoURL": git_lab.config.remote.as_uri(), "revision": "main", "files": [{"path": f"{mine}.yaml"}]}
    sets = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": mine, "namespace": NAMESPACE},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": files, "selector": {"matchLabels": {"enabled": "true"}}}],
            "template": generated,
        },
    }
    apply(git_lab, sets)
    # It remembers for minutes which commit a branch was at, until it is asked to look again.
    refresh = "argocd.argoproj.io/application-set-refresh=true"
    git_lab.kubectl("annotate", "applicationset", mine, f"--namespace={NAMESPACE}", refresh)
    eventually(lambda: found(git_lab, "configmap", "r", red))
    assert not found(git_lab, "application", blue)
    git_lab.kubectl(
        "patch", "configmap", "r", f"--namespace={red}", "--type=merge", '--patch={"data": {"said": "other"}}'
    )
    eventually(lambda: found(git_lab, "configmap", "r", red)["data"] == {"said": "red"})


@pytest.mark.parametrize("program", ["helm", "kustomize"])
def test_what_argo_cd_renders_with_is_there(git_lab: RunningLab, here: Clone, mine: str, program: str) -> None:
    kustomization = "resources: [one.yaml]\nnamePrefix: drawn-\n"
    chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\n"
    template = CONFIG_MAP.format(name="drawn-one", said="{{ .Values.said }}").replace("{{said", "{said")
    of = {
        "kustomize": {"kustomization.yaml": kustomization, "one.yaml": CONFIG_MAP.format(name="one", said="kustomize")},
        "helm": {"Chart.yaml": chart, "values.yaml": "said: helm\n", "templates/one.yaml": template},
    }
    here.push({f"{mine}/{name}": text for name, text in of[program].items()}, f"Drawn with {program}")
    apply(git_lab, application(git_lab, mine, mine, automated={}))
    drawn = eventually(lambda: found(git_lab, "configmap", "drawn-one", mine))
    assert drawn["data"] == {"said": program}


def test_a_protected_main_is_told_and_refuses(git_lab: RunningLab, here: Clone, mine: str) -> None:
    here.push({"guarded.txt": f"{mine}\n"}, "Before")
    subprocess.run(["git", "config", "pointsman.protected", "gitlab"], cwd=git_lab.config.remote, check=True)
    try:
        with pytest.raises(AssertionError, match="not allowed to push code to protected branches"):
            here.push({"guarded.txt": "two\n"}, "After")
    finally:
        subprocess.run(["git", "config", "pointsman.protected", ""], cwd=git_lab.config.remote, check=True)
