"""What answers mean: statuses to errors, what no API server would say, and which ones deserve another try."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from pointsman.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
    PermanentError,
    TemporaryError,
)

__all__ = [
    "AS_TABLE",
    "HOPELESS",
    "backoff",
    "error_for",
    "is_page",
    "is_refusal",
    "is_undelivered",
    "items_in",
    "names_in",
    "not_kubernetes",
    "object_in",
    "retry_delay",
]

AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
"""What is accepted when only what people are shown of an object is wanted, as kubectl does."""

HOPELESS = frozenset({"cluster-unreachable", "cluster-certificate", "cluster-unauthorized", "cluster-not-kubernetes"})
"""Codes after which nothing else would be answered either."""
_TEMPORARY = {408, 429, 500, 502, 503, 504}
_ACTIONS = {
    401: "renew the credentials in the kubeconfig",
    403: "ask for the permission named above, or use other credentials",
    404: "check the name and the namespace",
    409: "look who changed it, then run the command again",
    410: "run the command again",
    422: "correct the field named above",
}
_LINE = 200
"""Characters of an answer that is not Kubernetes' own which an error quotes."""
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|\?xml)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)


def _loaded(body: bytes) -> Any:
    """The body as JSON; None when it is none."""
    try:
        return from_json(body)
    except (ValueError, RecursionError):
        return None


def is_page(body: bytes) -> bool:
    """Is this a web page? The API server never sends one."""
    return _PAGE.match(body) is not None


def is_refusal(status: int, body: bytes) -> bool:
    """Does the API server itself not accept who asks? A pod behind it that answers 401 says it in its own words.

    One that says it in the API server's words gains one more request of ours, and our credentials renewed.
    """
    return status == 401 and _in_own_words(status, body)


def is_undelivered(status: int, body: bytes) -> bool:
    """Did the API server not get a call through to the pod or Service that it was for, or no answer back?

    It says so in a Status of its own, 503 or 502. It keeps connections to pods for later calls, and one that the pod
    closed at that moment (uvicorn closes after 5 s without a call) is an end of file to it, which it tries again for
    calls without a body only (net/http, Transport: a request is sent again when it can be rewound).
    """
    return status in (502, 503) and _in_own_words(status, body)


def _in_own_words(status: int, body: bytes) -> bool:
    """Is this answer a Status, as the API server makes them, of this status?"""
    said = _loaded(body)
    return isinstance(said, dict) and said.get("kind") == "Status" and said.get("code", status) == status


def _quoted(body: bytes) -> str:
    """The beginning of a body, or the title of a web page, as one line that can be printed."""
    text = body[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text) if is_page(body) else None
    text = html.unescape(title[2]) if title else text
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"


def _message(status: int, body: bytes) -> str:
    said = _loaded(body)
    message = said.get("message") if isinstance(said, dict) else None
    if isinstance(message, str) and message:
        return message[:600]
    if is_page(body):
        return f"the answer was {status} and a web page, not a reason of the API server: {_quoted(body)}"
    return _quoted(body) or f"the API server answered {status} without a reason"


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
    if status in (401, 403, 410, 422):
        codes = {401: "cluster-unauthorized", 403: "cluster-forbidden", 410: "cluster-expired", 422: "cluster-invalid"}
        error.code = codes[status]
    return error


def not_kubernetes(asked: str, status: int, body: bytes, where: str) -> PermanentError:
    """The error for an answer that no API server gives to ``asked`` (method and path)."""
    seen = f": {_quoted(body)}" if body.strip() else ", and an empty body"
    return PermanentError(
        f"{asked} was answered {status} with something that is not Kubernetes{seen}",
        where=where,
        next_action="look what else answers at this address (a login page, a proxy), "
        "and check the cluster's server in the kubeconfig",
        code="cluster-not-kubernetes",
    )


def object_in(body: bytes) -> dict[str, Any] | None:
    """The Kubernetes object (or Status, or list) a body holds; None when it holds none."""
    found = _loaded(body)
    return found if isinstance(found, dict) and _whole(found) else None


def _whole(found: dict[str, Any]) -> bool:
    return isinstance(found.get("metadata"), dict) or "items" in found


def items_in(answer: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The objects of a list, which may be null for none; None when the answer is no list of objects."""
    if "items" not in answer:
        return None
    items = answer["items"] or []
    if not isinstance(items, list) or not all(
        isinstance(one, dict) and _is_named(one.get("metadata")) for one in items
    ):
        return None
    return items


def _is_named(metadata: Any) -> bool:
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str)


def names_in(answer: Mapping[str, Any]) -> list[str] | None:
    """The names in a table, or in a list from a server that makes none; None when the answer is neither."""
    if answer.get("kind") != "Table":
        items = items_in(answer)
        return None if items is None else [str(item["metadata"]["name"]) for item in items]
    columns = [str(one.get("format")) for one in answer.get("columnDefinitions") or []]
    rows = answer.get("rows") or []
    return [str(row["cells"][columns.index("name")]) for row in rows] if "name" in columns else None


def backoff(attempt: int) -> float:
    """Seconds to wait after the attempt of this number, counted from 0."""
    return min(0.2 * 2.0**attempt, 5.0)


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
        return backoff(attempt)
    return None
