"""States that more than applying brings about: what syncs, what is killed, what is taken away and put back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.checks.live.asking import in_git, until
from tests.checks.live.states import live
from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held
from tests.gitops.manifests import config, hook

__all__ = ["changed", "kept_out", "made_slow", "nodes", "pushed", "removed", "stopped", "untaint"]

SPACE = "checks-live"
TAINT = "checks.pointsman.dev/kept"


def pushed(lab: RunningLab, folder: Path) -> None:
    """What the Applications of the slow file deploy."""
    files = {"sound/config.yaml": config(), "hooked/hook.yaml": hook("PreSync")}
    in_git(lab, folder, {f"{SPACE}/{name}": text for name, text in files.items()})


def made_slow(lab: RunningLab) -> None:
    """What the slow file's objects need besides."""
    patch(lab, "node", "checks-lost", {"status": {"capacity": {"nvidia.com/gpu": "4"}}}, "--subresource=status")
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": _ago(minutes=1), "startedAt": _ago(minutes=9)}
    status = {"name": "vllm", "image": "vllm/vllm-openai:v0.23.0", "imageID": "", "ready": False, "restartCount": 3}
    status |= {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    said = {"status": {"phase": "Running", "containerStatuses": [status]}}
    patch(lab, "pod", "killed", said, f"--namespace={SPACE}", "--subresource=status")
    patch(lab, "application", "checks-syncing", {"operation": {"sync": {}}}, "--namespace=argocd")
    lab.kubectl("delete", "application", "checks-held", "--namespace=argocd", "--wait=false")
    until(lambda: _phase(lab) == "Running", 60)
    begun = {"status": {"operationState": {"startedAt": _ago(minutes=120)}}}
    patch(lab, "application", "checks-syncing", begun, "--namespace=argocd")


def _phase(lab: RunningLab) -> Any:
    found = live(lab, "application", "checks-syncing", "--namespace=argocd")
    return ((found.get("status") or {}).get("operationState") or {}).get("phase")


def _ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def patch(lab: RunningLab, kind: str, name: str, body: dict[str, Any], *words: str) -> None:
    """As somebody else does it."""
    lab.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(body)}", *words)


def nodes(lab: RunningLab) -> list[str]:
    """Those that the lab runs."""
    return [name for one in live(lab, "nodes")["items"] if (name := one["metadata"]["name"]).startswith("lab-")]


def kept_out(lab: RunningLab) -> str:
    """Every node of the lab gets a taint, and a pod for their GPUs comes then; the pod as findings call it."""
    lab.kubectl("taint", "nodes", *nodes(lab), f"{TAINT}=yes:NoSchedule", "--overwrite")
    container = {"name": "vllm", "image": "vllm/vllm-openai:v0.23.0", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kept-out", "namespace": SPACE}}
    lab.kubectl("apply", "-f", "-", given=json.dumps(pod | {"spec": {"containers": [container]}}))
    return f"Pod {SPACE}/kept-out"


def untaint(lab: RunningLab) -> None:
    """The nodes take pods again."""
    lab.kubectl("taint", "nodes", *nodes(lab), f"{TAINT}-", check=False)


@contextmanager
def changed(lab: RunningLab, key: str, **values: Any) -> Iterator[None]:
    """While the block runs, a part of KServe's configuration says this."""
    words = ("configmap", "inferenceservice-config", "--namespace=kserve")
    before = live(lab, *words)["data"][key]
    patch(lab, *words[:2], {"data": {key: json.dumps(json.loads(before) | values)}}, words[2])
    try:
        yield
    finally:
        patch(lab, *words[:2], {"data": {key: before}}, words[2])


@contextmanager
def removed(lab: RunningLab, *words: str, held: bool = False) -> Iterator[None]:
    """While the block runs, an object is gone; ``words`` name it as ``kubectl get`` wants it.

    ``held``: a controller keeps it with a finalizer, which is taken off.
    """
    found = live(lab, *words)
    for key in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"):
        found["metadata"].pop(key, None)
    found.pop("status", None)
    lab.kubectl("delete", *words, *(["--wait=false"] if held else ["--timeout=90s"]), timeout=120)
    if held:
        lab.kubectl("patch", *words, "--type=merge", '--patch={"metadata": {"finalizers": null}}')
        until(lambda: not lab.kubectl("get", *words, "--ignore-not-found", "-o", "name").stdout, 60)
    try:
        yield
    finally:
        lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(found))


@contextmanager
def stopped(lab: RunningLab, state: Path, name: str) -> Iterator[None]:
    """While the block runs, a process of the lab stands still."""
    said = Pointsman(lab.config.home.parent.parent)("lab", "status", "--name", lab.config.name, "-o", "json")
    held("lab", json.loads(said.stdout))
    pid = next(one["pid"] for one in json.loads(said.stdout)["processes"] if one["name"] == name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
