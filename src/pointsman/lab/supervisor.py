"""The process that holds a lab together: ``python -m pointsman.lab.supervisor HOME``.

It starts everything in order, starts again what dies, and stops everything in order on SIGTERM. It detaches from
whoever started it, so that a terminal's end or a Ctrl-C there is not the lab's; its own end, of any kind, is the end
of every process it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pointsman.errors import LabError, PointsmanError
from pointsman.lab import identity, locks, processes
from pointsman.lab.addons import own
from pointsman.lab.children import Child, start_all, stop_all
from pointsman.lab.config import LabConfig
from pointsman.lab.gitops.processes import gitops, prepare
from pointsman.lab.kubectl import Kubectl
from pointsman.lab.paths import NOBODY_ELSE
from pointsman.lab.ports import AddressTakenError, claim_octet
from pointsman.lab.snapshot import install_all, installed, mark_installed, snapshot_key
from pointsman.lab.state import Phase, ProcessState, State, lock_path, write_state
from pointsman.lab.tools import Tools, ensure_tools

__all__ = ["main"]

_LOG = logging.getLogger("supervisor")
_BACK_OFF = (0.2, 1.0, 5.0, 15.0, 30.0)
_STEADY_SECONDS = 60.0


class Supervisor:
    """One lab's processes, from the first start to the last stop."""

    def __init__(self, config: LabConfig, tools: Tools) -> None:
        self._config = config
        self._tools = tools
        self._phase: Phase = "starting"
        self._base: list[Child] = []
        self._rest: list[Child] = []

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        work = asyncio.create_task(self._work(), name="supervise")
        asked = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            work.cancel()
            outcome = (await asyncio.gather(work, return_exceptions=True))[0]
            await self._stop()
        if isinstance(outcome, Exception):
            raise outcome

    async def _work(self) -> None:
        who = identity.prepare_identity(self._config)
        processes.write_egress(self._config)
        self._base = self._children(processes.etcd_and_api(self._config, self._tools.control_plane, who))
        self._rest = self._children(processes.rest(self._config, self._tools.control_plane, who))
        if self._tools.argo_cd:
            prepare(self._config, who)
            self._rest += self._children(gitops(self._config, self._tools.argo_cd, who))
        await start_all(self._base, self._changed)
        kubectl = Kubectl(self._tools.control_plane.tool("kubectl"), self._config.kubeconfig)
        await asyncio.to_thread(self._renew_addons, kubectl, who)
        endpoints = asyncio.create_task(asyncio.to_thread(kubectl.apply, own.webhook_endpoints(self._config)))
        await start_all(self._rest, self._changed)
        await endpoints
        self._phase = "ready"
        self._changed()
        _LOG.info("ready")
        async with asyncio.TaskGroup() as group:
            for child in (*self._base, *self._rest):
                group.create_task(self._keep(child))

    def _renew_addons(self, kubectl: Kubectl, who: identity.Identity) -> None:
        """Install the add-ons over those of another version of this program."""
        key = snapshot_key(self._tools)
        if installed(self._config) == key:
            return
        _LOG.info("installing the add-ons again: this lab has those of another version")
        authority = who.authority.certificate.read_bytes()
        install_all(kubectl, self._tools, authority, lambda progress: _LOG.info("%s", progress))
        mark_installed(self._config, key)

    async def _keep(self, child: Child) -> None:
        """Start the child again whenever it ends, later and later while it does not stay up."""
        failures = 0
        while True:
            code = await child.wait()
            steady = time.monotonic() - child.started_at > _STEADY_SECONDS
            failures = 0 if steady else failures + 1
            pause = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
            _LOG.warning("%s ended with code %s; starting it again in %.1f s", child.spec.name, code, pause)
            self._changed()
            await asyncio.sleep(pause)
            child.restarts += 1
            await child.start()
            self._changed()
            try:
                await child.wait_ready()
                _LOG.info("%s is ready again", child.spec.name)
            except LabError as failed:
                _LOG.warning("%s", failed)
            self._changed()

    async def _stop(self) -> None:
        self._phase = "stopping"
        self._changed()
        network = [child for child in self._rest if child.spec.name == "network"]
        others = [child for child in self._rest if child.spec.name != "network"]
        await stop_all([others, network, self._base[1:], self._base[:1]])

    def _children(self, specs: Sequence[processes.ProcessSpec]) -> list[Child]:
        environment = processes.base_environment(self._config)
        return [Child(spec, self._config.logs, environment) for spec in specs]

    def _changed(self) -> None:
        seen = [self._describe(child) for child in (*self._base, *self._rest)]
        try:
            write_state(self._config, State(phase=self._phase, processes=tuple(seen)))
        except OSError as failed:
            _LOG.warning("the state cannot be written, the lab goes on: %s", failed)

    def _describe(self, child: Child) -> ProcessState:
        port = self._config.ports.get(child.spec.port)
        return ProcessState(name=child.spec.name, pid=child.pid, ready=child.ready, restarts=child.restarts, port=port)


def main() -> int:
    """Detach, hold the lab's lock, supervise until told to stop."""
    os.umask(NOBODY_ELSE)
    config = LabConfig.load(Path(sys.argv[1]))
    lock = locks.try_lock(lock_path(config))
    if lock is None:
        return 0
    if os.fork():
        os._exit(0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    write_state(config, State(phase="starting"))
    try:
        with contextlib.closing(_claim(config)):
            asyncio.run(Supervisor(config, ensure_tools(gitops=config.gitops)).run())
        write_state(config, State(phase="stopped"))
        return 0
    except Exception as failed:
        error = failed if isinstance(failed, PointsmanError) else LabError(repr(failed), code="lab-start")
        _LOG.exception("the lab ends")
        write_state(config, State(phase="failed", error=error.as_dict()))
        return 2


def _claim(config: LabConfig) -> socket.socket:
    try:
        return claim_octet(config.octet)
    except OSError as taken:
        raise AddressTakenError(
            f"another lab took the addresses 127.{config.octet}.* in this moment", next_action="try again"
        ) from taken


if __name__ == "__main__":
    sys.exit(main())
