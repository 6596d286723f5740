"""A refusal of the preflight: it names its check, and nothing was changed."""

from __future__ import annotations

from pointsman.errors import RefusedError

__all__ = ["refuse"]


def refuse(check: str, what: str, *, where: str = "", next_action: str = "") -> RefusedError:
    """The error of a check with this id."""
    return RefusedError(what, where=where, next_action=next_action, code=f"preflight.{check}")
