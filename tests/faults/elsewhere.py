"""Runs the program where time is another: ``elsewhere.py AHEAD RELEASE WORDS…``.

The machine's clock is ahead by AHEAD seconds; the program waits RELEASE seconds for objects to be gone (0: as ever).
"""

import datetime
import sys
from dataclasses import dataclass
from typing import Any

AHEAD = datetime.timedelta(seconds=float(sys.argv.pop(1)))
RELEASE = float(sys.argv.pop(1))


class Wrong(datetime.datetime):
    """The time of day, as that machine tells it."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + AHEAD


datetime.datetime = Wrong  # type: ignore[misc]

from pointsman.cli.main import main  # noqa: E402 - the clock comes first
from pointsman.move import context  # noqa: E402


@dataclass(frozen=True, slots=True)
class Hurried(context.Options):
    """The command line has no word for it."""

    release_timeout: float = RELEASE


if RELEASE:
    context.Options = Hurried  # type: ignore[misc]

main()
