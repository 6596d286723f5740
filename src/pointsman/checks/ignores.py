"""9xx: what is wrong with comments that ignore findings; ``ignoring`` finds it, since it needs all other findings."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View

__all__ = ["ABOUT", "CHECKS"]


def _later(view: View) -> Iterator[Told]:
    """Nothing: ``ignoring`` says it."""
    return iter(())


def _check(number: int, name: str, level: Level, cause: str, remedy: str) -> Check:
    return Check(
        f"PM{number}",
        name,
        level,
        frozenset({"comments"}),
        cause=cause,
        remedy=remedy,
        sure=Sure.measured,
        fact="how this program reads them",
        run=_later,
        sources=frozenset({Source.files}),
    )


CHECKS = (
    _check(
        901,
        "ignore-malformed",
        Level.warning,
        "an ignore that cannot be read, or that names no check there is, hides nothing",
        "write # pointsman:ignore, the id of a check that there is, and why it is so",
    ),
    _check(
        902,
        "ignore-without-reason",
        Level.warning,
        "an ignore without a reason tells the next reader nothing, so the finding still counts",
        "write why behind the id",
    ),
    _check(
        903,
        "ignore-unused",
        Level.info,
        "an ignore that hides nothing will hide the next finding of that line unseen",
        "take it out, or put it on the line of the finding",
    ),
)
ABOUT = (CHECKS[0], CHECKS[1], CHECKS[2])
