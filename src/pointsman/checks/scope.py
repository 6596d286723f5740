"""Which of a cluster's findings are meant: those of some namespaces, or of one model and what its layers stand on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from pointsman.adopt.standing import Standing
from pointsman.checks.finding import Finding, Outcome
from pointsman.checks.state import label, serves_models
from pointsman.checks.view import get
from pointsman.kube.resources import ref_of
from pointsman.layers.contract import Layer

if TYPE_CHECKING:
    from pointsman.spec.model import Model

__all__ = ["Keep", "kept", "namespaces_of", "of_model", "of_namespaces"]

Keep = Callable[[Finding], bool]
_OBJECT = re.compile(r"[A-Z]\w+ (?P<namespace>[a-z0-9-]+)/(?P<name>\S+)")
"""How a finding without an object names one."""
_SHARED = frozenset({"PersistentVolumeClaim", "ResourceQuota", "HTTPRoute"})
"""What counts for every model of its namespace."""
_MODEL = "pointsman.dev/model"


def kept(made: Outcome, keep: Keep) -> Outcome:
    """The same with these findings alone."""
    made.findings = [one for one in made.findings if keep(one)]
    return made


def of_namespaces(names: Collection[str]) -> Keep:
    """Findings of objects in these namespaces."""
    return lambda one: _namespace(one) in names


def _namespace(one: Finding) -> str:
    if one.told.standing is not None:
        return one.told.standing.namespace
    found = _OBJECT.match(one.where)
    return found["namespace"] if found else ""


def namespaces_of(model: Model, layers: Sequence[Layer]) -> set[str]:
    """Where a model's objects are."""
    return {one.namespace(model) for one in layers}


def of_model(model: Model, layers: Sequence[Layer]) -> Keep:
    """Findings of a model's own objects, and of nobody's: nodes, controllers, gateways, definitions."""
    spaces = namespaces_of(model, layers)
    refs = [ref for one in layers for ref in (*one.reads(model), *map(ref_of, one.render(model)))]
    own = {(ref.kind.name, ref.namespace or "", ref.name) for ref in refs}
    pods = [pods for one in layers for pods in one.engines(model)]

    def belongs(one: Standing) -> bool:
        if (one.kind, one.namespace, one.name) in own or label(one, _MODEL) == model.name:
            return True
        if one.kind == "Application":
            return get(one.data, "spec", "destination", "namespace") in spaces
        if one.kind == "Pod":
            return any(_chosen(one, each.namespace, dict(each.labels)) for each in pods)
        return one.kind in _SHARED and one.namespace in spaces

    def keep(one: Finding) -> bool:
        standing = one.told.standing
        if one.told.model:
            return one.told.model == model.name
        if standing is None:
            found = _OBJECT.match(one.where)
            return found is None or found["namespace"] in spaces
        return belongs(standing) if _somebodys(standing) else True

    return keep


def _chosen(pod: Standing, namespace: str, labels: dict[str, str]) -> bool:
    return pod.namespace == namespace and all(label(pod, key) == value for key, value in labels.items())


def _somebodys(one: Standing) -> bool:
    """Is it part of a model, and not of what models stand on?"""
    if one.kind in ("Deployment", "StatefulSet"):
        return serves_models(get(one.data, "spec", "template", "spec")) or bool(label(one, _MODEL))
    return one.kind in {"InferenceService", "LLMInferenceService", "Pod", "Application", *_SHARED}
