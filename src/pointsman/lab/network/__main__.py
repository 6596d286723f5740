"""``python -m pointsman.lab.network HOME``: run the network of the lab whose home this is.

The supervisor starts it so that it is asked to end when the supervisor does (``pointsman.lab.parentage``).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from pointsman.errors import PointsmanError
from pointsman.lab.config import LabConfig
from pointsman.lab.network.process import serve


def main() -> int:
    """Entry point; ends with 0 on SIGTERM or SIGINT."""
    if len(sys.argv) != 2:
        print("usage: python -m pointsman.lab.network HOME", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        uvloop.run(_run(LabConfig.load(Path(sys.argv[1]))))
    except PointsmanError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


async def _run(config: LabConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop)


if __name__ == "__main__":
    sys.exit(main())
