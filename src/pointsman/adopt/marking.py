"""What Kustomize's labels, annotations, replicas and images change in an object (v5's default fields)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pointsman.adopt.patching import UnfitPatchError

__all__ = ["annotated", "labelled", "repointed", "scaled"]

Data = Mapping[str, Any]

_SCALED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})
_PODS = _SCALED | {"DaemonSet", "Job"}
_PLAIN = frozenset({"ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount", "Namespace", "Role"})
_OTHERS = frozenset(
    {
        "InferenceService",
        "LLMInferenceService",
        "ServingRuntime",
        "InferencePool",
        "Gateway",
        "HTTPRoute",
        "Application",
    }
)
"""Kinds that are not Kubernetes' own; Kustomize knows of no selector in them."""


def annotated(data: Data, said: Data) -> dict[str, Any]:
    """With annotations on it, and on its pods."""
    new = copy.deepcopy(dict(data))
    _into(new, ("metadata", "annotations"), said)
    if new.get("kind") in _PODS:
        _into(new, ("spec", "template", "metadata", "annotations"), said)
    return new


def labelled(data: Data, said: Data) -> dict[str, Any]:
    """With labels; raises UnfitPatchError where they would go into selectors of a kind that is not known here."""
    if said.keys() - {"pairs", "includeSelectors", "includeTemplates"} or not isinstance(said.get("pairs"), dict):
        raise UnfitPatchError("labels have fields that are not understood here")
    new, pairs = copy.deepcopy(dict(data)), said["pairs"]
    selectors, templates = said.get("includeSelectors") is True, said.get("includeTemplates") is True
    _into(new, ("metadata", "labels"), pairs)
    if not (selectors or templates):
        return new
    kind, core = str(new.get("kind")), str(new.get("apiVersion")) in ("v1", "apps/v1")
    if kind == "Deployment" and "affinity" not in str(new):
        _into(new, ("spec", "template", "metadata", "labels"), pairs)
        if selectors:
            _into(new, ("spec", "selector", "matchLabels"), pairs)
    elif kind == "Service" and core:
        if selectors:
            _into(new, ("spec", "selector"), pairs)
    elif kind not in (_PLAIN if core else _OTHERS):
        raise UnfitPatchError(f"labels go into selectors of a {kind}")
    return new


def scaled(data: Data, name: str, count: int) -> dict[str, Any] | None:
    """With so many replicas; None when it is another."""
    if data.get("kind") not in _SCALED or data["metadata"].get("name") != name:
        return None
    new = copy.deepcopy(dict(data))
    new["spec"] = {**(new.get("spec") or {}), "replicas": count}
    return new


def repointed(data: Data, said: Data) -> dict[str, Any]:
    """With another image wherever containers have this one."""
    new = copy.deepcopy(dict(data))
    if new.get("kind") != "CustomResourceDefinition":
        _images(new, said)
    return new


def _images(value: Any, said: Data) -> None:
    if isinstance(value, list):
        for one in value:
            _images(one, said)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("containers", "initContainers") and isinstance(one, list):
                for container in one:
                    if isinstance(container, dict) and isinstance(container.get("image"), str):
                        container["image"] = _image(container["image"], said)
            _images(one, said)


def _image(image: str, said: Data) -> str:
    name, at, digest = image.partition("@")
    colon = name.rfind(":")
    bare, tag = (name[:colon], name[colon + 1 :]) if colon > name.rfind("/") else (name, "")
    if bare != said["name"]:
        return image
    new = str(said.get("newName") or bare)
    if said.get("digest"):
        return f"{new}@{said['digest']}" if not said.get("newTag") else f"{new}:{said['newTag']}@{said['digest']}"
    if said.get("newTag"):
        return f"{new}:{said['newTag']}"
    return f"{new}{f':{tag}' if tag else ''}{at}{digest}"


def _into(data: dict[str, Any], place: tuple[str, ...], said: Data) -> None:
    for key in place:
        data[key] = data.get(key) if isinstance(data.get(key), dict) else {}
        data = data[key]
    data.update({key: str(value) for key, value in said.items()})
