"""What is read of objects of a cluster, as shapes: an object that lacks its own is told, and none is taken for empty.

An API server checks what it stores; an aggregated one, an old definition or a broken proxy may answer otherwise, and
one odd object among thousands must not end a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.errors import PermanentError
from pointsman.kube.quantity import quantity
from pointsman.kube.resources import Ref

__all__ = ["misfit", "odd", "version_of"]

Shape = Any
"""A mapping of fields (``*``: any), a list of one shape, a type, or ``quantity``; what is null or absent fits."""

_WORDS: Shape = {"*": str}
_AMOUNTS: Shape = {"*": quantity}
_CONTAINER: Shape = {"resources": {"limits": _AMOUNTS, "requests": _AMOUNTS}, "restartPolicy": str}
_POD: Shape = {
    "nodeName": str,
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [
        {
            "name": str,
            "persistentVolumeClaim": {"claimName": str},
            "ephemeral": {},
            "configMap": {},
            "projected": {"sources": [{"configMap": {}}]},
        }
    ],
    "resourceClaims": [{}],
}
_TEMPLATE: Shape = {"metadata": {"labels": _WORDS}, "spec": _POD}
_WORKLOAD: Shape = {
    "spec": {"replicas": int, "strategy": {}, "selector": {"matchLabels": _WORDS}, "template": _TEMPLATE},
}
_ADDRESSES: Shape = {"loadBalancer": {"ingress": [{}]}, "addresses": [{}], "listeners": [{}]}
_METADATA: Shape = {
    "name": str,
    "namespace": str,
    "labels": _WORDS,
    "annotations": _WORDS,
    "ownerReferences": [{}],
    "finalizers": [str],
    "deletionTimestamp": str,
}
_KINDS: Mapping[str, Shape] = {
    "Node": {"status": {"capacity": _AMOUNTS, "allocatable": _AMOUNTS, "conditions": [{"type": str, "status": str}]}},
    "Pod": {"spec": _POD, "status": {"phase": str}},
    "PersistentVolumeClaim": {
        "spec": {"storageClassName": str, "volumeName": str, "resources": {"requests": _AMOUNTS}},
        "status": {"phase": str, "capacity": _AMOUNTS},
    },
    "PersistentVolume": {
        "spec": {"storageClassName": str, "capacity": _AMOUNTS, "claimRef": {"namespace": str, "name": str}},
        "status": {"phase": str},
    },
    "Service": {
        "spec": {"type": str, "selector": _WORDS, "clusterIP": str, "clusterIPs": [str]},
        "status": _ADDRESSES,
    },
    "Gateway": {"status": _ADDRESSES},
    "Ingress": {"status": _ADDRESSES},
    "HTTPRoute": {"spec": {"parentRefs": [{}]}},
    "LLMInferenceService": {"spec": {"router": {"gateway": {"refs": [{}]}}}},
    "Deployment": _WORKLOAD,
    "StatefulSet": {
        "spec": {
            "selector": {"matchLabels": _WORDS},
            "template": _TEMPLATE,
            "volumeClaimTemplates": [{"metadata": {"name": str}}],
        }
    },
    "DaemonSet": {"spec": {"selector": {"matchLabels": _WORDS}, "template": _TEMPLATE}},
    "ConfigMap": {"data": _WORDS},
    "Application": {
        "spec": {"destination": {}},
        "status": {"resources": [{}], "sync": {}},
    },
}
_OWN = ("Pod", "Service", "PersistentVolumeClaim", "PersistentVolume", "Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose objects are nothing without a spec."""
_IS: Mapping[type, str] = {str: "a word", int: "a number", dict: "a mapping", list: "a list"}


def misfit(kind: str, one: Mapping[str, Any]) -> str:
    """What keeps this from being an object of its kind, in words; empty when nothing does."""
    metadata = one.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "it has no name"
    if kind in _OWN and not isinstance(one.get("spec"), dict):
        return "it has no spec"
    shape = {"metadata": _METADATA, "spec": {}, "status": {}} | _KINDS.get(kind, {})
    return _of(shape, one, "")


def _of(shape: Shape, value: Any, place: str) -> str:
    if value is None or shape is None:
        return ""
    if shape is quantity:
        return "" if _is_amount(value) else f"{place.lstrip('.')} is no quantity"
    wanted: type = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, wanted):
        return f"{place.lstrip('.')} is not {_IS[wanted]}"
    return next(filter(None, _parts(shape, value, place)), "")


def _parts(shape: Shape, value: Any, place: str) -> Iterable[str]:
    """What is wrong with each part."""
    if isinstance(shape, list):
        return (_item(shape[0], one, f"{place}[{number}]") for number, one in enumerate(value))
    if isinstance(shape, dict) and "*" in shape:
        return (_item(shape["*"], one, f"{place}.{key}") for key, one in value.items())
    if isinstance(shape, dict):
        return (_of(inner, value.get(key), f"{place}.{key}") for key, inner in shape.items())
    return ()


def _item(shape: Shape, value: Any, place: str) -> str:
    return f"{place.lstrip('.')} is null" if value is None else _of(shape, value, place)


def _is_amount(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and quantity(str(value)) >= 0
    except (ValueError, ArithmeticError):
        return False


def odd(ref: Ref, wrong: str) -> PermanentError:
    """The error for an object that no API server which checked it would give."""
    return PermanentError(
        f"what the API server says of it is odd: {wrong}",
        where=str(ref),
        next_action="look who answers in its place (a proxy, an aggregated API)",
        code="cluster-odd-object",
    )


def version_of(found: Mapping[str, Any], ref: Ref) -> str:
    """The version that a write tests; raises PermanentError where whoever answers tells none."""
    version = found["metadata"].get("resourceVersion")
    if not version:
        raise odd(ref, "it has no resourceVersion")
    return str(version)
