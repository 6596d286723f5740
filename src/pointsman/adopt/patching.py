"""Kustomize's two kinds of patches: operations (RFC 6902), and an object laid over another (strategic merge).

How lists of Kubernetes' own kinds are merged is in their API's fields; those of pods and Services are here. Lists of
other kinds are replaced as a whole, as Kustomize does where it has no schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["UnfitPatchError", "merged", "operated"]

_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
}
"""What tells the items of a pod's lists apart."""
_WHOLE = frozenset({"args", "command", "envFrom", "tolerations", "accessModes", "add", "drop", "finalizers_"})
"""Lists that are replaced."""
_KNOWN = frozenset({"apps/v1", "v1"})


class UnfitPatchError(Exception):
    """A patch whose outcome is not known here exactly; says why."""


def operated(data: dict[str, Any], patch: Sequence[Any]) -> dict[str, Any]:
    """After operations; raises UnfitPatchError for one that fails, or is none that is known."""
    for one in patch:
        if not isinstance(one, dict) or not isinstance(one.get("path"), str) or not one["path"].startswith("/"):
            raise UnfitPatchError("an operation of a patch names no path")
        if one.get("op") not in ("add", "replace", "remove"):
            raise UnfitPatchError(f"the operation {str(one.get('op'))[:20]} is not carried out here")
        try:
            _operate(data, one)
        except (KeyError, IndexError, TypeError, ValueError):
            raise UnfitPatchError(f"there is no {one['path'][:80]} to change") from None
    return data


def _operate(data: Any, one: Mapping[str, Any]) -> None:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in one["path"][1:].split("/")]
    for part in parts[:-1]:
        data = data[_index(data, part)] if isinstance(data, list) else data[part]
    last = parts[-1]
    if isinstance(data, list):
        if one["op"] == "add":
            data.insert(len(data) if last == "-" else _index(data, last, 1), one["value"])
        elif one["op"] == "replace":
            data[_index(data, last)] = one["value"]
        else:
            del data[_index(data, last)]
        return
    if not isinstance(data, dict):
        raise TypeError(last)
    if one["op"] == "add":
        data[last] = one["value"]
    elif one["op"] == "replace":
        data[last]
        data[last] = one["value"]
    else:
        del data[last]


def _index(data: list[Any], part: str, more: int = 0) -> int:
    index = int(part)
    if not 0 <= index < len(data) + more:
        raise IndexError(part)
    return index


def merged(data: dict[str, Any], patch: Any, *, named: bool) -> dict[str, Any]:
    """After an object was laid over; ``named``: the patch itself says which. Raises UnfitPatchError."""
    if not isinstance(patch, dict):
        raise UnfitPatchError("a patch is neither a mapping nor a list of operations")
    laid = dict(patch)
    if not named:  # with a target, the patch's own name and kind count for nothing
        laid.pop("kind", None)
        laid.pop("apiVersion", None)
        metadata = laid.get("metadata")
        if isinstance(metadata, dict):
            laid["metadata"] = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    known = data.get("apiVersion") in _KNOWN
    return _laid(data, laid, known)


def _laid(data: dict[str, Any], patch: Mapping[str, Any], known: bool) -> dict[str, Any]:
    for key, value in patch.items():
        if str(key).startswith("$"):
            raise UnfitPatchError(f"the patch has the directive {key}")
        if value is None:
            data.pop(key, None)
        elif isinstance(value, dict):
            have = data.get(key)
            data[key] = _laid(dict(have) if isinstance(have, dict) else {}, value, known)
            if data[key] == {} and value:
                raise UnfitPatchError(f"the patch leaves {key} empty")
        elif isinstance(value, list):
            data[key] = _list(data.get(key), value, str(key), known)
        else:
            data[key] = value
    return data


def _list(have: Any, patch: list[Any], key: str, known: bool) -> list[Any]:
    """Laid over by the key of its items; those that are new come first, as Kustomize puts them."""
    _refuse_directives(patch)
    if not known or key in _WHOLE or not isinstance(have, list) or not have:
        return patch
    name = _KEYS.get(key)
    if name is None:
        raise UnfitPatchError(f"how a list of {key} is merged is not known here")
    if not all(isinstance(one, dict) and one.get(name) is not None for one in (*have, *patch)):
        raise UnfitPatchError(f"an item of {key} has no {name}")
    mine = {one[name]: one for one in have}
    laid = [_laid(dict(mine.get(one[name], {})), one, known) for one in patch]
    named_here = {one[name] for one in patch}
    return [*laid, *(one for one in have if one[name] not in named_here)]


def _refuse_directives(value: Any) -> None:
    if isinstance(value, dict):
        if any(str(key).startswith("$") for key in value):
            raise UnfitPatchError("the patch has directives")
        for one in value.values():
            _refuse_directives(one)
    elif isinstance(value, list):
        for one in value:
            _refuse_directives(one)
