"""What checks found, as data under stable names: for every output, and for the report that people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pointsman.adopt.adopted import Adopted
from pointsman.checks.check import Check, Level
from pointsman.checks.finding import Outcome

__all__ = ["as_dict", "entry"]


def as_dict(
    made: Outcome, found: Adopted, show: Level = Level.info, refused: Sequence[tuple[str, str, str]] = ()
) -> dict[str, Any]:
    """All of it; findings below ``show`` are counted and left out.

    ``refused``: the id and the sentence of findings that could not be mended, and why.
    """
    why = {(check, what): reason for check, what, reason in refused}
    shown = [one for one in made.counted if one.level.rank >= show.rank]
    return {
        "findings": [one.as_dict() | {"notMended": why.get((one.check.id, one.what))} for one in shown],
        "ignored": [one.as_dict() | {"notMended": None} for one in made.findings if one.ignored],
        "notShown": len(made.counted) - len(shown),
        "notChecked": [one.as_dict() for one in made.skipped],
        "broken": [one.as_dict() for one in made.broken],
        "notRead": [one.as_dict() | {"unread": one.unread} for one in found.left_out],
        "checks": made.ran,
        "objects": made.objects,
        "configurations": made.configurations,
        "models": made.models,
    }


def entry(check: Check) -> dict[str, Any]:
    """A check of the catalogue."""
    return {
        "id": check.id,
        "name": check.name,
        "level": check.level.value,
        "reads": sorted(check.reads),
        "sources": sorted(one.value for one in check.sources),
        "cause": check.cause,
        "remedy": check.remedy,
        "sure": check.sure.value,
        "fact": check.fact,
        "fixable": check.fixable,
        "page": check.page,
    }
