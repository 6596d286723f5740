"""What applying a manifest would change, field by field, as the API server itself says: a server-side dry run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pointsman.errors import ClusterError, NotFoundError
from pointsman.kube.resources import Ref, ref_of
from pointsman.move.boundary import Cluster, Object

__all__ = ["Change", "ObjectPlan", "differences", "plan_object"]

_OWN = {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
"""Metadata that the API server writes by itself."""
_LIMIT = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """One object: what becomes of it."""

    ref: Ref
    action: str
    """``make``, ``change``, ``wake``, ``drain``, ``park`` or ``leave``."""
    changes: tuple[Change, ...] = ()
    note: str = ""


async def plan_object(cluster: Cluster, manifest: Object) -> ObjectPlan:
    """What applying ``manifest`` would do now. Raises ClusterError when the API server would refuse it."""
    ref = ref_of(manifest)
    live = await cluster.find(ref)
    try:
        after = await cluster.apply(manifest, dry_run=True)
    except NotFoundError as error:
        return ObjectPlan(ref, "make", note=f"cannot be tried yet: {error.what}")
    except ClusterError as error:
        error.what = f"the API server would refuse it: {error.what}"
        raise
    if live is None:
        return ObjectPlan(ref, "make")
    changes = tuple(differences(_plain(live), _plain(after)))
    return ObjectPlan(ref, "change" if changes else "leave", changes)


def differences(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """The fields that differ, deepest first named: ``spec.replicas``, ``spec.template.spec.containers[0].image``."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{number}]")
    elif before != after:
        yield Change(path, _short(before), _short(after))


def _plain(found: Object) -> Object:
    """The object without what the server and controllers write."""
    metadata = {key: value for key, value in found.get("metadata", {}).items() if key not in _OWN}
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LIMIT:
        return value[:_LIMIT] + "…"
    return value
