"""The operation that asks Argo CD to sync, and whether the one that ran is the one that was asked for.

``argo-cd`` up to 3.5 writes an operation's state with a merge patch, so that a field which this operation leaves out
stays as the one before had it (28701, 29332): somebody's selective sync makes a complete one selective, their revision
or ``prune`` comes along. So the old state is taken away with the same patch that asks, and what ran is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.delivery.argocd.application import Application

__all__ = ["USER", "asked", "bears", "differences", "patch", "terminating", "withdrawn"]

USER = "pointsman"
"""Who asked, in ``initiatedBy``. Not ``automated``: a sync window with ``manualSync`` would refuse that."""
_MARK = "pointsman"
"""The name under which an operation's ``info`` has our id."""
_WAYS = ("hook", "apply")


def asked(app: Application, revisions: Sequence[str], ident: str, *, prune: bool) -> dict[str, Any]:
    """The operation that syncs the whole Application to these revisions, one for each source.

    The options are the Application's own: the controller reads only the operation's list.
    """
    sync: dict[str, Any] = {"syncStrategy": {"hook": {}}}
    if app.several:
        sync["revisions"] = list(revisions)
    else:
        sync["revision"] = revisions[0]
    if app.options:
        sync["syncOptions"] = app.options
    if prune:
        sync["prune"] = True
    return {"info": [{"name": _MARK, "value": ident}], "initiatedBy": {"username": USER}, "sync": sync}


def patch(app: Application, operation: Mapping[str, Any]) -> dict[str, Any]:
    """The one merge patch that asks for it, if nobody changed the Application since it was read."""
    return {"metadata": _version(app), "operation": dict(operation), "status": {"operationState": None}}


def terminating(app: Application) -> dict[str, Any]:
    """The merge patch that ends the operation that runs."""
    return {"metadata": _version(app), "status": {"operationState": {"phase": "Terminating"}}}


def withdrawn(app: Application) -> dict[str, Any]:
    """The merge patch that takes an operation back which nothing was done of."""
    return {"metadata": _version(app), "operation": None, "status": {"operationState": None}}


def _version(app: Application) -> dict[str, str]:
    return {"resourceVersion": app.version, "uid": app.uid}


def bears(operation: Any, ident: str) -> bool:
    """Is it the operation with our id?"""
    info = operation.get("info") if isinstance(operation, Mapping) else None
    return isinstance(info, list) and {"name": _MARK, "value": ident} in info


def differences(wanted: Mapping[str, Any], ran: Mapping[str, Any]) -> list[str]:
    """What of the operation that ran is not what was asked for: ``sync.resources is [...], not asked for``."""
    return _differences(_plain(wanted), _plain(ran), "")


def _differences(wanted: Any, ran: Any, path: str) -> list[str]:
    if isinstance(wanted, dict) and isinstance(ran, dict):
        keys = sorted({*wanted, *ran})
        return [one for key in keys for one in _differences(wanted.get(key), ran.get(key), f"{path}.{key}".strip("."))]
    if wanted == ran:
        return []
    if wanted is None:
        return [f"{path} is {ran!r}, which was not asked for"]
    return [f"{path} is {ran!r} instead of {wanted!r}" if ran is not None else f"{path} {wanted!r} is missing"]


def _plain(found: Any) -> Any:
    """Without what Go leaves out, or writes for nothing: an empty value is none. Only a way to sync may be empty."""
    if isinstance(found, Mapping):
        kept = {str(key): value if key in _WAYS else _plain(value) for key, value in found.items()}
        return {key: value for key, value in kept.items() if key in _WAYS or not _nothing(value)}
    return [_plain(one) for one in found] if isinstance(found, list) else found


def _nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {}, 0)
