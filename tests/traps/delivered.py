"""A repository with Applications in it, as somebody's platform has them: linted as a folder, and read by Argo CD."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.gitops.ground import ARGO, Ground, Object, until

__all__ = [
    "AUTOMATED",
    "HEALING",
    "IMAGE",
    "MANUAL",
    "committed",
    "compared",
    "engine",
    "resynced",
    "synced",
    "unsynced",
]

CREATE = ["CreateNamespace=true"]
MANUAL: Object = {"syncOptions": CREATE}
AUTOMATED: Object = {"automated": {}, **MANUAL}
HEALING: Object = {"automated": {"prune": True, "selfHeal": True}, **MANUAL}
IMAGE = "vllm/vllm-openai:v0.23.0"


def engine(replicas: int = 1, name: str = "raw", **more: Any) -> str:
    """A Deployment of a vLLM that asks for a GPU and is small enough for every lab."""
    container = {
        "name": "vllm",
        "image": IMAGE,
        "args": ["Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name=qwen"],
        "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "100m", "memory": "64Mi"}},
        **more,
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    return json.dumps(made)


def committed(ground: Ground, files: Mapping[str, str], *objects: Object, message: str = "Change it") -> str:
    """Push files, of our folder unless they begin with ``/``, and in ``catalog`` objects for Argo CD; the commit."""
    texts = {name[1:] if name.startswith("/") else f"{ground.name}/{name}": text for name, text in files.items()}
    texts |= {f"catalog/{one['kind'].lower()}-{one['metadata']['name']}.yaml": json.dumps(one) for one in objects}
    return ground.here.push(texts, message)


def project(ground: Ground, **spec: Any) -> Object:
    """An AppProject of our name that allows everything, but for what is said."""
    wide = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    metadata = {"name": ground.name, "namespace": ARGO, "labels": {"of": ground.name}}
    made = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata}
    return {**made, "spec": wide | spec}


def compared(ground: Ground, name: str = "") -> Object:
    """Wait until Argo CD has compared an Application with git; its status."""
    return dict(until(lambda: (found := ground.status(name)).get("sync", {}).get("revision") and found))


def synced(ground: Ground, name: str = "") -> None:
    """Wait until it reads Synced and nothing of it is under way."""
    until(lambda: ground.status(name).get("sync", {}).get("status") == "Synced" and _still(ground, name))


def unsynced(ground: Ground, name: str = "") -> None:
    """Wait until it reads OutOfSync and nothing of it is under way."""
    until(lambda: ground.status(name).get("sync", {}).get("status") == "OutOfSync" and _still(ground, name))


def resynced(ground: Ground, sync: Object) -> None:
    """A complete sync, asked for with these words, to its good end; nothing of the one before is taken over."""
    ground.patch({"status": {"operationState": None}, "operation": {"sync": sync}})
    until(lambda: ground.phase() == "Succeeded" and "operation" not in ground.live())


def _still(ground: Ground, name: str) -> bool:
    return "operation" not in ground.live(name=name) and ground.phase(name) != "Running"
