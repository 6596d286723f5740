"""Put the add-ons into a cluster whose API server answers and whose controllers do not run yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pointsman.lab.addons import own
from pointsman.lab.addons.kserve import KServe, split
from pointsman.lab.kubectl import Kubectl
from pointsman.lab.progress import Progress, Report

__all__ = ["install", "read"]


def install(kubectl: Kubectl, manifests: Path, authority: bytes, report: Report) -> None:
    """Install everything; also over an older installation."""
    kserve = KServe([*read(manifests / "kserve.yaml"), *read(manifests / "presets.yaml")], authority)
    definitions = [*read(manifests / "gateway-api.yaml"), *read(manifests / "lws.yaml"), *kserve.definitions]
    presets = [found for found in kserve.objects if found["kind"] == "LLMInferenceServiceConfig"]
    objects = [found for found in kserve.objects if found["kind"] != "LLMInferenceServiceConfig"]

    kubectl.delete(kserve.webhooks)
    report(Progress("add-ons", f"{len(definitions)} resource definitions"))
    kubectl.apply([*definitions, *own.namespaces()])
    kubectl.wait_established(definitions)
    report(Progress("add-ons", f"{len(objects)} objects, {len(presets)} presets, {len(kserve.webhooks)} webhooks"))
    kubectl.apply([*objects, *own.shared_objects()])
    kubectl.apply(presets)
    kubectl.apply(kserve.webhooks)


def read(path: Path) -> list[dict[str, Any]]:
    """The manifests of one file."""
    from ruamel.yaml import YAML

    return list(split(YAML(typ="safe", pure=False).load_all(path.read_text())))
