"""What ``adopt`` finds by itself, as checks tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointsman.checks.check import Told
from pointsman.checks.view import View

__all__ = ["DISAGREE", "told_of"]

DISAGREE = frozenset({"models", "engines", "edges"})
"""What has to be read for it."""


def told_of(code: str) -> Callable[[View], Iterator[Told]]:
    """A check that tells the findings of one code."""

    def run(view: View) -> Iterator[Told]:
        for one in view.disagreements(code):
            yield Told(
                None,
                one.what,
                next_action=one.next_action,
                fixes=one.fixes,
                where=one.where,
                model=one.model,
                tied=one.tied,
            )

    return run
