"""Moves that ended, and those that run: their receipts, read back from the journals by anybody at any time."""

from __future__ import annotations

from typing import Any

from pointsman.errors import NotFoundError
from pointsman.move.counting.receipt import receipt_from
from pointsman.move.journal.ledger import Ledger

__all__ = ["history", "receipt_of", "receipt_of_model"]

_TOLD = ("move", "model", "from", "to", "strategy", "state", "servedFrom", "started", "ended", "seconds")


async def receipt_of(ledger: Ledger, named: str) -> dict[str, Any]:
    """The receipt of a move; of a model's last move when a model is named; of the very last one when nothing is.

    Raises NotFoundError when there is none.
    """
    moves, _ = await ledger.every()
    wanted = [one for one in moves if named in ("", one.progress.move, one.model)]
    if wanted:
        return receipt_from(wanted[-1].progress)
    if named:
        # One that cannot be read says so itself.
        return receipt_from((await ledger.load(named)).progress)
    raise NotFoundError("there was no move yet", next_action="pointsman move MODEL --to LAYER", code="move-unknown")


async def receipt_of_model(ledger: Ledger, model: str) -> dict[str, Any]:
    """The receipt of a model's last move.

    Raises NotFoundError when there has been none, and NeedsPersonError when none of its journals can be read.
    """
    moves, torn = await ledger.every(model=model)
    if moves:
        return receipt_from(moves[-1].progress)
    if torn:
        raise torn[-1]
    raise NotFoundError(
        f"there has been no move of {model}",
        next_action=f"pointsman move {model} --to LAYER; pointsman receipt without a name tells the last one of all",
        code="move-unknown",
    )


async def history(ledger: Ledger, model: str) -> dict[str, Any]:
    """All moves, oldest first, a line each; journals that cannot be read are named beside them."""
    moves, unread = await ledger.every(model=model)
    return {
        "moves": [_line(receipt_from(one.progress)) for one in moves],
        "unreadable": [error.as_dict() for error in unread],
    }


def _line(receipt: dict[str, Any]) -> dict[str, Any]:
    traffic = receipt["traffic"]
    return {**{key: receipt[key] for key in _TOLD}, "tenants": traffic["tenants"], "cut": traffic["cut"]}
