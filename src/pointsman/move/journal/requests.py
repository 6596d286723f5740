"""What another process can ask of the one that carries a move: a note on the move's own ConfigMap.

The holder reads it whenever it renews its lock, does it, answers with a record, and takes the note away. The note is
an annotation: it is no record and decides nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pydantic_core import from_json

from pointsman.kube.resources import Ref
from pointsman.move.boundary import Cluster, Object

__all__ = ["ANNOTATION", "Request", "Verb", "asked_of", "leave", "take_away"]

ANNOTATION = "pointsman.dev/request"


class Verb(StrEnum):
    """What can be asked."""

    PAUSE = "pause"
    """Stand still after the step that is under way."""
    PROMOTE = "promote"
    """End the wait that is under way, not its checks; accept what a pause has shown."""
    ROLLBACK = "rollback"
    """Put everything back as it was before the move."""
    ABORT = "abort"
    """Put tenants back on the source and leave the target as it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """One wish."""

    verb: Verb
    by: str
    """Who asks, as ``conductor.holder_name`` says it."""
    id: str
    """Different for every wish, so that none is heard twice."""
    step: str = ""
    """The step that was under way when its sender looked; empty between two steps. A promote means this one's wait."""

    def as_dict(self) -> dict[str, Any]:
        """For records and notes."""
        return asdict(self)


async def leave(cluster: Cluster, ref: Ref, request: Request) -> None:
    """Leave a wish on a move's ConfigMap; a later one replaces it."""
    await cluster.patch(ref, {"metadata": {"annotations": {ANNOTATION: json.dumps(request.as_dict())}}})


async def take_away(cluster: Cluster, ref: Ref) -> None:
    """Take the wish off, once it was heard."""
    await cluster.patch(ref, {"metadata": {"annotations": {ANNOTATION: None}}})


def asked_of(found: Object) -> Request | None:
    """The wish on a move's ConfigMap; None when there is none, or one that cannot be read."""
    text = (found["metadata"].get("annotations") or {}).get(ANNOTATION)
    try:
        said: Mapping[str, Any] = from_json(text) if text else {}
        return (
            Request(Verb(said["verb"]), str(said["by"]), str(said["id"]), str(said.get("step", ""))) if said else None
        )
    except (ValueError, KeyError, TypeError):
        return None
