"""What is done to the lab's ground while a model moves: to its processes, its edge and its objects."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pointsman.lab.faults.api import ApiFaults
from tests.conftest import Pointsman, RunningLab

__all__ = [
    "Scene",
    "cut_off",
    "frozen",
    "give_gpus_back",
    "hold_back_target",
    "kill",
    "kill_edge",
    "let_target_go",
    "pause_edge",
    "power_off",
    "resume_edge",
    "second_operator_is_refused",
    "signalled",
    "take_all_gpus",
]


@dataclass(frozen=True, slots=True)
class Scene:
    """A move under way: where it happens, the operator's process, and its road to the API server."""

    lab: RunningLab
    process: asyncio.subprocess.Process
    road: ApiFaults | None


GREEDY, FINALIZER = "greedy", "pointsman.dev/held-by-a-test"


def pid_of(lab: RunningLab, name: str) -> int:
    """The process of the lab with this name."""
    program = Pointsman(lab.config.home.parent.parent)
    found = json.loads(program("lab", "status", "--name", lab.config.name, "--output", "json").stdout)
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
    deadline = time.monotonic() + 30
    while not any(_unschedulable(pod) for pod in json.loads(lab.kubectl(*words).stdout)["items"]):
        assert time.monotonic() < deadline, "there is always room for one pod more"
        time.sleep(0.2)
    scene.process.send_signal(signal.SIGCONT)


def _unschedulable(pod: dict[str, Any]) -> bool:
    said = pod["status"].get("conditions") or []
    return any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in said)


def give_gpus_back(lab: RunningLab) -> None:
    """Take those pods away."""
    lab.kubectl("delete", "deployment", GREEDY, "-n", "default", "--ignore-not-found", "--wait")


def pause_edge(scene: Scene) -> None:
    """The Deployment makes no new pods: every replica keeps the configuration it has."""
    scene.lab.kubectl("rollout", "pause", "deployment/litellm", "-n", "llm-gateway")


def resume_edge(lab: RunningLab) -> None:
    """It makes pods again."""
    lab.kubectl("rollout", "resume", "deployment/litellm", "-n", "llm-gateway", check=False)


def kill_edge(scene: Scene) -> None:
    """The oldest replica dies at once, with what it is doing."""
    lab = scene.lab
    names = lab.kubectl(
        "get", "pods", "-n", "llm-gateway", "-l", "app.kubernetes.io/name=litellm",
        "--sort-by=.metadata.creationTimestamp", "-o", "name",
    ).stdout.split()  # fmt: skip
    lab.kubectl("delete", names[0], "-n", "llm-gateway", "--grace-period=0", "--force", "--wait=false")


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
        scene.lab.kubectl("annotate", "node", node, "lab.pointsman.dev/power=off")

    return act


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
