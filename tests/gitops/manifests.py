"""Manifests that the tests put into git; small, and quick to be ready in the lab."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["PAUSE", "claim", "config", "deployment", "hook", "runtime"]

Object = dict[str, Any]
PAUSE = "registry.k8s.io/pause:3.10"
UNKNOWN = "registry.example/never-heard-of:1"
"""The lab's node cannot pull it, so its pod waits for ever."""


def config(name: str = "one", said: str = "first", **notes: str) -> str:
    """A ConfigMap; ``notes`` are Argo CD's annotations of it."""
    metadata = {"name": name, "annotations": _notes(notes)}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"said": said}})


def runtime(image: str) -> str:
    """A ServingRuntime of KServe: a custom resource with containers."""
    container = {"name": "kserve-container", "image": image, "resources": {"limits": {"memory": "16Mi"}}}
    made = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime", "metadata": {"name": "runtime"}}
    return json.dumps({**made, "spec": {"containers": [container]}})


def deployment(
    name: str = "engine", replicas: int = 1, image: str = PAUSE, mark: str = "", args: Sequence[str] = (), **spec: Any
) -> str:
    """A Deployment; another ``mark`` makes it roll."""
    resources = {"limits": {"memory": "16Mi"}}
    container = {"name": "engine", "image": image, "resources": resources, "args": list(args)}
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": {"mark": mark}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    wanted = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": wanted}
    return json.dumps(made)


def claim(name: str = "weights", size: str = "1Gi") -> str:
    """A volume."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
    return json.dumps(made)


def hook(phase: str = "PreSync", image: str = UNKNOWN) -> str:
    """A Job that runs in this phase of a sync; by default one that never ends."""
    pod = {"containers": [{"name": "migrate", "image": image}], "restartPolicy": "Never"}
    metadata = {"name": "migrate", "annotations": _notes({"hook": phase})}
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}
    return json.dumps(made)


def _notes(notes: dict[str, str]) -> dict[str, str]:
    return {f"argocd.argoproj.io/{name.replace('_', '-')}": said for name, said in notes.items()}
