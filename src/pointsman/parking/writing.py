"""The one write of a cost action: on the very object that was shown, as it was shown, and said once."""

from __future__ import annotations

from pointsman.errors import ChangedError, ConflictError, NeedsPersonError, NotFoundError
from pointsman.kube.client import FIELD_MANAGER
from pointsman.kube.http import Caller
from pointsman.kube.once import UnheardError, patch_once
from pointsman.owners.fields import as_pointer
from pointsman.parking.look import Look

__all__ = ["refuse_other", "write"]

AGAIN = "run it again and read what it says now"


def refuse_other(shown: Look, found: Look) -> None:
    """Raise ChangedError when what was agreed to is not what is there now."""
    if shown.gist == found.gist:
        return
    if shown.uid != found.uid:
        what = f"it is another object by now: uid {found.uid or 'none'} in the place of {shown.uid or 'none'}"
    else:
        what = f"it was changed since it was shown: resourceVersion {shown.version} then, {found.version} now"
    raise ChangedError(f"{what}; nothing was written", where=str(found.ref), next_action=AGAIN)


async def write(cluster: Caller, found: Look, again: str) -> None:
    """Write what the look says, if the object is still as it was looked at.

    Raises ChangedError when it is not, and NeedsPersonError when nobody can say whether it was written. ``again`` is
    the command that goes on from whatever is there.
    """
    tested = {"resourceVersion": found.version} | ({"uid": found.uid} if found.uid else {})
    body = {**found.patch.body, "metadata": {**(found.patch.body.get("metadata") or {}), **tested}}
    try:
        await patch_once(cluster, found.ref, body, FIELD_MANAGER)
    except (ConflictError, NotFoundError) as error:
        raise ChangedError(
            f"somebody changed it between the last look and the write, so nothing was written: {error.what}",
            where=str(found.ref),
            next_action=AGAIN,
        ) from error
    except UnheardError as error:
        fields = ", ".join(as_pointer(path) for path in found.changes)
        ref = found.ref
        raise NeedsPersonError(
            error.what,
            where=str(ref),
            next_action=f"nothing was said twice; look at {fields}: kubectl get {ref.kind.plural}"
            f"{'.' if ref.kind.group else ''}{ref.kind.group} -n {ref.namespace} {ref.name} -o yaml; then {again}, "
            "which goes on from what is there",
            code="park-unknown",
        ) from error
