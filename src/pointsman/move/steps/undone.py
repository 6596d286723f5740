"""What a step did to a layer, and somebody undid: noticed after one round, told with who did it, never tried again.

A layer is parked and woken by one patch of its object. Whoever has the object in git with the other value (Argo CD
that was switched to selfHeal meanwhile, an ApplicationSet that put ``automated`` back) puts it back within seconds, and
would again: a race that nobody wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pointsman.errors import MoveFailedError, NeedsPersonError
from pointsman.kube.client import FIELD_MANAGER
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer, Patch
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.owners.fields import leaves, value_at
from pointsman.owners.writing import said_of_writer

__all__ = ["Undone", "parked_again", "raise_unless", "refuse_woken", "woken_again"]


class Undone(Exception):
    """A patch of ours does not hold any more: raised where nobody can be asked, and told where somebody can."""

    def __init__(self, patch: Patch, live: Object) -> None:
        super().__init__(str(patch.ref))
        self.patch, self.live = patch, live


def raise_unless(patches: Sequence[Patch], get: Callable[[Ref], Object | None], *, hold: bool) -> None:
    """Raise Undone for an object that is there and, or does not, wear its patch."""
    for patch in patches:
        live = get(patch.ref)
        if live is not None and _wears(live, patch) is not hold:
            raise Undone(patch, live)


def _wears(live: Object, patch: Patch) -> bool:
    return all(value_at(live, path) == value_at(patch.body, path) for path in leaves(patch.body))


async def parked_again(context: Context, layer: Layer, undone: Undone) -> MoveFailedError:
    """The error of a layer that was woken and is parked again."""
    return MoveFailedError(
        f"somebody parked {layer.title} again after it was woken: {await _who(context, undone)}",
        where=str(undone.patch.ref),
        next_action="let them leave it alone (docs/move.md, Owners), then begin the move again",
        code="undone-by-others",
    )


async def woken_again(context: Context, layer: Layer, undone: Undone) -> NeedsPersonError:
    """The error of a layer that was parked and is awake again."""
    return NeedsPersonError(
        f"somebody woke {layer.title} again after it was parked: {await _who(context, undone)}",
        where=str(undone.patch.ref),
        next_action="let them leave it alone (docs/move.md, Owners)",
        code="undone-by-others",
    )


async def refuse_woken(context: Context, layer: Layer) -> None:
    """Raise NeedsPersonError when what was parked is awake again."""
    patches = layer.park(context.model)
    found = {patch.ref: await context.cluster.find(patch.ref) for patch in patches}
    try:
        raise_unless(patches, found.get, hold=True)
    except Undone as undone:
        raise await woken_again(context, layer, undone) from None


async def _who(context: Context, undone: Undone) -> str:
    paths = list(leaves(undone.patch.body))
    return await said_of_writer(context.cluster, undone.patch.ref, undone.live, paths, FIELD_MANAGER)
