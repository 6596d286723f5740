"""One container's life: started, probed, restarted with back-off, stopped with its hooks and grace.

The runner is told what to do by its pod (``lifecycle.py``) and tells it through ``changed`` whenever its state
did. Cancelling a runner's task leaves the process alone: ending it is ``stop``'s work, which knows about grace.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pointsman.errors import ClusterError
from pointsman.lab.node.backoff import Backoff
from pointsman.lab.node.environment import ConfigError
from pointsman.lab.node.images import look_up
from pointsman.lab.node.launch import Launch, Launcher
from pointsman.lab.node.logs import LogWriter, log_path, tail_text
from pointsman.lab.node.probes import ProbeKind, Schedule, watch_probe
from pointsman.lab.node.probing import Answer, Prober
from pointsman.lab.node.process import Exit, Process, StartError, run_to_end
from pointsman.lab.node.states import ContainerState, Role
from pointsman.lab.node.times import now
from pointsman.lab.node.volumes import MountError
from pointsman.lab.node.zygotes import Zygotes

__all__ = ["Runner"]

_LOG = logging.getLogger(__name__)
_CONFIG_RETRY = 2.0
"""Seconds between two looks for a Secret or ConfigMap that is not there."""
_LEAST_GRACE = 2.0
"""Seconds a container has after SIGTERM even when its preStop hook used up the grace period."""

Say = Callable[[str, str, str, str], None]
"""(type, reason, message, container field path): record an event about the pod."""


class Runner:
    """Runs one container of one pod."""

    def __init__(
        self,
        spec: dict[str, Any],
        role: Role,
        launcher: Launcher,
        prober: Prober,
        zygotes: Zygotes,
        say: Say,
        changed: Callable[[], None],
    ) -> None:
        self.spec = spec
        self.state = ContainerState(spec["name"], spec["image"], role)
        self.process: Process | None = None
        self.log: LogWriter | None = None
        self.started = asyncio.Event()
        self._launcher = launcher
        self._prober = prober
        self._zygotes = zygotes
        self._say = say
        self._changed = changed
        self._backoff = Backoff()
        self._launch: Launch | None = None
        self._started_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._kill_reason = ""
        self.state.wait("ContainerCreating")

    @property
    def name(self) -> str:
        """The container's name."""
        return self.state.name

    def log_file(self, *, previous: bool) -> Path:
        """Where the log of this run, or of the one before, lies."""
        return log_path(self._launcher.logs, self.name, self.state.restarts - int(previous))

    async def run(self, restart: Callable[[Exit], bool]) -> Exit:
        """Run until it ends and ``restart`` says that is final."""
        while True:
            launch = await self._prepare()
            ended = await self._run_once(launch)
            if not restart(ended):
                return ended
            await self._wait_before_restart()

    async def _prepare(self) -> Launch:
        """What to start; waits, visibly, while image or configuration are missing."""
        await self._pull()
        while True:
            try:
                return await self._launcher.prepare(self.spec)
            except (ConfigError, MountError, KeyError, ValueError) as error:
                self._wait("CreateContainerConfigError", str(error))
                self._event("Warning", "Failed", f"Error: {error}")
            except ClusterError as error:
                _LOG.warning("container %s: %s", self.name, error)
            await asyncio.sleep(_CONFIG_RETRY)

    async def _pull(self) -> None:
        pulls = Backoff()
        pulls.delay(0.0)
        while look_up(self.spec["image"]) is None:
            image = self.spec["image"]
            what = f'Failed to pull image "{image}": the lab\'s image catalogue does not know {image}'
            self._event("Normal", "Pulling", f'Pulling image "{image}"')
            self._event("Warning", "Failed", what)
            self._event("Warning", "Failed", "Error: ErrImagePull")
            self._wait("ErrImagePull", what)
            await asyncio.sleep(1.0)
            self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {what}')
            self._event("Normal", "BackOff", f'Back-off pulling image "{image}"')
            await asyncio.sleep(pulls.delay(asyncio.get_running_loop().time()))
        self._event("Normal", "Pulled", f'Container image "{self.spec["image"]}" already present on machine')

    async def _run_once(self, launch: Launch) -> Exit:
        container_id = secrets.token_hex(32)
        if self.state.ever_ran:
            self.state.restarts += 1
        self.log = LogWriter(self.log_file(previous=False))
        self._launch = launch
        self._kill_reason = ""
        self._event("Normal", "Created", f"Created container: {self.name}")
        try:
            process = self._start(container_id, launch, self.log)
        except StartError as error:
            return self._never_started(container_id, error)
        self.process = process
        self._started_at = asyncio.get_running_loop().time()
        self.state.run(f"pointsman://{container_id}", now())
        process.exited.add_done_callback(self._exited)
        self._event("Normal", "Started", f"Started container {self.name}")
        self._changed()
        self._spawn(self._after_start())
        return await asyncio.shield(process.exited)

    def _start(self, container_id: str, launch: Launch, log: LogWriter) -> Process:
        env = {**launch.env, **self._zygotes.hint(launch.argv, launch.env)}
        return Process.start(container_id, launch.argv, env, launch.cwd, log.feed, self._zygotes.bear)

    def _never_started(self, container_id: str, error: StartError) -> Exit:
        assert self.log is not None
        self.log.close()
        self.state.container_id = f"pointsman://{container_id}"
        ended = Exit(128)
        self.state.end(ended, now(), reason="StartError", message=str(error))
        self._event("Warning", "Failed", f"Error: {error}")
        self._changed()
        return ended

    def _exited(self, exited: asyncio.Future[Exit]) -> None:
        if exited.cancelled():
            return
        for task in list(self._tasks):
            task.cancel()
        assert self.log is not None
        self.log.close()
        self.started.clear()
        self.state.end(exited.result(), now(), message=self._termination_message(exited.result()))
        self._changed()

    def _termination_message(self, ended: Exit) -> str:
        assert self._launch is not None
        try:
            message = self._launch.termination_log.read_text(errors="replace")[:4096]
        except OSError:
            message = ""
        fall_back = self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if not message and fall_back and ended.code != 0:
            message = tail_text(self.log_file(previous=False))
        return message

    async def _wait_before_restart(self) -> None:
        delay = self._backoff.delay(asyncio.get_running_loop().time())
        if delay:
            what = f"back-off {delay:g}s restarting failed container={self.name} pod={self._launcher.pod_label}"
            self._wait("CrashLoopBackOff", what)
            self._event("Warning", "BackOff", f"Back-off restarting failed container {self.name}")
            await asyncio.sleep(delay)

    async def _after_start(self) -> None:
        """The postStart hook, then the probes."""
        hook = (self.spec.get("lifecycle") or {}).get("postStart")
        if hook:
            answer = await self._hook(hook, 3600.0)
            if not answer.ok:
                self._event("Warning", "FailedPostStartHook", f"PostStartHook failed: {answer.message}")
                await self._restart_for("FailedPostStartHook")
                return
        for kind in ("liveness", "readiness"):
            if self.spec.get(f"{kind}Probe"):
                self._spawn(self._probe_when_started(kind))
        if self.spec.get("startupProbe"):
            self._spawn(self._probe("startup"))
        else:
            self._mark_started()

    def _mark_started(self) -> None:
        self.state.started = True
        self.state.ready = self.state.role != "init" and not self.spec.get("readinessProbe")
        self.started.set()
        self._changed()

    async def _probe_when_started(self, kind: ProbeKind) -> None:
        await self.started.wait()
        await self._probe(kind)

    async def _probe(self, kind: ProbeKind) -> None:
        probe = self.spec[f"{kind}Probe"]
        schedule = Schedule.of(probe)
        title = kind.capitalize()
        await watch_probe(
            schedule,
            lambda: self._ask(probe, schedule.timeout),
            age=lambda: asyncio.get_running_loop().time() - self._started_at,
            on_failure=lambda answer: self._event("Warning", "Unhealthy", f"{title} probe failed: {answer.message}"),
            on_verdict=lambda ok, _answer: self._verdict(kind, ok),
            once=kind == "startup",
        )

    def _verdict(self, kind: ProbeKind, ok: bool) -> None:
        if kind == "readiness" and self.state.running and self.state.ready != ok:
            self.state.ready = ok
            self._changed()
        if kind == "startup" and ok:
            self._mark_started()
        if kind != "readiness" and not ok and not self._kill_reason:
            self._kill_reason = kind
            self._event("Normal", "Killing", f"Container {self.name} failed {kind} probe, will be restarted")
            probe = self.spec[f"{kind}Probe"]
            grace = probe.get("terminationGracePeriodSeconds") or self._launcher.grace
            asyncio.get_running_loop().create_task(self.stop(grace))

    async def _restart_for(self, reason: str) -> None:
        self._kill_reason = reason
        self._event("Normal", "Killing", f"{reason}, container {self.name} will be restarted")
        await self.stop(self._launcher.grace)

    async def stop(self, grace: float, turn: Awaitable[None] | None = None) -> None:
        """preStop, then (when it is its turn) SIGTERM, then SIGKILL when ``grace`` seconds are over."""
        process, loop = self.process, asyncio.get_running_loop()
        if process is None or process.exited.done():
            if asyncio.iscoroutine(turn):
                turn.close()
            return
        deadline = loop.time() + grace
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0:
            await self._pre_stop(process, hook, grace)
        if turn is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(turn, max(0.0, deadline - loop.time()))
        process.signal(signal.SIGTERM if grace > 0 else signal.SIGKILL)
        left = max(_LEAST_GRACE, deadline - loop.time()) if grace > 0 else 0.0
        self.kill_after(left)
        await asyncio.shield(process.exited)

    def kill_after(self, seconds: float) -> None:
        """SIGKILL the whole container in ``seconds``, unless it has ended by itself."""
        process = self.process
        if process is not None and not process.exited.done():
            timer = asyncio.get_running_loop().call_later(seconds, process.kill)
            process.exited.add_done_callback(lambda _done: timer.cancel())

    async def _pre_stop(self, process: Process, hook: dict[str, Any], limit: float) -> None:
        asked = asyncio.ensure_future(self._hook(hook, limit))
        try:
            first: set[asyncio.Future[Any]] = {asked, process.exited}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED, timeout=limit)
        finally:
            if not asked.done():
                asked.cancel()
        if asked.done() and not asked.cancelled() and not asked.result().ok:
            self._event("Warning", "FailedPreStopHook", f"PreStopHook failed: {asked.result().message}")

    async def _hook(self, handler: dict[str, Any], limit: float) -> Answer:
        if "sleep" in handler:
            await asyncio.sleep(min(float(handler["sleep"]["seconds"]), limit))
            return Answer(True)
        return await self._ask(handler, limit)

    async def _ask(self, action: dict[str, Any], timeout: float) -> Answer:
        address, announced = self._launcher.address, self._launcher.announced
        answer = await self._prober.ask(action, self.spec, address, timeout, self._exec)
        return Answer(answer.ok, answer.message.replace(address, announced))

    async def _exec(self, command: list[str], timeout: float) -> tuple[int, str]:
        launch = self._launch
        assert launch is not None
        container_id = self.state.container_id.removeprefix("pointsman://")
        return await run_to_end(container_id, launch.words(command), launch.env, launch.cwd, timeout)

    def _wait(self, reason: str, message: str) -> None:
        self.state.wait(reason, message)
        self._changed()

    def _event(self, kind: str, reason: str, message: str) -> None:
        group = "containers" if self.state.role == "main" else "initContainers"
        self._say(kind, reason, message, f"spec.{group}{{{self.name}}}")

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
