"""One patch that is sent once: whoever stops engines has to know whether it happened, and must not say it twice.

The client says a patch again when it got no answer, which is right for what may be said twice. Where the patch tests
the object's version, its own echo would read as a change by somebody else. So here the answer counts, and no answer is
told as that: it may have been done.
"""

from __future__ import annotations

from typing import Any

from pointsman.errors import TemporaryError
from pointsman.kube.answers import error_for, object_in
from pointsman.kube.http import Caller, Response
from pointsman.kube.resources import Ref

__all__ = ["UnheardError", "patch_once"]

_IN_DOUBT = (500, 502, 503, 504)


class UnheardError(TemporaryError):
    """Nobody can say whether the write was done."""

    default_code = "cluster-unheard"


async def patch_once(cluster: Caller, ref: Ref, body: Any, manager: str) -> dict[str, Any]:
    """A merge patch, sent once; the object as it is then.

    With ``metadata.resourceVersion`` in the body it raises ConflictError for an older one (kubernetes 1.34). Raises
    UnheardError when no answer came or one that leaves it open, and the ClusterError that any other answer means.
    """
    headers = {"Content-Type": "application/merge-patch+json"}
    try:
        answer = await cluster.http("PATCH", ref.path(), params={"fieldManager": manager}, body=body, headers=headers)
    except TemporaryError as error:
        raise _unheard(ref, error.what) from error
    found = object_in(answer.body) if answer.status < 300 else None
    if found is not None:
        return found
    if answer.status < 400 or _in_doubt(answer):
        raise _unheard(ref, f"it was answered {answer.status} {answer.text[:200]}")
    raise error_for(answer.status, answer.body, str(ref))


def _in_doubt(answer: Response) -> bool:
    """May it have been done? A 503 with Retry-After was turned away before."""
    return answer.status in _IN_DOUBT and not answer.headers.get("Retry-After")


def _unheard(ref: Ref, why: str) -> UnheardError:
    return UnheardError(
        f"whether it was written is not known: {why}",
        where=str(ref),
        next_action="look at the object before anything is said again",
    )
