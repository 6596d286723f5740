"""Applications that are deleted, lose their folder, or have `automated` put back: on the real Argo CD."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import ARGO, Ground, until
from tests.gitops.manifests import claim, config, hook
from tests.gitops.sets import FINALIZER

pytestmark = pytest.mark.lab


def deleted(ground: Ground) -> None:
    ground.lab.kubectl("delete", "application", ground.name, f"--namespace={ARGO}", "--wait=false")


@pytest.mark.trap("an Application is deleted that has no finalizer")
def test_without_the_finalizer_everything_is_left(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "claim.yaml": claim()})
    ground.applied(ground.application())
    ground.synced()
    deleted(ground)
    until(lambda: not ground.live())
    assert ground.live("configmap", "one")
    assert not ground.live("persistentvolumeclaim", "weights")["metadata"].get("deletionTimestamp")
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-app-missing")
    ground.happened = "what it had deployed was left, the claim too"


@pytest.mark.trap("an Application is deleted that has the finalizer, while an operation of it hangs")
def test_an_operation_that_hangs_holds_a_deletion_up(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "claim.yaml": claim()})
    ground.applied(ground.application(metadata={"finalizers": [FINALIZER]}))
    ground.synced()
    ground.push({"hook.yaml": hook()}, "A hook that hangs")
    ground.refresh()
    ground.patch({"operation": {"sync": {}}})
    until(lambda: ground.live("job", "migrate"))
    deleted(ground)
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-app-deleting"), done.words
    ground.refresh()
    held = bool(ground.live("configmap", "one"))
    ground.patch({"status": {"operationState": {"phase": "Terminating"}}})
    until(lambda: not ground.live())
    assert not ground.live("configmap", "one")
    ground.happened = (
        f"while it ran, what it had deployed {'stayed' if held else 'went'}; once it was ended, all of it was deleted"
    )


@pytest.mark.trap("11: the folder in git is gone")
def test_a_folder_that_is_gone_is_told_and_does_not_hold_a_deletion_up(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(metadata={"finalizers": [FINALIZER]}))
    ground.synced()
    (ground.here.path / ground.name / "one.yaml").unlink()
    ground.push({"else.txt": ""}, "Gone", folder=f"{ground.name}-else")
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-comparison"), done.words
    assert "app path does not exist" in done.error["what"]
    deleted(ground)
    until(lambda: not ground.live())
    assert not ground.live("configmap", "one")
    ground.happened = "it could not be compared; deleted, it went with all it had deployed"


@pytest.mark.trap("11: `automated` is taken off live, and put back by the group's Application")
def test_automated_that_is_put_back_is_noticed(ground: Ground) -> None:
    child = f"{ground.name}-child"
    policy = {"automated": {"selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    ground.push({"one.yaml": config()}, folder=child)
    ground.push({"child.yaml": json.dumps(ground.application(child, child, syncPolicy=policy))})
    ground.applied(ground.application(syncPolicy=policy))
    until(lambda: ground.live("configmap", "one"))
    ground.patch({"spec": {"syncPolicy": {"automated": None}}}, name=child)
    until(lambda: ground.live(name=child)["spec"]["syncPolicy"].get("automated"))
    began = ground.status(child)["operationState"]["startedAt"]
    done = ground.sync(child)
    assert done.exit == 0, done.words
    assert "operation" not in done.applications[0]
    assert ground.status(child)["operationState"]["startedAt"] == began
    ground.happened = "it was back within seconds, so nothing was asked of it by us: it was waited for"
