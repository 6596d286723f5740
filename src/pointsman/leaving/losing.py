"""Aliases that would lose what answers them when Applications go. Pure.

An object goes with its Application, with its namespace, or with its kind: whoever deletes a CRD deletes all there is
of it. What an Application leaves running is no loss, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.errors import RefusedError, UsageError
from pointsman.kube.resources import Ref
from pointsman.leaving.pointing import Pointer
from pointsman.root.applications import Tracked
from pointsman.root.losses import Loss

__all__ = ["Losing", "losing", "orphaned", "refuse_losing", "refuse_unmeant"]


@dataclass(frozen=True, slots=True)
class Losing:
    """One alias that would lose something."""

    pointer: Pointer
    application: str
    what: str
    """The first object that goes: ``InferenceService kserve/qwen``."""

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.pointer.sentence}, and {self.what} would go with Application {self.application}"

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        pointer = self.pointer
        return {
            "alias": pointer.alias,
            "model": pointer.model,
            "layer": pointer.title,
            "known": pointer.how,
            "application": self.application,
            "object": self.what,
        }


def losing(losses: Iterable[Loss], pointers: Sequence[Pointer]) -> list[Losing]:
    """Every alias, once for each Application that would take something from it."""
    return [
        Losing(pointer, loss.ending.label, str(hit))
        for loss in losses
        for pointer in pointers
        if (hit := _hit(loss.gone, pointer.refs)) is not None
    ]


def orphaned(losses: Iterable[Loss], pointers: Sequence[Pointer]) -> list[str]:
    """Aliases behind which something stays that nobody manages any more."""
    return [
        f"{pointer.sentence}; {hit} is left running when Application {loss.ending.label} goes, and nothing keeps it"
        for loss in losses
        if not loss.deletes
        for pointer in pointers
        if (hit := _hit(loss.objects, pointer.refs)) is not None
    ]


def _hit(objects: Iterable[Tracked], refs: Sequence[Ref]) -> Tracked | None:
    return next((one for one in objects if any(_takes(one, ref) for ref in refs)), None)


def _takes(one: Tracked, ref: Ref) -> bool:
    match one.kind:
        case "Namespace":
            return one.name == ref.namespace
        case "CustomResourceDefinition":
            return one.name == f"{ref.kind.plural}.{ref.kind.group}"
    return (one.group, one.kind, one.name, one.namespace or None) == (
        ref.kind.group,
        ref.kind.name,
        ref.name,
        ref.namespace,
    )


def refuse_losing(found: Sequence[Losing], left: Collection[str], command: str) -> None:
    """Raise RefusedError unless every alias was named as one that may lose its engine."""
    unnamed = [one for one in found if one.pointer.alias not in left]
    if not unnamed:
        return
    first, more = unnamed[0], len({one.pointer.alias for one in unnamed}) - 1
    words = " ".join(f"--leave {name}" for name in sorted({*left, *(one.pointer.alias for one in unnamed)}))
    raise RefusedError(
        first.sentence + (f"; and {more} more aliases lose theirs" if more else ""),
        where=f"alias {first.pointer.alias}",
        next_action=f"pointsman move {first.pointer.model} --to LAYER first; or agree to tenants' errors: "
        f"{command} {words}",
        code="alias-points",
    )


def refuse_unmeant(found: Sequence[Losing], left: Iterable[str]) -> None:
    """A name given to --leave that loses nothing is a slip of the hand, or of an older plan."""
    strange = sorted(set(left) - {one.pointer.alias for one in found})
    if strange:
        raise UsageError(
            f"--leave {strange[0]}: no alias of this name loses anything",
            next_action="run it without --leave to see which do",
            code="leave-unknown",
        )
