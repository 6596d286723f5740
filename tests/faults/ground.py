"""What is done to the lab's ground while a model moves: to its processes, its edge and its objects."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.conftest import Pointsman, RunningLab

__all__ = [
    "frozen",
    "give_gpus_back",
    "hold_back_target",
    "kill",
    "kill_edge",
    "let_target_go",
    "pause_edge",
    "resume_edge",
    "take_all_gpus",
]

GREEDY, FINALIZER = "greedy", "pointsman.dev/held-by-a-test"


def pid_of(lab: RunningLab, name: str) -> int:
    """The process of the lab with this name."""
    program = Pointsman(lab.config.home.parent.parent)
    found = json.loads(program("lab", "status", "--name", lab.config.name, "--output", "json").stdout)
    return next(int(one["pid"]) for one in found["processes"] if one["name"] == name)


def kill(name: str) -> Callable[[RunningLab], None]:
    """Kill a process of the lab; its supervisor starts it again."""

    def act(lab: RunningLab) -> None:
        os.kill(pid_of(lab, name), signal.SIGKILL)

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


def take_all_gpus(lab: RunningLab) -> None:
    """Pods that ask for all the GPUs that are left, one each, until one does not fit."""
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


def give_gpus_back(lab: RunningLab) -> None:
    """Take those pods away."""
    lab.kubectl("delete", "deployment", GREEDY, "-n", "default", "--ignore-not-found", "--wait")


def pause_edge(lab: RunningLab) -> None:
    """The Deployment makes no new pods: every replica keeps the configuration it has."""
    lab.kubectl("rollout", "pause", "deployment/litellm", "-n", "llm-gateway")


def resume_edge(lab: RunningLab) -> None:
    """It makes pods again."""
    lab.kubectl("rollout", "resume", "deployment/litellm", "-n", "llm-gateway", check=False)


def kill_edge(lab: RunningLab) -> None:
    """The oldest replica dies at once, with what it is doing."""
    names = lab.kubectl(
        "get", "pods", "-n", "llm-gateway", "-l", "app.kubernetes.io/name=litellm",
        "--sort-by=.metadata.creationTimestamp", "-o", "name",
    ).stdout.split()  # fmt: skip
    lab.kubectl("delete", names[0], "-n", "llm-gateway", "--grace-period=0", "--force", "--wait=false")


def hold_back_target(lab: RunningLab) -> None:
    """The target's InferenceService cannot be deleted."""
    _finalizers(lab, lambda found: [*found, FINALIZER])


def let_target_go(lab: RunningLab) -> None:
    """It can."""
    _finalizers(lab, lambda found: [one for one in found if one != FINALIZER])


def _finalizers(lab: RunningLab, change: Callable[[list[str]], list[str]]) -> None:
    for name in lab.kubectl("get", "inferenceservices", "-n", "kserve", "-o", "name").stdout.split():
        found = json.loads(lab.kubectl("get", name, "-n", "kserve", "-o", "json").stdout)
        body = json.dumps({"metadata": {"finalizers": change(found["metadata"].get("finalizers", []))}})
        lab.kubectl("patch", name, "-n", "kserve", "--type=merge", "-p", body)
