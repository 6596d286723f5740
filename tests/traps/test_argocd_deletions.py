"""What goes, and what stays, when an Application goes: on the real Argo CD."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import ARGO, HERE, Ground, until
from tests.gitops.manifests import claim
from tests.gitops.sets import FINALIZER
from tests.traps.delivered import HEALING, committed, engine
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
HELD = {"finalizers": [FINALIZER]}


def deleted(ground: Ground) -> None:
    """As somebody deletes an Application, to its end."""
    ground.lab.kubectl("delete", "application", ground.name, f"--namespace={ARGO}", "--wait=false")
    until(lambda: not ground.live())


@pytest.mark.bites("an Application is deleted that has no finalizer: its engine runs on", "PM401")
def test_without_the_finalizer_the_engine_and_its_gpu_stay(trap: Trap, ground: Ground) -> None:
    committed(ground, {"engine.yaml": engine()}, ground.application())
    (told,) = trap.lint(ground.here.path)
    assert "stays, and so do its GPUs" in told["what"]
    ground.applied(ground.application())
    ground.synced()
    assert trap.doctor("-n", ARGO, of=ground.name)
    deleted(ground)
    left = ground.live("deployment", "raw")["spec"]
    assert left["replicas"] == 1
    trap.bit("deleted, it left its Deployment with 1 replica and 1 GPU asked for")

    committed(ground, {}, ground.application(metadata=HELD), message="With the finalizer")
    trap.sound(ground.here.path)
    ground.applied(ground.application(metadata=HELD))
    ground.synced()
    deleted(ground)
    until(lambda: not ground.live("deployment", "raw"))


@pytest.mark.bites("an Application is deleted that has the finalizer: the weights on its claim go along", "PM402")
def test_with_the_finalizer_the_claim_goes_unless_it_says_otherwise(trap: Trap, ground: Ground) -> None:
    application = ground.application(metadata=HELD)
    committed(ground, {"claim.yaml": claim()}, application)
    assert trap.lint(ground.here.path)
    ground.applied(application)
    ground.synced()
    assert ground.live("persistentvolumeclaim", "weights")
    deleted(ground)
    until(lambda: not ground.live("persistentvolumeclaim", "weights"))
    trap.bit("deleted, it took the claim along")

    kept, alike = (json.loads(claim(name)) for name in ("weights", "alike"))
    kept["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Delete=false"}
    alike["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    files = {"claim.yaml": json.dumps(kept), "alike.yaml": json.dumps(alike)}
    committed(ground, files, message="Keep it")
    trap.sound(ground.here.path)
    ground.applied(application)
    ground.synced()
    deleted(ground)
    for name in ("weights", "alike"):
        assert not ground.live("persistentvolumeclaim", name)["metadata"].get("deletionTimestamp")


@pytest.mark.bites("a group is switched off whose child Application has no finalizer: its engine runs on", "PM401")
def test_a_child_without_the_finalizer_leaves_its_engine_when_its_group_goes(trap: Trap, ground: Ground) -> None:
    child, inside = f"{ground.name}-child", f"{ground.name}-in"

    def written(**metadata: object) -> None:
        app = ground.application(child, inside, metadata=metadata, syncPolicy=HEALING)
        files = {f"/{inside}/engine.yaml": engine(), "child.yaml": json.dumps(app)}
        committed(ground, files, parent, message="A group")

    parent = ground.application(metadata=HELD, destination={"server": HERE, "namespace": ARGO}, syncPolicy=HEALING)
    written()
    (told,) = trap.lint(ground.here.path)
    assert child in told["what"]
    ground.applied(parent)
    until(lambda: ground.live("deployment", "raw"))
    deleted(ground)
    until(lambda: not ground.live(name=child))
    assert ground.live("deployment", "raw")
    trap.bit("the group's Application was deleted and took the child along; the child's Deployment stayed")

    written(**HELD)
    trap.sound(ground.here.path)
    ground.applied(parent)
    until(lambda: ground.live(name=child))
    until(lambda: ground.status(child).get("sync", {}).get("status") == "Synced")
    deleted(ground)
    until(lambda: not ground.live("deployment", "raw"))
