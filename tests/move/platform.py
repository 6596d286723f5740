"""The example platform in the shared lab, and the way to it that the tests of moves share."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.demo.platform import example_root, plain_manifests
from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held

__all__ = [
    "MODEL",
    "faults",
    "journal",
    "layer_of",
    "manifests",
    "moves",
    "objects",
    "platform",
    "pointsman_in",
    "receipts_since",
    "served",
    "spec_with",
    "status",
    "sure",
    "weights",
]

MODEL = str(example_root() / "models" / "qwen.yaml")
USUAL, SOONER = "15", "10"
"""Seconds that an old replica of the example's edge sleeps before it goes, and that it does here: in the lab a Service
forgets a replica at once, and every drain waits for this sleep to end."""
WIDE = "ttftP50: 100, ttftP95: 100, itlP50: 100, itlP95: 100, noise: 100, slack: 10"
SURE = f"move: {{evidence: {{falseAlarm: 0.2, miss: 0.2, errors: 0.4, {WIDE}}}}}"
"""Where verdicts are not looked at: with wide margins a few probes of equal engines tell that they are."""
NAMESPACES = {"raw-vllm": "serving", "kserve": "kserve", "llm-d": "llm-d"}


def pointsman_in(lab: RunningLab) -> Pointsman:
    """The program, pointed at the lab."""
    return Pointsman(lab.config.home.parent.parent)


def manifests(folder: Path) -> Path:
    """The platform as the demonstration has it, whose edge lets an old replica go sooner; below ``folder``."""
    root = shutil.copytree(plain_manifests(), folder / "platform")
    deployment, sleep = root / "litellm" / "litellm.yaml", '[sleep, "{}"]'
    text = deployment.read_text("utf-8")
    assert sleep.format(USUAL) in text
    deployment.write_text(text.replace(sleep.format(USUAL), sleep.format(SOONER)), "utf-8")
    return root


def platform(lab: RunningLab) -> None:
    """Apply what models need, unless it is there; the edge's Deployment too where a demonstration put the example's."""
    config, edge = (
        lab.kubectl("get", what, "-n", "llm-gateway", "-o", "json", check=False).stdout
        for what in ("configmap/litellm-config", "deployment/litellm")
    )
    if config and edge and _asleep(edge) == SOONER:
        return
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(manifests(Path(folder)).rglob("*.yaml"), key=lambda one: one.name != "namespaces.yaml"):
            if not (config and file.name == "config.yaml"):
                lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
    lab.kubectl("rollout", "status", "deployment/litellm", "-n", "llm-gateway", "--timeout=150s", timeout=180)
    found = json.loads(lab.kubectl("get", "pods", "-n", "llm-gateway", "-o", "json").stdout)["items"]
    leaving = [f"pod/{one['metadata']['name']}" for one in found if "deletionTimestamp" in one["metadata"]]
    if leaving:  # until then nobody knows whom they still ask, and a move that ends by then counts no exact number
        lab.kubectl("wait", *leaving, "-n", "llm-gateway", "--for=delete", "--timeout=60s", timeout=80, check=False)


def _asleep(edge: str) -> str:
    """Seconds that a replica of this Deployment sleeps before it goes, as it is written there."""
    container = json.loads(edge)["spec"]["template"]["spec"]["containers"][0]
    return str(container["lifecycle"]["preStop"]["exec"]["command"][-1])


def served(lab: RunningLab) -> None:
    """The platform is there, and the model is up."""
    platform(lab)
    if not weights(lab):
        done = pointsman_in(lab)("up", MODEL, "--kubeconfig", str(lab.kubeconfig), timeout=300)
        assert done.returncode == 0, done.stderr


def status(lab: RunningLab) -> dict[str, Any]:
    """The model as ``pointsman status`` tells it."""
    words = ("status", MODEL, "--kubeconfig", str(lab.kubeconfig), "--output", "json")
    done = pointsman_in(lab)(*words)
    assert done.returncode == 0, done.stderr
    held("status", json.loads(done.stdout))
    found: dict[str, Any] = json.loads(done.stdout)["models"][0]
    return found


def weights(lab: RunningLab) -> dict[str, int]:
    """Share of the alias by layer."""
    return {one["layer"]: one["traffic"] for one in status(lab)["layers"] if one["traffic"] is not None}


def layer_of(lab: RunningLab) -> str:
    """The one layer that tenants are served from."""
    found = weights(lab)
    assert list(found.values()) == [100], found
    return next(iter(found))


@contextmanager
def faults(lab: RunningLab, layer: str, settings: dict[str, Any]) -> Iterator[None]:
    """While the block runs, new engines of a layer behave like this."""
    namespace = NAMESPACES[layer]
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lab-engine", "namespace": namespace},
        "data": {"default": json.dumps({"faults": settings})},
    }
    lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(manifest))
    try:
        yield
    finally:
        lab.kubectl("delete", "configmap", "lab-engine", "-n", namespace, "--ignore-not-found")


def journal(lab: RunningLab, move: str) -> list[dict[str, Any]]:
    """The records of a move, as anybody can read them."""
    done = lab.kubectl("get", "configmap", move, "-n", "pointsman-system", "-o", "json")
    data: dict[str, str] = json.loads(done.stdout)["data"]
    return [json.loads(data[key]) for key in sorted(data)]


def moves(lab: RunningLab) -> list[str]:
    """All moves that have a journal, the oldest first."""
    words = ("get", "configmaps", "-n", "pointsman-system", "-l", "pointsman.dev/move", "-o", "json")
    found = json.loads(lab.kubectl(*words).stdout)["items"]
    return [one["metadata"]["name"] for one in sorted(found, key=lambda one: _opened(one["data"]))]


def _opened(records: dict[str, str]) -> str:
    opened: str = json.loads(records[min(records)])["at"]
    return opened


def receipts_since(lab: RunningLab, known: Collection[str]) -> list[dict[str, Any]]:
    """Receipts of all moves but those, as the program gives them; the oldest first."""
    receipts = []
    for move in moves(lab):
        if move not in known:
            words = ("receipt", move, "--kubeconfig", str(lab.kubeconfig), "--output", "json")
            done = pointsman_in(lab)(*words)
            assert done.returncode == 0, done.stderr
            receipts.append(json.loads(done.stdout))
            held("receipt", receipts[-1])
    return receipts


def objects(lab: RunningLab) -> set[str]:
    """Everything in the layers' namespaces that a move could leave behind, by kind and name."""
    kinds = (
        "deployments,services,persistentvolumeclaims,inferenceservices,llminferenceservices,horizontalpodautoscalers"
    )
    found: set[str] = set()
    for namespace in NAMESPACES.values():
        done = lab.kubectl("get", kinds, "-n", namespace, "-o", "name")
        found |= {f"{namespace}/{line}" for line in done.stdout.split()}
    return found


def spec_with(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example model with some of its text changed."""
    text = Path(MODEL).read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "model.yaml"
    path.write_text(text)
    return path


def sure(folder: Path) -> Path:
    """The example model, whose shifts are judged quickly."""
    return spec_with(folder, ("  replicas: 1\n", f"  replicas: 1\n  {SURE}\n"))
