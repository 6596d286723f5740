"""What is done to the lab's ground while a model moves: to its processes and its objects."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held
from tests.faults.scene import Scene, until

__all__ = [
    "cut_off",
    "frozen",
    "give_gpus_back",
    "hold_back_target",
    "kill",
    "let_hub_answer",
    "let_target_go",
    "power_off",
    "second_operator_is_refused",
    "signalled",
    "take_all_gpus",
]


GREEDY, FINALIZER = "greedy", "pointsman.dev/held-by-a-test"


def pid_of(lab: RunningLab, name: str) -> int:
    """The process of the lab with this name."""
    program = Pointsman(lab.config.home.parent.parent)
    found = json.loads(program("lab", "status", "--name", lab.config.name, "--output", "json").stdout)
    held("lab", found)
    return next(int(one["pid"]) for one in found["processes"] if one["name"] == name)


def kill(name: str) -> Callable[[Scene], None]:
    """Kill a process of the lab; its supervisor starts it again."""

    def act(scene: Scene) -> None:
        os.kill(pid_of(scene.lab, name), signal.SIGKILL)

    return act


def frozen(name: str) -> Callable[[RunningLab], AbstractContextManager[None]]:
    """While the block runs, a process of the lab stands still."""

    @contextmanager
    def block(lab: RunningLab) -> Iterator[None]:
        pid = pid_of(lab, name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    return block


def take_all_gpus(scene: Scene) -> None:
    """Pods that ask for all the GPUs that are left, one each, until one does not fit.

    The operator's process stands still meanwhile, so that they surely come first.
    """
    lab = scene.lab
    scene.process.send_signal(signal.SIGSTOP)
    total = sum(node.gpus for node in lab.config.nodes)
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": GREEDY, "namespace": "default"},
        "spec": {
            "replicas": total,
            "selector": {"matchLabels": {"app": GREEDY}},
            "template": {
                "metadata": {"labels": {"app": GREEDY}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "registry.k8s.io/pause:3.10",
                            "resources": {"limits": {"nvidia.com/gpu": 1}},
                        }
                    ]
                },
            },
        },
    }
    lab.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(manifest))
    words = ("get", "pods", "-n", "default", "-l", f"app={GREEDY}", "-o", "json")
    until(
        lambda: any(_unschedulable(pod) for pod in json.loads(lab.kubectl(*words).stdout)["items"]),
        "a pod for which there is no room",
    )
    scene.process.send_signal(signal.SIGCONT)


def _unschedulable(pod: dict[str, Any]) -> bool:
    said = pod["status"].get("conditions") or []
    return any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in said)


def give_gpus_back(lab: RunningLab) -> None:
    """Take those pods away."""
    lab.kubectl("delete", "deployment", GREEDY, "-n", "default", "--ignore-not-found", "--wait")


def let_hub_answer(scene: Scene) -> None:
    """When the engine has met the refusal and was started again, the hub gives it the weights."""
    until(lambda: any(_restarts(pod) for pod in _pods(scene.lab)), "the target's engine to be started again")
    scene.lab.kubectl("delete", "configmap", "lab-engine", "-n", "kserve")


def _pods(lab: RunningLab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(lab.kubectl("get", "pods", "-n", "kserve", "-o", "json").stdout)["items"]
    return found


def _restarts(pod: dict[str, Any]) -> int:
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", []))


def hold_back_target(scene: Scene) -> None:
    """The target's InferenceService cannot be deleted."""
    _finalizers(scene.lab, lambda found: [*found, FINALIZER])


def let_target_go(lab: RunningLab) -> None:
    """It can."""
    _finalizers(lab, lambda found: [one for one in found if one != FINALIZER])


def _finalizers(lab: RunningLab, change: Callable[[list[str]], list[str]]) -> None:
    for name in lab.kubectl("get", "inferenceservices", "-n", "kserve", "-o", "name").stdout.split():
        found = json.loads(lab.kubectl("get", name, "-n", "kserve", "-o", "json").stdout)
        body = json.dumps({"metadata": {"finalizers": change(found["metadata"].get("finalizers", []))}})
        lab.kubectl("patch", name, "-n", "kserve", "--type=merge", "-p", body)


def power_off(node: str) -> Callable[[Scene], None]:
    """The node dies, with every process of its pods."""

    def act(scene: Scene) -> None:
        scene.marks["death"] = scene.now()
        scene.lab.kubectl("annotate", "node", node, "lab.pointsman.dev/power=off")
        until(lambda: _silent(scene.lab, "serving"), "the source's engine to be dead")
        scene.marks["dead"] = scene.now()

    return act


def _silent(lab: RunningLab, namespace: str) -> bool:
    """Does no engine there answer any more?"""
    names = lab.kubectl("get", "pods", "-n", namespace, "-o", "name").stdout.split()
    paths = [f"/api/v1/namespaces/{namespace}/pods/{name.removeprefix('pod/')}:8000/proxy/health" for name in names]
    return all(lab.kubectl("get", "--raw", path, check=False).returncode for path in paths)


def signalled(number: int) -> Callable[[Scene], None]:
    """The operator's process gets a signal."""

    def act(scene: Scene) -> None:
        scene.process.send_signal(number)

    return act


def cut_off(seconds: float) -> Callable[[Scene], None]:
    """For so long the operator's process reaches nothing."""

    def act(scene: Scene) -> None:
        road = scene.road
        assert road is not None
        road.cut_off = True
        timer = threading.Timer(seconds, lambda: setattr(road, "cut_off", False))
        timer.daemon = True
        timer.start()

    return act


def second_operator_is_refused(scene: Scene) -> None:
    """Somebody else, whose clock is right, tries to carry the move on: it is held by a live process."""
    program = Pointsman(scene.lab.config.home.parent.parent)
    done = program("resume", "qwen", "--output", "json", "--kubeconfig", str(scene.lab.kubeconfig))
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "move-held", done.stdout
