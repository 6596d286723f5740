"""Which models need a person: what no process will settle by itself, read from a row of the overview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.move.journal.states import State

__all__ = ["needs_person"]

_STANDING = (State.PAUSED, State.UNDO_STUCK, State.FORWARD_STUCK)


def needs_person(row: Mapping[str, Any]) -> bool:
    """Is there a warning, a move that stands, waits for people or owes something, or a tenant who is not served?

    What is declared and does not run counts, and so does an alias that answers nobody while no move says why.
    """
    move = row["move"]
    if move is not None and (move["state"] in _STANDING or move["awaiting"] or move["owed"]):
        return True
    unserved = any(layer["traffic"] and layer["state"] != "ready" for layer in row["layers"])
    closed = move is None and bool(row["split"].get("closed"))
    return bool(row["warnings"] or row.get("running") or unserved or closed)
