"""KServe's stop annotation, which both of its resources understand: pods go, the declaration stays."""

from __future__ import annotations

from pointsman.kube.resources import Ref
from pointsman.layers.contract import Manifest, Patch

__all__ = ["ANNOTATION", "start", "stop", "stopped"]

ANNOTATION = "serving.kserve.io/stop"


def stop(ref: Ref) -> Patch:
    """Release everything the object holds."""
    return Patch(ref, {"metadata": {"annotations": {ANNOTATION: "true"}}})


def start(ref: Ref) -> Patch:
    """Take the annotation away again; ``"false"`` would stay on the pods and roll them."""
    return Patch(ref, {"metadata": {"annotations": {ANNOTATION: None}}})


def stopped(manifest: Manifest) -> bool:
    """Is the annotation set, the way KServe reads it?"""
    value = (manifest["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return bool(value.lower() == "true")
