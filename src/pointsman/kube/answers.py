"""What the API server's answers mean: statuses to errors, and which ones deserve another try."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pointsman.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
    PermanentError,
    TemporaryError,
)

__all__ = ["error_for", "retry_delay"]

_TEMPORARY = {408, 429, 500, 502, 503, 504}
_ACTIONS = {
    401: "renew the credentials in the kubeconfig",
    403: "ask for the permission named above, or use other credentials",
    404: "check the name and the namespace",
    409: "look who changed it, then run the command again",
    410: "run the command again",
    422: "correct the field named above",
}


def _message(status: int, body: bytes) -> str:
    try:
        said = json.loads(body)
        message = said.get("message") if isinstance(said, dict) else ""
    except ValueError:
        message = ""
    message = message or body.decode("utf-8", "replace").strip()
    return message[:600] or f"the API server answered {status} without a reason"


def error_for(status: int, body: bytes, where: str) -> ClusterError:
    """The error for an answer with ``status`` >= 400."""
    kind: type[ClusterError] = PermanentError
    if status in _TEMPORARY:
        kind = TemporaryError
    elif status == 404:
        kind = NotFoundError
    elif status == 409:
        kind = ConflictError
    action = _ACTIONS.get(status, "try again" if kind is TemporaryError else "")
    error = kind(_message(status, body), where=where, next_action=action)
    if status in (401, 403, 422):
        error.code = {401: "cluster-unauthorized", 403: "cluster-forbidden", 422: "cluster-invalid"}[status]
    return error


def retry_delay(method: str, status: int, headers: Mapping[str, str], attempt: int) -> float | None:
    """Seconds to wait before trying again, or None to give up.

    429 and a 500 or 503 with Retry-After were turned away before anything was done: always safe. Other 5xx may
    have happened: only methods that can be said twice are tried again.
    """
    if status not in _TEMPORARY:
        return None
    after = headers.get("Retry-After", "")
    if after.isdigit():
        return min(float(after), 10.0)
    if status == 429 or method in ("GET", "PUT", "DELETE", "PATCH"):
        return min(0.2 * 2.0**attempt, 5.0)
    return None
