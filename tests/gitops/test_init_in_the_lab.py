"""What ``pointsman init`` writes, on the real Argo CD: from an empty clone to an engine that answers tenants.

It has a bare repository of its own; the platform's namespaces are the lab's, and are as before once it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.gitops.initialised import MANUAL, Platform, applications, in_the_lab, keys

pytestmark = pytest.mark.lab


@pytest.fixture
def platform(git_lab: RunningLab, tmp_path: Path) -> Iterator[Platform]:
    with in_the_lab(git_lab, tmp_path) as made:
        yield made


def test_a_new_platform_is_pushed_brought_up_and_serves_and_costs_nothing_before_it_is_asked_to(
    platform: Platform,
) -> None:
    lab = platform.lab
    platform("pointsman", "init", ".")
    platform("pointsman", "features", "enable", "llm-d")
    platform("make", "resolve-groups", "check")
    platform.push("A platform")
    platform("pointsman", "root", "--profile", "full", "--yes")
    platform("make", "secrets")
    made = keys(lab)
    assert len(set(made.values())) == 1, "the proxy has another key than the engines"
    platform("make", "secrets")
    assert keys(lab) == made, "a key that was there was replaced"
    platform("pointsman", "wait", "--profile", "full", "--timeout", "4m")
    assert {f"group-{name}" for name in ("platform-core", "kserve", "llm-d", "demos")} < set(applications(lab))
    assert platform.status("litellm")["health"]["status"] == "Healthy"
    assert platform.status("group-kserve")["sync"]["status"] == "Synced", "a page alone is nothing to deploy"

    def unsynced() -> bool:
        return all(platform.status(name).get("sync", {}).get("status") == "OutOfSync" for name in MANUAL)

    until(unsynced)
    for name in MANUAL:
        assert "operationState" not in platform.status(name), "nobody asked for a sync"
    for kind, place in (("deployment", "serving"), ("inferenceservice", "kserve"), ("llminferenceservice", "llm-d")):
        assert not lab.kubectl("get", kind, "-n", place, "-o", "name").stdout

    platform("pointsman", "sync", "raw-vllm", "--yes")
    assert platform.replicas() == 0
    platform("make", "vllm-up")
    assert platform.answered()
    before = platform("git", "ls-remote", "origin", "main")
    platform("pointsman", "up", "models/qwen.yaml")
    assert platform("git", "ls-remote", "origin", "main") == before, "git said already where the alias leads"
    platform("pointsman", "sync", "raw-vllm", "--yes")
    platform("pointsman", "wait", "raw-vllm")
    assert platform.replicas() == 1, "a sync took back what was scaled live"
    assert platform.answered()
    platform("make", "vllm-down")
    assert platform.replicas() == 0
