"""A platform in git taken down on the real Argo CD: ApplicationSets with all they made, and its alias by a commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.gitops.initialised import SETS, applications, serving
from tests.gitops.looking import found
from tests.teardown.killing import killed_at

pytestmark = pytest.mark.lab

EVERYTHING = ("pointsman", "teardown", "--all", "--withdraw", "all", "--keep-gateways", "--keep-nodes", "--yes")


def listed(lab: RunningLab, kinds: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(lab.kubectl("get", kinds, "-A", "-o", "json").stdout)["items"]
    return items


@pytest.mark.soak
def test_a_platform_in_git_goes_with_all_that_it_made_and_nothing_comes_back(
    git_lab: RunningLab, tmp_path: Path
) -> None:
    with serving(git_lab, tmp_path) as platform:
        platform("pointsman", "up", "models/qwen.yaml")
        platform("pointsman", "sync", "kserve-demo", "--yes")
        shown = json.loads(platform("pointsman", "teardown", "--all", "--dry-run", "-o", "json"))
        held("teardown-preview", shown)
        assert [one["applicationSet"].rpartition("/")[2] for one in shown["platform"]] == list(SETS)
        killed_at(EVERYTHING, platform.path, platform.environment(), "set:ApplicationSet argocd/serving")
        done = json.loads(platform(*EVERYTHING, "-o", "json"))
        held("teardown", done)
        assert (done["state"], done["done"]) == ("finished", done["steps"])
        assert applications(git_lab) == []
        assert found(git_lab, "appproject", "platform") == {}
        names = [one["metadata"]["name"] for one in listed(git_lab, "applicationsets.argoproj.io")]
        assert set(names) & set(SETS) == set()
        kinds = "deployments,inferenceservices,llminferenceservices,persistentvolumeclaims"
        ours = [one for one in listed(git_lab, kinds) if one["metadata"]["namespace"] in ("serving", "llm-gateway")]
        assert ours == []
        assert listed(git_lab, "inferenceservices") == []
        values = platform("git", "-c", "core.pager=cat", "show", "origin/main:platform/litellm/values.yaml")
        assert "raw-vllm.serving" not in values, "the alias is withdrawn in git, too"
        platform("mkdir", "../empty")
        said = json.loads(platform("sh", "-c", "cd ../empty && pointsman audit -o json"))
        held("audit", said)
        assert said["findings"] == []
