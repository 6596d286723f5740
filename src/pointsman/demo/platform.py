"""The example platform: where its files are, and how it gets into a cluster without git.

With Argo CD the platform comes from ``examples/platform``, its edge from a Helm chart. The demonstration has neither,
so the manifests that it needs lie beside this file, and a test holds them to what the chart gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import pointsman
from pointsman.errors import SpecError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model

__all__ = ["apply_platform", "example_model", "example_root", "plain_manifests"]

READY_TIMEOUT = 180.0


def example_root() -> Path:
    """``examples/platform``: inside an installed package, or beside it in a clone."""
    package = Path(pointsman.__file__).parent
    for root in (package / "demo" / "example_platform", package.parents[1] / "examples" / "platform"):
        if (root / "models").is_dir():
            return root
    raise SpecError(
        "the example platform is not there",
        where=str(package),
        next_action="install pointsman again, or run the demo from a clone of its repository",
        code="demo-platform",
    )


def plain_manifests() -> Path:
    """Namespaces, the lab's keys and the tenants' edge as plain manifests, without an alias yet."""
    return Path(__file__).parent / "manifests"


def example_model() -> Model:
    """The model the demo moves."""
    return load_model(example_root() / "models" / "qwen.yaml")


async def apply_platform(client: Client, model: Model, folder: Path | None = None) -> int:
    """Apply every manifest and wait for the edge; returns how many objects there are. Harmless to repeat.

    ``folder`` has other manifests than the usual ones. The edge's ConfigMap is left alone where it exists: it holds
    where tenants go.
    """
    edge = model.spec.tenant.edge
    keep = Ref(kind_of("ConfigMap"), edge.config_map, edge.namespace)
    count = 0
    for manifest in _manifests(folder or plain_manifests()):
        ref = ref_of(manifest)
        if ref != keep or await client.find(ref) is None:
            await client.apply(manifest)
        count += 1
    deployment = Ref(kind_of("Deployment"), edge.deployment, edge.namespace)
    await client.wait(deployment, _available, timeout=READY_TIMEOUT, what="the edge to answer")
    return count


def _manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """Namespaces first, then the rest in the order of their files."""
    files = sorted(folder.rglob("*.yaml"), key=lambda path: (path.name != "namespaces.yaml", str(path)))
    for path in files:
        for document in YAML(typ="safe", pure=True).load_all(path.read_text("utf-8")):
            if document:
                yield document


def _available(found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    status, wanted = found.get("status") or {}, int(found["spec"].get("replicas", 1))
    seen = int(status.get("observedGeneration", 0)) >= int(found["metadata"]["generation"])
    return seen and int(status.get("availableReplicas", 0)) >= wanted
