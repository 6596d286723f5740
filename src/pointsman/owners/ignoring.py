"""Do rules that make Argo CD or Flux overlook differences cover a field?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pointsman.kube.resources import Ref
from pointsman.owners.fields import Path, pointer_path, simple_jq

__all__ = ["argo_covers", "flux_covers"]

Rules = Iterable[Mapping[str, Any]]


def argo_covers(rules: Rules, ref: Ref, path: Path, manager: str) -> tuple[bool | None, str]:
    """Is the field of that object overlooked once ``manager`` has written it, and by which word of which rule?

    None: a jq expression may cover it, which is not evaluated here. Group and kind are globs, name and namespace exact
    (argo-cd 3.2, util/argo/normalizers).
    """
    found: tuple[bool | None, str] = (False, "")
    for rule in rules:
        if not _argo_means(rule, ref):
            continue
        if manager in (rule.get("managedFieldsManagers") or []):
            return True, f"managedFieldsManagers {manager}"
        for pointer in rule.get("jsonPointers") or []:
            if _within(path, pointer_path(str(pointer))):
                return True, f"jsonPointers {pointer}"
        for expression in rule.get("jqPathExpressions") or []:
            covered = _jq_covers(str(expression), path)
            if covered:
                return True, f"jqPathExpressions {expression}"
            if covered is None:
                found = (None, f"jqPathExpressions {expression}")
    return found


def _argo_means(rule: Mapping[str, Any], ref: Ref) -> bool:
    return (
        fnmatchcase(ref.kind.group, str(rule.get("group") or ""))
        and fnmatchcase(ref.kind.name, str(rule.get("kind") or ""))
        and rule.get("name") in (None, "", ref.name)
        and rule.get("namespace") in (None, "", ref.namespace)
    )


def _jq_covers(expression: str, path: Path) -> bool | None:
    begins, whole = simple_jq(expression)
    if whole:
        return _within(path, begins) and bool(begins)
    return None if _within(path, begins) or _within(begins, path) else False


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def flux_covers(rules: Rules, ref: Ref, path: Path) -> bool | None:
    """Do Flux's ``ignore`` rules (``paths`` and a ``target`` of regular expressions) overlook the field?

    None: a rule that would selects its objects by labels or annotations, which is not evaluated here.
    """
    found: bool | None = False
    for rule in rules:
        if not any(_within(path, pointer_path(str(one))) for one in rule.get("paths") or []):
            continue
        meant = _flux_means(rule.get("target") or {}, ref)
        if meant:
            return True
        found = None if meant is None else found
    return found


def _flux_means(target: Mapping[str, Any], ref: Ref) -> bool | None:
    has = {
        "group": ref.kind.group,
        "version": ref.kind.version,
        "kind": ref.kind.name,
        "name": ref.name,
        "namespace": ref.namespace or "",
    }
    words: Sequence[tuple[str, str]] = [(str(target[key]), value) for key, value in has.items() if target.get(key)]
    try:
        fits = all(re.fullmatch(word, value) for word, value in words)
    except re.error:
        return None
    if fits and (target.get("labelSelector") or target.get("annotationSelector")):
        return None
    return fits
