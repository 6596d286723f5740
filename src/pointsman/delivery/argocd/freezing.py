"""Lists that a sync puts the live ones into, whatever git says: ``RespectIgnoreDifferences`` inside an array.

What is ignored is taken out of both sides and the live value put back by a patch (argo-cd 3.2,
normalizeTargetResources; 17694, 11876). For kinds that Kubernetes itself has, that is a strategic merge: lists whose
elements have names are merged by them, and only the field is kept. Any other list is put back whole; of a custom
resource every list is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Note
from pointsman.delivery.argocd.shape import items, words
from pointsman.owners.fields import pointer_path, simple_jq

__all__ = ["frozen", "kept"]

_HEEDED = "RespectIgnoreDifferences=true"
_NUMBER = re.compile(r"[0-9]+|-")
_STEP_IN = re.compile(r'([A-Za-z_]\w*)(?:"\])?\??\[(?!")')
"""A list's name before a step into it: ``containers[]``, ``["rules"][0]``."""
_BUILT_IN = {
    *("", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"),
    *("storage.k8s.io", "scheduling.k8s.io", "admissionregistration.k8s.io", "coordination.k8s.io", "discovery.k8s.io"),
}
_NAMED = {
    *("containers", "initContainers", "ephemeralContainers", "env", "ports", "volumes", "volumeMounts"),
    *("volumeDevices", "imagePullSecrets", "hostAliases", "topologySpreadConstraints", "conditions", "webhooks"),
}
"""Lists of built-in kinds that are merged by a key of their elements (kubernetes 1.34, patchMergeKey)."""


_MAPS = {"data", "stringData", "binaryData", "annotations", "labels", "matchLabels", "nodeSelector"}
"""Mappings whose keys may be numbers."""


def frozen(app: Application) -> Iterator[Note]:
    """A note for each ignored field by which a whole list is kept."""
    if _HEEDED not in app.options:
        return
    for rule in items(app.spec.get("ignoreDifferences")):
        kind = "/".join(str(rule[key]) for key in ("group", "kind") if rule.get(key))
        for field, whole in kept(rule):
            yield Note(
                code="argo-ignored-array",
                what=f"ignoreDifferences covers {field} of {kind} inside {whole}, and {_HEEDED}: a sync keeps all of "
                "that list as it is live, so another change of it in git (image, port) is never applied, yet told as "
                "applied",
                next_action=f"ignore a field outside lists, or leave {_HEEDED} out for a sync that changes the list",
            )


def kept(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that one of ``ignoreDifferences`` names, and of each the list that a sync keeps whole with it."""
    merged = _NAMED if str(rule.get("group") or "") in _BUILT_IN else set[str]()
    for field, lists in [*_by_pointer(rule), *_by_jq(rule)]:
        if whole := next((one for one in lists if one not in merged), ""):
            yield field, f"the list {whole}"
    for field in _unread(rule):
        yield field, "an array"


def _by_pointer(rule: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for pointer in words(rule.get("jsonPointers")):
        path = pointer_path(pointer)
        yield pointer, [above for above, part in pairwise(path) if _NUMBER.fullmatch(part) and above not in _MAPS]


def _by_jq(rule: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for expression in words(rule.get("jqPathExpressions")):
        yield expression, _STEP_IN.findall(expression)


def _unread(rule: Mapping[str, Any]) -> list[str]:
    """Expressions that go into something whose name they do not say."""
    expressions = words(rule.get("jqPathExpressions"))
    return [one for one in expressions if not simple_jq(one)[1] and "[" in one and not _STEP_IN.search(one)]
