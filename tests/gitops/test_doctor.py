"""``pointsman doctor`` on a platform that Argo CD keeps: of one that is well nothing is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.delivery.argocd.hold import SKIP
from tests.conftest import Pointsman
from tests.docs.schemas.holding import held
from tests.gitops.ground import ARGO, Ground, until
from tests.gitops.platform import Platform

pytestmark = pytest.mark.lab
CLAIM = ("PM402", "info")
"""It has a claim that a deletion would take along."""


def doctor(ground: Ground, *words: str) -> dict[str, Any]:
    done = Pointsman(ground.state)("doctor", "--kubeconfig", str(ground.lab.kubeconfig), "-o", "json", *words)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("doctor", found)
    assert (found["notChecked"], found["broken"]) == ([], [])
    return found


def ours(ground: Ground, found: dict[str, Any]) -> set[tuple[str, str]]:
    """What is told of this test's own part of the lab."""
    return {(one["id"], one["level"]) for one in found["findings"] if ground.name in json.dumps(one)}


def test_of_a_platform_that_is_well_nothing_is_told(ground: Ground) -> None:
    platform = Platform(ground)
    platform.pushed()
    platform.applied()
    names = [platform.named(one) for one in ("kserve", "platform-core")]
    until(lambda: all(ground.live(name=name) for name in names))
    assert ground.wait(*names).exit == 0
    until(lambda: ground.status(platform.named("serving-core")).get("sync", {}).get("status") == "OutOfSync")

    everywhere = [(), ("-n", ARGO), ("-n", ground.name), *(("--for", one) for one in ("raw-vllm", "kserve", "llm-d"))]
    told = {words: ours(ground, doctor(ground, *words)) for words in everywhere}
    assert {each for found in told.values() for each in found} <= {CLAIM}, told
    ground.patch({"metadata": {"annotations": {SKIP: "true"}}}, name=names[0])
    for words in ((), ("-n", ARGO), ("--for", "kserve")):
        found = {one for one, _ in ours(ground, doctor(ground, *words))}
        assert found >= {"PM409", "PM728"}, "it does not see them"
