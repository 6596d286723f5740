"""One pod's life on a node: volumes, init containers, sidecars, mains, and an end that keeps its promises.

A worker is one supervised task per pod. Going forward is straight-line code (``_live``); an end asked for from
outside cancels it where it stands and takes the containers down in order. The status is written by the same
worker whenever a container's state changed, and only then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Sequence
from typing import Any

from pointsman.errors import ClusterError
from pointsman.lab.node.container import Runner
from pointsman.lab.node.context import NodeContext
from pointsman.lab.node.engine_settings import CONFIG_MAP, write_settings
from pointsman.lab.node.launch import Launcher
from pointsman.lab.node.process import Exit
from pointsman.lab.node.states import ContainerState, Role
from pointsman.lab.node.status import Verdict, pod_status
from pointsman.lab.node.status_writer import StatusWriter
from pointsman.lab.node.temporary import sweep
from pointsman.lab.node.times import now, parse_time
from pointsman.lab.node.volumes import MountError, Volumes

__all__ = ["PodWorker"]

_LOG = logging.getLogger(__name__)
_MOUNT_RETRY = 2.0
_SHUTDOWN_GRACE = 2.0

Object = dict[str, Any]


class PodWorker:
    """Runs one pod from its binding to its removal."""

    def __init__(self, pod: Object, node: NodeContext) -> None:
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self._node = node
        self._home = node.config.pods / self.uid
        self._end = asyncio.Event()
        self._ending = False
        self._removed = False
        self._finished = False
        self._abandoned = False
        self._dark = False
        self._verdict: Verdict | None = None
        status = pod.get("status") or {}
        self._started = parse_time(status["startTime"]) if status.get("startTime") else now()
        self._finished_before = status.get("phase") in ("Succeeded", "Failed")
        self.address = self._take_address(status)
        self._volumes = Volumes(pod, self._home, node.sources, node.capacity)
        launcher = Launcher(node.config, self._described, self.address, self._volumes, node.sources, node.capacity)
        self.runners = [
            Runner(spec, role, launcher, node.prober, node.zygotes, self._say, self._changed)
            for spec, role in _containers(pod)
        ]
        if pod["spec"].get("initContainers"):
            for runner in self._of("main"):
                runner.state.wait("PodInitializing")
        self._writer = StatusWriter(node.client, self._status)
        if not self._finished_before:
            self._restore(status)

    async def run(self) -> None:
        """Live, end, and be removed. Always ends with no process left."""
        writing = asyncio.create_task(self._writer.run(), name=f"status {self.uid}")
        try:
            await self._until_end()
            await self._take_down()
            self._finished = True
            await self._remove(writing)
        finally:
            writing.cancel()
            for runner in self.runners:
                runner.kill_after(0)
            self._node.addresses.release(self.address)
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)
        await asyncio.to_thread(sweep)

    def update(self, pod: Object) -> None:
        """The pod's object changed."""
        before, self.pod = self.pod, pod
        if self._dark:
            return
        for runner, (spec, _role) in zip(self.runners, _containers(pod), strict=True):
            runner.spec = spec
        if before["metadata"].get("generation") != pod["metadata"].get("generation"):
            self._changed()
        if pod["metadata"].get("deletionTimestamp"):
            grace = self._grace()
            if self._ending and grace < self._grace(before):
                for runner in self.runners:
                    runner.kill_after(grace)
            self._ask_to_end()

    def remove(self) -> None:
        """The pod's object is gone: nobody waits for its grace period any more."""
        self._removed = True
        for runner in self.runners:
            runner.kill_after(0)
        self._ask_to_end()

    async def abandon(self) -> None:
        """The node itself ends: stop every process, and leave the pod's status as it is."""
        self._abandoned = True
        self._writer.stop()
        await asyncio.gather(*(runner.stop(_SHUTDOWN_GRACE) for runner in self._running(without_hooks=True)))

    def power_off(self) -> None:
        """The node dies in this moment: no process is left, and nobody says so."""
        self._dark = self._abandoned = True
        self._writer.stop()
        for runner in self.runners:
            runner.kill_after(0)

    async def source_changed(self, kind: str, name: str, data: dict[str, bytes] | None) -> None:
        """A ConfigMap or Secret of the pod's namespace changed."""
        if kind == "ConfigMap" and name == CONFIG_MAP:
            write_settings(self._home / "engine.json", self.pod["metadata"]["name"], data or {})
        with contextlib.suppress(MountError, ClusterError):
            await self._volumes.refresh(kind, name)

    async def renew_tokens(self) -> None:
        """Give the pod's projected tokens new lifetimes."""
        with contextlib.suppress(MountError, ClusterError):
            await self._volumes.renew_tokens()

    def runner(self, container: str) -> Runner | None:
        """The runner of a container."""
        return next((runner for runner in self.runners if runner.name == container), None)

    # going forward

    async def _until_end(self) -> None:
        """Live until the end is asked for, by deletion or by the pod's own deadline."""
        if self._finished_before:
            await self._end.wait()
            return
        self._changed()
        living = asyncio.create_task(self._live(), name=f"pod {self.uid}")
        asked = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait({living, asked}, return_when=asyncio.FIRST_COMPLETED, timeout=self._deadline())
            if not asked.done() and not living.done():
                self._fail("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
                return
            if living.done():
                living.result()
                self._changed()
                await asked
        finally:
            for task in (living, asked):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await living

    async def _live(self) -> None:
        """From nothing to the natural end of every container."""
        await self._prepare()
        async with asyncio.TaskGroup() as sidecars:
            tasks = []
            for runner in self._of("init", "sidecar"):
                if runner.state.role == "init":
                    ended = await runner.run(self._restart_init)
                    if ended.code != 0:
                        break
                else:
                    tasks.append(sidecars.create_task(self._run_sidecar(runner)))
                    await runner.started.wait()
            else:
                mains = self._of("main")
                await asyncio.gather(*(runner.run(self._restart_main) for runner in mains))
            for task in tasks:
                task.cancel()
        await self._stop_in_order(self._grace(default=True))

    async def _prepare(self) -> None:
        """Volumes and engine settings; tries again for as long as something is missing."""
        settings = await self._node.sources.config_map(self.pod["metadata"]["namespace"], CONFIG_MAP)
        write_settings(self._home / "engine.json", self.pod["metadata"]["name"], settings or {})
        while True:
            try:
                await self._volumes.prepare(self._described())
                return
            except MountError as error:
                self._say("Warning", "FailedMount", str(error), "")
            except ClusterError as error:
                _LOG.warning("pod %s: %s", self.pod["metadata"]["name"], error)
            await asyncio.sleep(_MOUNT_RETRY)

    def _restart_main(self, ended: Exit) -> bool:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        wanted = policy == "Always" or (policy == "OnFailure" and ended.code != 0)
        return wanted and not self._abandoned

    def _restart_init(self, ended: Exit) -> bool:
        wanted = ended.code != 0 and self.pod["spec"].get("restartPolicy", "Always") != "Never"
        return wanted and not self._abandoned

    async def _run_sidecar(self, runner: Runner) -> None:
        await runner.run(lambda _ended: not self._abandoned)

    # the end

    def _ask_to_end(self) -> None:
        if not self._ending:
            self._ending = True
            self._changed()
        self._end.set()

    async def _take_down(self) -> None:
        for runner in self._running():
            self._say("Normal", "Killing", f"Stopping container {runner.name}", f"spec.containers{{{runner.name}}}")
        await self._stop_in_order(0.0 if self._removed else self._grace())

    async def _stop_in_order(self, grace: float) -> None:
        """Mains together, then sidecars in reverse; every preStop hook starts at once."""
        order: list[Runner] = [*self._of("main", "init"), *reversed(self._of("sidecar"))]
        stops = []
        for index, runner in enumerate(order):
            earlier = [other for other in order[:index] if runner.state.role == "sidecar"]
            turn = _all_ended(earlier) if earlier else None
            stops.append(runner.stop(grace, turn))
        await asyncio.gather(*stops)

    async def _remove(self, writing: asyncio.Task[None]) -> None:
        """Write how it ended, and take the object away if that was asked for."""
        while not self._removed:
            self._changed()
            await self._writer.settle()
            if self.pod["metadata"].get("deletionTimestamp"):
                break
            self._end.clear()
            await self._end.wait()
        writing.cancel()
        if not self._removed:
            await self._node.delete_pod(self.pod)

    def _fail(self, reason: str, message: str) -> None:
        self._verdict = Verdict(reason, message)
        self._say("Normal", reason, message, "")
        self._changed()

    # pieces

    def _deadline(self) -> float | None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        return None if limit is None else max(0.0, limit - (now() - self._started).total_seconds())

    def _grace(self, pod: Object | None = None, *, default: bool = False) -> float:
        """Seconds of grace: what the deletion asks for, else the pod's own."""
        metadata = (pod or self.pod)["metadata"]
        own = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        return float(own if default else metadata.get("deletionGracePeriodSeconds", own))

    def _of(self, *roles: Role) -> list[Runner]:
        return [runner for runner in self.runners if runner.state.role in roles]

    def _running(self, *, without_hooks: bool = False) -> list[Runner]:
        running = [runner for runner in self.runners if runner.state.running]
        for runner in running if without_hooks else []:
            runner.spec = {**runner.spec, "lifecycle": {}}
        return running

    def _take_address(self, status: Object) -> str:
        if self.pod["spec"].get("hostNetwork"):
            return self._node.host
        known = status.get("podIP", "")
        if known and self._node.addresses.keep(known):
            return str(known)
        return self._node.addresses.take()

    def _restore(self, status: Object) -> None:
        entries = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        by_name = {entry["name"]: entry for entry in entries}
        for runner in self.runners:
            if runner.name in by_name and by_name[runner.name].get("containerID"):
                runner.state.restore(by_name[runner.name], now())

    def _described(self) -> Object:
        """The pod with the addresses it has, whether or not its object shows them yet."""
        addresses = {"podIP": self.address, "podIPs": [{"ip": self.address}], "hostIP": self._node.host}
        return {**self.pod, "status": {**(self.pod.get("status") or {}), **addresses}}

    def _status(self) -> tuple[Object, Object]:
        if self._finished_before and not self._finished:
            return self.pod, {}
        states: Sequence[ContainerState] = [runner.state for runner in self.runners]
        built = pod_status(
            self.pod,
            states,
            address=self.address,
            host=self._node.host,
            started=self._started,
            ending=self._ending,
            verdict=self._verdict,
            at=now(),
        )
        return self.pod, {} if self._finished_before else built

    def _changed(self) -> None:
        self._writer.changed()

    def _say(self, kind: str, reason: str, message: str, container: str) -> None:
        self._node.events.say(
            self.pod, "Normal" if kind == "Normal" else "Warning", reason, message, container=container
        )


def _containers(pod: Object) -> list[tuple[Object, Role]]:
    """Containers with their roles, in starting order."""
    made: list[tuple[Object, Role]] = []
    for spec in pod["spec"].get("initContainers") or []:
        made.append((spec, "sidecar" if spec.get("restartPolicy") == "Always" else "init"))
    return made + [(spec, "main") for spec in pod["spec"]["containers"]]


async def _all_ended(runners: Sequence[Runner]) -> None:
    running = [runner.process.exited for runner in runners if runner.process is not None]
    if running:
        await asyncio.wait(running)
