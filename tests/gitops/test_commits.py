"""Whose commit is applied, and when Argo CD has seen it: on the real one."""

from __future__ import annotations

import pytest

from tests.gitops.ground import Ground, until
from tests.gitops.manifests import config, deployment

pytestmark = pytest.mark.lab


@pytest.mark.trap("1: an unrelated commit lands on top of ours")
def test_a_commit_of_others_on_top_of_ours_is_applied_with_it_and_never_reverted(ground: Ground) -> None:
    ours = ground.push({"one.yaml": config(said="ours")}, "Ours")
    ground.applied(ground.application())
    theirs = ground.push({"two.yaml": config("two", "theirs")}, "Theirs")
    done = ground.sync("--commit", ours, "--repository", str(ground.here.path))
    assert done.exit == 0, done.words
    assert done.revision == theirs
    assert ground.live("configmap", "one")["data"] == {"said": "ours"}
    asked = ground.status()["operationState"]["startedAt"]
    older = ground.sync("--revision", ours, "--repository", str(ground.here.path))
    assert (older.exit, older.code) == (1, "argo-older")
    assert ground.status()["operationState"]["startedAt"] == asked
    assert ground.live("configmap", "two")["data"] == {"said": "theirs"}
    ground.happened = "theirs was applied, and has ours in it; asked for ours alone, which would revert theirs"


@pytest.mark.trap(
    "2: the old Synced and Healthy, before Argo CD has seen the commit",
    twin="delivery.test_wait::test_an_old_synced_and_healthy_is_no_answer",
)
def test_what_argo_cd_said_before_it_saw_the_commit_is_not_believed(ground: Ground) -> None:
    first = ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy={"automated": {}, "syncOptions": ["CreateNamespace=true"]}))
    until(lambda: ground.status().get("sync", {}).get("status") == "Synced" and ground.live("configmap", "one"))
    ours = ground.push({"one.yaml": config(said="second")}, "Second")
    before = ground.status()
    done = ground.wait()
    assert done.exit == 0, done.words
    assert (before["sync"]["status"], before["sync"]["revision"]) == ("Synced", first)
    assert done.revision == ours
    assert ground.live("configmap", "one")["data"] == {"said": "second"}
    ground.happened = "it read Synced and Healthy at the commit before; `wait` asked it to look again"


@pytest.mark.trap(
    "2: a commit that was not pushed, or to another branch",
    twin="delivery.test_traps::test_2_a_commit_that_never_comes_is_told",
)
def test_a_commit_that_argo_cd_does_not_come_to_is_told_and_nothing_is_asked(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application())
    ground.here.git("commit", "--quiet", "--allow-empty", "--message=Not pushed")
    mine = ground.here.git("rev-parse", "HEAD")
    done = ground.sync("--commit", mine, "--repository", str(ground.here.path), timeout=3)
    assert (done.exit, done.code) == (1, "argo-commit-unseen")
    assert not ground.status().get("operationState")
    ground.happened = "it compares with the branch, which does not have the commit"


@pytest.mark.trap("3: Healthy for an instant between applying and Progressing")
def test_a_sync_is_not_done_before_its_workload_is_rolled_out(ground: Ground) -> None:
    ground.push({"engine.yaml": deployment(minReadySeconds=2)})
    ground.applied(ground.application())
    ground.synced()
    ground.push({"engine.yaml": deployment(minReadySeconds=2, mark="second")}, "Roll")
    done = ground.sync()
    assert done.exit == 0, done.words
    rolled = ground.live("deployment", "engine")["status"]
    counts = {key: rolled.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    assert counts == {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    status = ground.status()
    assert status["reconciledAt"] >= status["operationState"]["finishedAt"]
    ground.happened = "its operation had succeeded while the old pod still served; the new one was waited for"
