"""The hold of an Application, and deletions that hang: what the way back and ``teardown`` rely on, really."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from pointsman.delivery.argocd.hold import FOR, OURS, SKIP, Hold
from pointsman.delivery.boundary import Means
from pointsman.kube.client import Client
from pointsman.move.boundary import SystemClock
from tests.gitops.ground import ARGO, Ground, until
from tests.gitops.manifests import config
from tests.gitops.sets import FINALIZER

pytestmark = pytest.mark.lab

HEALING = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
MOVE = "qwen-20261130-085658-d4fc"


def done(ground: Ground, work: Callable[[Hold, Means], Awaitable[None]]) -> None:
    """Something with the hold of our Application."""

    async def run() -> None:
        async with Client.from_kubeconfig(ground.lab.kubeconfig) as client:
            await work(Hold(ground.name, ARGO), Means(client, SystemClock(), lambda text: None))

    asyncio.run(run())


def said(ground: Ground) -> str:
    found: str = ground.live("configmap", "one").get("data", {}).get("said", "")
    return found


def written(ground: Ground, text: str) -> None:
    """Somebody changes the cluster."""
    ground.patch({"data": {"said": text}}, "configmap", "one")


def stays(ground: Ground, text: str, seconds: float) -> bool:
    """Does it read so, look after look?"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if said(ground) != text:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.trap("10: git is away, and selfHeal would undo what is put back in the cluster")
def test_what_is_held_stays_and_git_is_looked_at_anew_when_the_hold_is_lifted(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy=HEALING))
    until(lambda: said(ground) == "first" and ground.status()["sync"]["status"] == "Synced")
    written(ground, "second")
    until(lambda: said(ground) == "first", seconds=30)
    until(lambda: ground.status()["sync"]["status"] == "Synced" and "operation" not in ground.live())
    done(ground, lambda hold, means: hold.take(means, MOVE, stop=True))
    written(ground, "second")
    assert stays(ground, "second", 12), "selfHeal has undone it"
    ground.push({"one.yaml": config(said="second")}, "As the cluster is")
    done(ground, lambda hold, means: hold.lift(means, MOVE))
    assert stays(ground, "second", 8), "it acted on what it remembered of the branch"
    until(lambda: ground.status()["sync"]["status"] == "Synced")
    assert {SKIP, FOR, OURS}.isdisjoint(ground.live()["metadata"].get("annotations") or {})
    written(ground, "third")
    until(lambda: said(ground) == "second", seconds=30)
    ground.happened = (
        "held by skip-reconcile it stayed; lifted with a refresh, it never went back to what git had said before"
    )


@pytest.mark.trap("an Application is deleted that has the finalizer and skip-reconcile")
def test_a_deletion_that_argo_cd_is_told_not_to_see_hangs(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(metadata={"finalizers": [FINALIZER]}))
    ground.synced()
    ground.patch({"metadata": {"annotations": {SKIP: "true"}}})
    ground.lab.kubectl("delete", "application", ground.name, f"--namespace={ARGO}", "--wait=false")
    time.sleep(6)
    assert ground.live(), "Argo CD saw it all the same"
    ground.patch({"metadata": {"annotations": {SKIP: None}}})
    until(lambda: not ground.live())
    ground.happened = "it stayed for as long as the annotation did"


@pytest.mark.trap("an Application is deleted that has the finalizer, and whose AppProject is gone")
def test_a_deletion_hangs_when_the_project_is_gone_and_the_way_out_leaves_the_objects(ground: Ground) -> None:
    wide = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    metadata = {"name": ground.name, "namespace": ARGO, "labels": {"of": ground.name}}
    project = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": wide}
    ground.push({"one.yaml": config()})
    ground.applied(project, ground.application(project=ground.name, metadata={"finalizers": [FINALIZER]}))
    ground.synced()
    ground.lab.kubectl("delete", "appproject", ground.name, f"--namespace={ARGO}")
    ground.refresh()
    until(lambda: "InvalidSpecError" in json.dumps(ground.status().get("conditions") or []))
    ground.lab.kubectl("delete", "application", ground.name, f"--namespace={ARGO}", "--wait=false")
    until(lambda: "DeletionError" in json.dumps(ground.status().get("conditions") or []))
    assert ground.live("configmap", "one")
    ground.patch({"metadata": {"finalizers": None}})
    until(lambda: not ground.live())
    assert ground.live("configmap", "one")
    ground.happened = "it hung with a DeletionError; without its finalizers it went, and left what it had deployed"
