"""One engine that has the test's name, without an edge: its file, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.reading import read
from tests.traps.gateway import Edge
from tests.traps.manifests import Manifest, engine

__all__ = ["Change", "apply", "behaving", "ready", "run", "written"]

Change = Callable[[Manifest, Manifest], None]
"""Of the container, and of the pod it is in."""


def written(edge: Edge, kind: str, *args: str, key: bool = False, change: Change | None = None) -> Path:
    """A file with one engine that has the test's name."""
    objects = engine(edge.name, edge.space.name, *args, key=key)
    pod = objects[0]["spec"]["template"]["spec"]
    if change:
        change(pod["containers"][0], pod)
    return edge.write(kind, *objects, engines=())


def run(edge: Edge, file: Path) -> None:
    """Apply it, and wait until it serves."""
    edge.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))


def apply(edge: Edge, file: Path) -> str:
    """Apply it, and what the API server says against it."""
    words = ("apply", "--server-side", "--force-conflicts", "-f", str(file))
    return edge.space.lab.kubectl(*words, check=False).stderr.strip()


def ready(edge: Edge) -> bool:
    """Has it a pod that is?"""
    found = read(edge.space.lab.kubeconfig, "deployment", edge.name, edge.space.name)
    return bool(found.get("status", {}).get("readyReplicas"))


@contextmanager
def behaving(edge: Edge, settings: Manifest) -> Iterator[None]:
    """While this lasts, the test's engine is like this."""
    words = ("patch", "configmap", "lab-engine", "-n", edge.space.name, "--type=merge", "-p")
    edge.space.lab.kubectl(*words, json.dumps({"data": {edge.name: json.dumps(settings)}}))
    yield
    edge.space.lab.kubectl(*words, json.dumps({"data": {edge.name: None}}))
