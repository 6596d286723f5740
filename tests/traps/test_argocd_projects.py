"""What an AppProject lets nobody do: on the real Argo CD."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.gitops.ground import ARGO, HERE, Ground, Object, until
from tests.gitops.manifests import config
from tests.traps.delivered import MANUAL, committed, compared, engine, project
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


def complaint(ground: Ground) -> str:
    """What Argo CD says of what it does not accept."""
    found = ground.status().get("conditions") or []
    return next((str(one["message"]) for one in found if one["type"] == "InvalidSpecError"), "")


def narrow(ground: Ground) -> dict[str, tuple[Object, Object]]:
    """By name: what forbids it, and what does not."""
    above = ground.remote.rpartition("/")[0].rpartition("/")[0]
    elsewhere = [{"server": HERE, "namespace": "somewhere-else"}]
    own = [{"server": HERE, "namespace": f"{{{ground.name},somewhere-else}}"}]
    return {
        "source": ({"sourceRepos": ["https://git.example.com/*"]}, {"sourceRepos": [ground.remote]}),
        "nested": ({"sourceRepos": [f"{above}/*"]}, {"sourceRepos": [f"{above}/**"]}),
        "destination": ({"destinations": elsewhere}, {"destinations": own}),
        "refused": (
            {"destinations": [{"server": HERE, "namespace": f"!{ground.name}"}]},
            {"destinations": [{"server": HERE, "namespace": "!somewhere-else"}]},
        ),
    }


@pytest.mark.bites(
    "a project allows neither source nor destination, or not by the pattern that was meant", "PM410", "PM727"
)
@pytest.mark.parametrize("how", ["source", "nested", "destination", "refused"])
def test_what_a_project_does_not_allow_is_not_compared(trap: Trap, ground: Ground, how: str) -> None:
    wrong, right = narrow(ground)[how]
    application = ground.application(project=ground.name)
    committed(ground, {"one.yaml": config()}, application, project(ground, **wrong))
    assert trap.lint(ground.here.path)
    ground.applied(project(ground, **wrong), application)
    said = until(lambda: complaint(ground))
    assert "permitted in project" in said or "do not match any of the allowed destinations" in said
    assert {one["id"] for one in trap.doctor("-n", ARGO, of=ground.name)} == {"PM410", "PM727"}
    trap.bit(f"Argo CD says InvalidSpecError: {said}")

    committed(ground, {}, project(ground, **right), message="Allow it")
    trap.sound(ground.here.path)
    ground.applied(project(ground, **right))
    ground.refresh()
    until(lambda: not complaint(ground))
    compared(ground)
    ground.patch({"operation": {"sync": MANUAL}})
    until(lambda: ground.live("configmap", "one"))
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("a sync window without manualSync: what people ask for waits, and is not refused", "PM411", "PM726")
@pytest.mark.parametrize("by", ["applications", "clusters", "namespaces"])
def test_a_sync_in_a_window_hangs(trap: Trap, ground: Ground, by: str) -> None:
    names = {"applications": [ground.name], "clusters": [HERE], "namespaces": [f"{ground.name[:-1]}?"]}
    hour = (datetime.now(UTC) + timedelta(hours=6)).hour
    shut = {"kind": "allow", "schedule": f"0 {hour} * * *", "duration": "1h", by: names[by]}
    application = ground.application(project=ground.name)
    closed, by_hand = (project(ground, syncWindows=[shut | more]) for more in ({}, {"manualSync": True}))
    committed(ground, {"engine.yaml": engine(0)}, application, closed)
    assert trap.lint(ground.here.path)
    ground.applied(closed, application)
    compared(ground)
    ground.patch({"operation": {"sync": MANUAL}})
    said = until(lambda: (ground.status().get("operationState") or {}).get("message"))
    assert "blocked by sync window" in said
    assert ground.phase() == "Running"
    assert {one["id"] for one in trap.doctor("-n", ARGO, of=ground.name)} == {"PM726"}
    trap.bit(f"its sync reads {ground.phase()}: {said}; nothing refused it, and nothing was applied")

    committed(ground, {}, by_hand, message="By hand")
    trap.sound(ground.here.path)
    ground.applied(by_hand)
    ground.refresh()
    until(lambda: ground.live("deployment", "raw") and ground.phase() == "Succeeded")
    trap.healthy("-n", ARGO, of=ground.name)
    ground.applied(closed)
    assert [one["id"] for one in trap.doctor("-n", ARGO, of=ground.name)] == ["PM411"]
