"""Syncs and deletions that never end, and Applications that Argo CD cannot compare: on the real one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gitops.ground import ARGO, Ground, Object, until
from tests.gitops.manifests import config, hook
from tests.gitops.sets import FINALIZER
from tests.traps.delivered import MANUAL, committed, compared, project
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
SKIP = "argocd.argoproj.io/skip-reconcile"


def told(trap: Trap, ground: Ground) -> list[str]:
    return [str(one["what"]) for one in trap.doctor("-n", ARGO, of=ground.name)]


@pytest.mark.bites("a sync that hangs: the one that is asked for meanwhile is lost without a word", "PM726")
def test_a_sync_asked_for_while_another_hangs_is_lost(trap: Trap, ground: Ground) -> None:
    committed(ground, {"one.yaml": config(), "hook.yaml": hook()})
    ground.applied(ground.application())
    compared(ground)
    ground.patch({"operation": {"sync": MANUAL}})
    until(lambda: ground.phase() == "Running" and ground.live("job", "migrate"))
    trap.healthy("-n", ARGO, of=ground.name)
    begun = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def long_since() -> list[str]:
        """Argo CD may write its own over it once more."""
        ground.patch({"status": {"operationState": {"startedAt": begun}}})
        return told(trap, ground)

    until(long_since)

    ours = [{"name": "ours", "value": ground.name}]
    ground.patch({"operation": {"info": ours, "sync": MANUAL}})
    ground.patch({"status": {"operationState": {"phase": "Terminating"}}})
    until(lambda: ground.phase() == "Failed" and "operation" not in ground.live())
    ran = ground.status()["operationState"]
    assert "info" not in ran["operation"]
    assert not ground.live("configmap", "one")
    trap.bit(
        "with a hook that never ends it read Running; a second sync, asked for meanwhile, was never begun, and nothing "
        "said so (its beginning was set back by two hours, so that the test need not wait that long)"
    )
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("the folder in git is gone: no later commit arrives", "PM727")
def test_an_application_without_its_folder_reads_unknown(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application())
    ground.synced()
    (ground.here.path / ground.name / "one.yaml").unlink()
    ground.push({"two.yaml": config("two")}, "Renamed", folder=f"{ground.name}-else")
    ground.refresh("", "hard")
    until(lambda: ground.status()["sync"]["status"] == "Unknown")
    (said,) = told(trap, ground)
    assert "app path does not exist" in said
    ground.patch({"operation": {"sync": MANUAL}})
    until(lambda: ground.phase() in ("Error", "Failed"))
    assert not ground.live("configmap", "two")
    trap.bit(f"it reads Unknown, and a sync ends with {ground.phase()}; what ran before runs on")
    ground.push({"one.yaml": config()}, "Back")
    ground.refresh("", "hard")
    until(lambda: ground.status()["sync"]["status"] != "Unknown")
    trap.healthy("-n", ARGO, of=ground.name)


def leaving(ground: Ground, **more: Any) -> None:
    """Synced, and held by the finalizer."""
    ground.applied(ground.application(metadata={"finalizers": [FINALIZER]}, **more))
    ground.synced()


def deleted(ground: Ground) -> None:
    ground.lab.kubectl("delete", "application", ground.name, f"--namespace={ARGO}", "--wait=false")


@pytest.mark.bites("an Application is deleted that Argo CD is told not to look at: it never goes", "PM729", "PM728")
def test_a_deletion_that_argo_cd_does_not_see(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    leaving(ground)
    trap.healthy("-n", ARGO, of=ground.name)
    ground.patch({"metadata": {"annotations": {SKIP: "true"}}})
    deleted(ground)
    said = told(trap, ground)
    assert any(SKIP in one and FINALIZER in one for one in said)
    other = ground.application(f"{ground.name}-other", metadata={"finalizers": [FINALIZER]})
    ground.applied(other)
    compared(ground, f"{ground.name}-other")
    ground.lab.kubectl("delete", "application", f"{ground.name}-other", f"--namespace={ARGO}", "--timeout=30s")
    assert ground.live(), "Argo CD saw it all the same"
    trap.bit("it stayed, while another one that was deleted later was gone")
    ground.patch({"metadata": {"annotations": {SKIP: None}}})
    until(lambda: not ground.live())


@pytest.mark.bites("an Application is deleted whose AppProject is gone: it never goes", "PM729", "PM727")
def test_a_deletion_without_a_project(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(project(ground))
    leaving(ground, project=ground.name)
    trap.healthy("-n", ARGO, of=ground.name)
    ground.lab.kubectl("delete", "appproject", ground.name, f"--namespace={ARGO}")
    ground.refresh()
    until(lambda: "InvalidSpecError" in json.dumps(ground.status().get("conditions") or []))
    deleted(ground)
    until(lambda: "DeletionError" in json.dumps(ground.status().get("conditions") or []))
    said = told(trap, ground)
    assert any("DeletionError: " in one and FINALIZER in one for one in said)
    assert ground.live("configmap", "one")
    trap.bit("it stayed with a DeletionError, and what it had deployed ran on")
    ground.applied(project(ground))
    ground.refresh()
    until(lambda: not ground.live())
    until(lambda: not ground.live("configmap", "one"))


@pytest.mark.bites("Argo CD up to 3.2.6: a sync takes over the selection of the one before it", "PM730")
def test_a_sync_inherits_what_a_person_selected_before(trap: Trap, ground: Ground) -> None:
    """The lab's Argo CD runs beside its cluster, so a StatefulSet of its name, without pods, says which one it is."""
    ground.push({"one.yaml": config(), "two.yaml": config("two")})
    ground.applied(ground.application(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ground.name}})
    ground.synced()
    ground.applied(controller(ground, "v3.2.12"))
    trap.healthy("-n", ground.name)
    ground.applied(controller(ground, "v3.2.6"))
    assert trap.doctor("-n", ground.name)
    ground.push({"one.yaml": config(said="second"), "two.yaml": config("two", "second")}, "Second")
    ground.refresh()
    one = {"kind": "ConfigMap", "name": "one", "namespace": ground.name}
    ground.patch({"operation": {"sync": {"resources": [one]}}})
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "second"} and ground.phase() == "Succeeded")
    until(lambda: "operation" not in ground.live())

    info = [{"name": "ours", "value": ground.name}]
    ground.patch({"operation": {"info": info, "sync": {"syncStrategy": {"hook": {}}}}})
    until(lambda: (ground.status()["operationState"]["operation"].get("info")) == info)
    until(lambda: ground.phase() == "Succeeded" and "operation" not in ground.live())
    ran = ground.status()["operationState"]["operation"]["sync"]
    assert [each["name"] for each in ran["resources"]] == ["one"]
    left = ground.live("configmap", "two")["data"] == {"said": "first"}
    trap.bit(
        "asked for everything, its operation became one of what was selected before, and read Succeeded; the "
        f"other object was {'left as it was' if left else 'applied all the same this time, which is luck'}"
    )
    whole = {"info": info, "sync": {"syncStrategy": {"hook": {}}}}
    ground.patch({"status": {"operationState": None}, "operation": whole})
    until(lambda: ground.live("configmap", "two")["data"] == {"said": "second"})


def controller(ground: Ground, version: str) -> Object:
    labels = {"app.kubernetes.io/name": "argocd-application-controller"}
    container = {"name": "controller", "image": f"quay.io/argoproj/argocd:{version}"}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": "argocd-application-controller", "namespace": ground.name}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}
