"""``pointsman wait --all-automatic`` while a group makes its Applications in waves: on the real Argo CD."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.gitops.ground import Done, Ground
from tests.gitops.manifests import PAUSE, UNKNOWN, config, deployment

pytestmark = pytest.mark.lab

AUTOMATED = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}


def child(ground: Ground, wave: int) -> str:
    name, noted = f"{ground.name}-{wave}", {"annotations": {"argocd.argoproj.io/sync-wave": str(wave)}}
    manual = {"syncOptions": ["CreateNamespace=true"]}
    policy = AUTOMATED if wave < 2 else manual
    return json.dumps(ground.application(name, f"{ground.name}-in/{wave}", syncPolicy=policy, metadata=noted))


def ours(ground: Ground, done: Done) -> dict[str, str]:
    found = {one["application"].partition("/")[2]: one["state"] for one in done.applications}
    return {name: state for name, state in found.items() if name.startswith(ground.name)}


@pytest.mark.trap(
    "`wait --all-automatic` during a bring-up in waves, one Application of which is degraded",
    twin="delivery.test_wait::test_they_are_waited_for_from_when_they_appear",
)
def test_a_bring_up_is_not_done_before_its_last_application_is_ready(ground: Ground) -> None:
    inside = f"{ground.name}-in"
    ground.push({"0/one.yaml": config(), "1/engine.yaml": deployment(image=UNKNOWN)}, "What is in it", inside)
    ground.push({"2/two.yaml": config("two")}, "And what is synced by hand", inside)
    ground.push({f"{wave}.yaml": child(ground, wave) for wave in (0, 1, 2)}, "A group")
    ground.applied(ground.application(syncPolicy=AUTOMATED))
    early = ground.wait("--all-automatic", "--timeout", "12")
    names = [ground.name, *(f"{ground.name}-{wave}" for wave in (0, 1, 2))]
    states = dict(zip(names, ("ready", "ready", "failed", "manual"), strict=True))
    assert (early.exit, ours(ground, early)) == (1, states), early.words
    ground.push({"1/engine.yaml": deployment(image=PAUSE)}, "An image that is there", inside)
    done = ground.wait(*names[:3])
    assert (done.exit, set(ours(ground, done).values())) == (0, {"ready"}), done.words
    ground.said.pop()
    ground.said[-1] = replace(early, applications=[one for one in early.applications if ground.name in str(one)])
    ground.happened = (
        "children of the group were found as they were made; the one with a bad image held it up to the end"
    )
