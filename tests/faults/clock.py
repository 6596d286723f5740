"""Runs the program on a machine whose clock is ahead by the seconds of the first argument."""

import datetime
import sys
from typing import Any

AHEAD = datetime.timedelta(seconds=float(sys.argv.pop(1)))


class Wrong(datetime.datetime):
    """The time of day, as that machine tells it."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + AHEAD


datetime.datetime = Wrong  # type: ignore[misc]

from pointsman.cli.main import main  # noqa: E402 - the clock comes first

main()
