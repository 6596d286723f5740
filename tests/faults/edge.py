"""What is done to the tenants' edge: a second replica, one that keeps its configuration, one that dies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pointsman.edge.litellm_rollout import REVISION
from tests.conftest import RunningLab
from tests.faults.scene import Scene

__all__ = ["hold_one_back", "kill_one", "let_go_on", "resume", "two_at_once", "two_in_turn"]

EDGE = ("deployment/litellm", "-n", "llm-gateway")
PODS = ("pods", "-n", "llm-gateway", "-l", "app.kubernetes.io/name=litellm")


def _two(surge: int, unavailable: int) -> Callable[[RunningLab], AbstractContextManager[None]]:
    @contextmanager
    def block(lab: RunningLab) -> Iterator[None]:
        _shape(lab, 2, surge, unavailable)
        try:
            yield
        finally:
            resume(lab)
            _shape(lab, 1, 1, 0)

    return block


two_at_once = _two(surge=1, unavailable=0)
"""Two replicas; a new one is ready before an old one ends."""
two_in_turn = _two(surge=0, unavailable=1)
"""Two replicas; one ends, then its successor starts, while the other one serves."""


def _shape(lab: RunningLab, replicas: int, surge: int, unavailable: int) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    body = {"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}}
    lab.kubectl("patch", *EDGE, "-p", json.dumps(body))
    lab.kubectl("rollout", "status", *EDGE, "--timeout=120s", timeout=150)


def _change_has_begun(lab: RunningLab) -> None:
    """A replica with the new configuration has been made, of two."""
    lab.kubectl("wait", *EDGE, "--for=jsonpath={.status.updatedReplicas}=1", "--timeout=30s")


def _staying(lab: RunningLab) -> list[dict[str, Any]]:
    """Replicas that are not on their way out, the oldest first."""
    found = json.loads(lab.kubectl("get", *PODS, "--sort-by=.metadata.creationTimestamp", "-o", "json").stdout)
    return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]


def hold_one_back(scene: Scene) -> None:
    """Somebody pauses the rollout when one of the two replicas has been replaced, and the other one has not."""
    lab = scene.lab
    _change_has_begun(lab)
    lab.kubectl("rollout", "pause", *EDGE)
    wanted = json.loads(lab.kubectl("get", *EDGE, "-o", "json").stdout)["spec"]["template"]["metadata"]
    kept = [pod for pod in _staying(lab) if pod["metadata"]["annotations"][REVISION] != wanted["annotations"][REVISION]]
    assert (len(kept), len(_staying(lab))) == (1, 2)
    scene.names["kept"] = kept[0]["metadata"]["name"]


def resume(lab: RunningLab) -> None:
    """The rollout goes on, unless nobody paused it."""
    lab.kubectl("rollout", "resume", *EDGE, check=False)


def let_go_on(scene: Scene) -> None:
    """Somebody reads why the shift failed, and lets the rollout go on."""
    resume(scene.lab)


def kill_one(scene: Scene) -> None:
    """When a change of both replicas has begun, one that serves tenants dies at once, with all that it is doing."""
    lab = scene.lab
    _change_has_begun(lab)
    name = _staying(lab)[0]["metadata"]["name"]
    scene.marks["death"] = scene.now()
    lab.kubectl("delete", "pod", name, "-n", "llm-gateway", "--grace-period=0", "--force", "--wait=false")
    scene.marks["dead"] = scene.now()
