"""Sync windows of a project: before a sync, and one that opens in the middle: on the real Argo CD."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gitops.ground import ARGO, Ground, Object, until
from tests.gitops.manifests import config, hook

pytestmark = pytest.mark.lab

ALWAYS = "* * * * *"


def window(kind: str, schedule: str = ALWAYS, **more: Any) -> Object:
    return {"kind": kind, "schedule": schedule, "duration": "1h", "applications": ["*"], **more}


def elsewhen() -> str:
    """A schedule that is not within an hour of now."""
    return f"0 {(datetime.now(UTC) + timedelta(hours=6)).hour} * * *"


def in_project(ground: Ground, *windows: Object) -> None:
    spec = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        "syncWindows": list(windows),
    }
    metadata = {"name": ground.name, "namespace": ARGO, "labels": {"of": ground.name}}
    project = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": spec}
    ground.applied(project)


@pytest.mark.trap("a deny window is open")
def test_an_open_deny_window_refuses_and_argo_cd_would_hold_it_back(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    in_project(ground, window("deny"))
    ground.applied(ground.application(project=ground.name))
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-window"), done.words
    assert not ground.status().get("operationState")
    ground.patch({"operation": {"sync": {"syncOptions": ["CreateNamespace=true"]}}})
    held = until(lambda: (ground.status().get("operationState") or {}).get("message"))
    assert "blocked by sync window" in held
    late = ground.sync(timeout=2)
    assert (late.exit, late.code) == (1, "argo-operation-open"), late.words
    assert "held back by a sync window" in late.error["what"]
    ground.said.pop()
    ground.happened = f"asked by somebody else all the same, it says Running, {held}"


@pytest.mark.trap(
    "a deny window with manualSync is open; an allow window that is not open has it too",
    twin="delivery.test_traps::test_a_window_that_lets_people_through_lets_us_through",
)
@pytest.mark.parametrize("kind", ["deny", "allow"])
def test_a_window_with_manual_sync_lets_ours_through(ground: Ground, kind: str) -> None:
    ground.push({"one.yaml": config()})
    in_project(ground, window(kind, ALWAYS if kind == "deny" else elsewhen(), manualSync=True))
    ground.applied(ground.application(project=ground.name))
    done = ground.sync()
    assert done.exit == 0, done.words
    assert done.notes == ["argo-window-there"]
    assert ground.live("configmap", "one")
    ground.happened = f"{kind}: it ran, as it was not asked for as an automated one"


@pytest.mark.trap(
    "an allow window is not open",
    twin="delivery.test_traps::test_a_window_that_forbids_it_refuses_before_anything_is_asked",
)
def test_an_allow_window_that_is_not_open_refuses(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    in_project(ground, window("allow", elsewhen()))
    ground.applied(ground.application(project=ground.name))
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-window"), done.words
    ground.patch({"operation": {"sync": {"syncOptions": ["CreateNamespace=true"]}}})
    held = until(lambda: (ground.status().get("operationState") or {}).get("message"))
    assert "blocked by sync window" in held
    ground.happened = f"asked by somebody else all the same, it says Running, {held}"


@pytest.mark.trap("a deny window opens while our operation runs")
def test_a_window_that_opens_in_the_middle_of_ours(ground: Ground) -> None:
    """25361: it can neither run nor be terminated then. The window is taken away again, so that it ends."""
    ground.push({"hook.yaml": hook()})
    in_project(ground)
    ground.applied(ground.application(project=ground.name))
    messages: list[str] = []

    def meanwhile() -> None:
        until(lambda: ground.phase() == "Running" and ground.live("job", "migrate"))
        in_project(ground, window("deny"))
        ground.patch({"metadata": {"annotations": {"seen": "late"}}}, "job", "migrate")
        until(lambda: ground.phase() == "Terminating")
        messages.append(str(ground.status()["operationState"]["message"]))
        in_project(ground)
        ground.patch({"metadata": {"annotations": {"seen": "again"}}})

    other = threading.Thread(target=meanwhile, daemon=True)
    other.start()
    done = ground.sync(timeout=15)
    other.join()
    assert done.exit == 1
    assert done.code in ("argo-held-back", "argo-sync-timeout"), done.words
    assert "ended as" in done.error["what"], done.words
    assert "operation" not in ground.live()
    ground.happened = f"held back while it was Terminating ({messages[0]}); ended once the window was gone"
