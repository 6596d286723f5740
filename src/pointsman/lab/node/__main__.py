"""``python -m pointsman.lab.node HOME``: the nodes of the lab that lives in HOME."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from pointsman.errors import PointsmanError
from pointsman.kube.client import Client
from pointsman.lab.config import LabConfig
from pointsman.lab.node.agent import Agent, mark_ready
from pointsman.lab.node.probing import Prober
from pointsman.lab.node.process import adopt_orphans, sweep
from pointsman.lab.node.programs import write_programs
from pointsman.lab.node.zygotes import Zygotes


def main() -> int:
    """Run until SIGTERM; the exit code follows the error tree."""
    if len(sys.argv) != 2:
        print("usage: python -m pointsman.lab.node HOME", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    adopt_orphans()
    try:
        config = LabConfig.load(Path(sys.argv[1]))
        write_programs(config)
        sweep(config.home)
        uvloop.run(_serve(config))
    except PointsmanError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


async def _serve(config: LabConfig) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    mark = config.run / "node.ready"
    mark.unlink(missing_ok=True)
    prober, zygotes = Prober(), Zygotes(config)
    zygotes.open()
    try:
        async with Client.from_kubeconfig(config.kubeconfig) as client:
            agent = Agent(config, client, prober, zygotes)
            await agent.run(mark_ready(mark), stopped)
    finally:
        mark.unlink(missing_ok=True)
        await prober.close()
        zygotes.close()


if __name__ == "__main__":
    sys.exit(main())
