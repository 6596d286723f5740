"""Start, stop and describe labs. Everything the command line and the tests do with a lab goes through here."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab import locks
from pointsman.lab.children import tail
from pointsman.lab.config import GITOPS_PORTS, Engine, LabConfig, NodeConfig, check_name
from pointsman.lab.gitops.processes import check_needs
from pointsman.lab.node.temporary import sweep
from pointsman.lab.paths import lab_home, lab_names, private
from pointsman.lab.ports import AddressTakenError, free_octet, free_ports
from pointsman.lab.processes import MARKER
from pointsman.lab.progress import Progress, Report, silent
from pointsman.lab.snapshot import ensure_snapshot, restore
from pointsman.lab.state import State, read_state, supervisor_pid
from pointsman.lab.storage import disk_full, storage_errors
from pointsman.lab.strays import end_strays
from pointsman.lab.tools import ensure_tools

__all__ = ["Ended", "Lab", "down", "find", "running", "up"]

_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_POLL = 0.05
_COLLISIONS = 3
"""Starts given up because other labs took the addresses at the same moment, before that is told as an error."""
_ROOM = 1_000_000
"""Bytes without which nothing is begun or finished."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab as it is found: its description, and its supervisor's word where one lives."""

    config: LabConfig
    supervisor: int | None
    state: State | None
    started_now: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether every process runs and is ready."""
        return bool(self.supervisor and self.state and self.state.phase == "ready")


@dataclass(frozen=True, slots=True)
class Ended:
    """What ``down`` met."""

    existed: bool
    ran: bool


def find(name: str) -> Lab | None:
    """The lab called ``name``, or None when there is none. Raises UsageError for what can be no lab's name."""
    check_name(name)
    if not (lab_home(name) / "lab.json").exists():
        return None
    config = LabConfig.load(lab_home(name))
    pid = supervisor_pid(config)
    return Lab(config, pid, read_state(config) if pid is not None else None)


def running() -> list[str]:
    """Names of the labs that run, sorted; one whose description cannot be read is not among them."""
    found = []
    for name in lab_names():
        with contextlib.suppress(LabError):
            lab = find(name)
            found += [name] if lab and lab.supervisor is not None else []
    return found


def up(
    name: str = "default",
    *,
    nodes: int | None = None,
    gpus: int | None = None,
    engine: Engine | None = None,
    gitops: bool | None = None,
    report: Report = silent,
) -> Lab:
    """Bring the lab up, from nothing or from what it was. A lab that runs is left as it is.

    ``gitops``: with Argo CD and a repository that it reads; None leaves that as it was.
    """
    check_name(name)
    lab = find(name)
    with_git = bool(lab and lab.config.gitops) if gitops is None else gitops
    if with_git:
        check_needs()
    tools = ensure_tools(gitops=with_git, report=report)
    snapshot = ensure_snapshot(tools, report)
    home = lab_home(name)
    with (
        storage_errors(home, "POINTSMAN_STATE"),
        private(home),
        locks.hold(home / "run" / "up.lock", lambda pid: report(_waits(pid))),
    ):
        return _bring_up(_describe(name, nodes, gpus, engine, gitops), snapshot, report)


def down(name: str = "default", *, purge: bool = False, report: Report = silent) -> Ended:
    """Stop every process of the lab; with ``purge`` forget it too, even when its description cannot be read."""
    try:
        lab = find(name)
    except LabError as broken:
        if not (purge and broken.code == "lab-unreadable"):
            raise
        return Ended(existed=True, ran=_forget(lab_home(name)) > 0)
    if lab is None:
        return Ended(existed=False, ran=False)
    if lab.supervisor:
        report(Progress("lab", f"stopping (supervisor {lab.supervisor})"))
        _end(lab.config, lab.supervisor)
    if purge:
        _forget(lab.config.home)
    else:
        end_strays(lab.config.home)
    return Ended(existed=True, ran=lab.supervisor is not None)


def _forget(home: Path) -> int:
    """End what still runs there, which is counted, and delete it."""
    ended = end_strays(home)
    shutil.rmtree(home)
    sweep()
    return ended


def _waits(pid: int) -> Progress:
    return Progress("lab", f"waiting for process {pid}, which is starting it")


def _bring_up(config: LabConfig, snapshot: Path, report: Report) -> Lab:
    """Start what is described, unless it runs. The caller holds the lab's start lock."""
    lab = find(config.name)
    if lab and lab.is_ready:
        return lab
    if lab and lab.supervisor is not None:
        down(config.name, report=report)
    if ended := end_strays(config.home):
        report(Progress("lab", f"ended {ended} processes that an earlier run left behind"))
    for _ in range(_COLLISIONS):
        with contextlib.suppress(AddressTakenError):
            return _start(config, snapshot, report)
        report(Progress("lab", "another lab took the addresses in this moment; trying others"))
    return _start(config, snapshot, report)


def _start(config: LabConfig, snapshot: Path, report: Report) -> Lab:
    config = _settle(config)
    _prepare(config)
    restore(snapshot, config)
    with _undone_on_failure(config):
        _launch(config)
        _follow(config, report)
    return Lab(config, supervisor_pid(config), read_state(config), started_now=True)


def _describe(name: str, nodes: int | None, gpus: int | None, engine: Engine | None, gitops: bool | None) -> LabConfig:
    """The lab's description: a new one, or the old one with what the caller asks for now."""
    lab = find(name)
    if lab is None:
        config = LabConfig.create(
            name, nodes=nodes or 1, gpus=4 if gpus is None else gpus, engine=engine or "simulator"
        )
        config = _with_git(config, gitops)
        config.save()
        return config
    config = lab.config
    made = [
        config.nodes[number] if number < len(config.nodes) else NodeConfig(name=f"lab-{number}")
        for number in range(nodes or len(config.nodes))
    ]
    if gpus is not None:
        made = [node.model_copy(update={"gpus": gpus}) for node in made]
    changed = config.model_copy(update={"nodes": tuple(made), "engine": engine or config.engine})
    changed = _with_git(changed, gitops)
    if changed == config:
        return config
    if lab.supervisor is not None:
        raise LabError(
            f"lab {name!r} runs already, with other nodes, GPUs or engine, or without what --gitops brings",
            where=str(config.home),
            next_action="take it down first (pointsman lab down), or give the new one another --name",
            code="lab-runs",
        )
    changed.save()
    return changed


def _with_git(config: LabConfig, gitops: bool | None) -> LabConfig:
    """Its ports stay when it is switched off: another start takes them again."""
    if gitops is None or gitops == config.gitops:
        return config
    ports = {**config.ports, **free_ports(name for name in GITOPS_PORTS if name not in config.ports)}
    return config.model_copy(update={"gitops": gitops, "ports": ports if gitops else config.ports})


def _settle(config: LabConfig) -> LabConfig:
    """Keep the lab's ports and octet where they are free; pick others where they are not."""
    ports = free_ports(config.ports, keep=dict(config.ports))
    settled = config.model_copy(update={"ports": ports, "octet": free_octet(config.octet)})
    settled.save()
    return settled


def _prepare(config: LabConfig) -> None:
    for folder in (config.run, config.logs, config.pods, config.bin):
        folder.mkdir(parents=True, exist_ok=True)
    for leftover in (*config.run.glob("*.ready"), *config.run.glob("*.sock"), config.run / "state.json"):
        leftover.unlink(missing_ok=True)
    for log in config.logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


def _launch(config: LabConfig) -> None:
    """Start the supervisor. It detaches by itself and holds the lab's lock when this returns."""
    with (config.logs / "supervisor.log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "pointsman.lab.supervisor", str(config.home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {MARKER: str(config.home)},
            cwd="/",
            start_new_session=True,
            check=False,
            timeout=60,
        )
    if done.returncode:
        raise _failure(config, "the lab's supervisor did not start")


def _follow(config: LabConfig, report: Report) -> None:
    """Tell each process that gets ready, until all are."""
    deadline = time.monotonic() + _START_SECONDS
    told: set[str] = set()
    while time.monotonic() < deadline:
        alive = supervisor_pid(config) is not None
        state = read_state(config)
        for process in state.processes if state else ():
            if process.ready and process.name not in told:
                told.add(process.name)
                report(Progress("lab", f"{process.name} is ready", len(told), len(state.processes) if state else 0))
        if state and state.phase == "ready":
            return
        if state and state.phase == "failed":
            said = state.error
            if said["code"] == AddressTakenError.default_code:
                raise AddressTakenError(said["what"], where=said["where"], next_action=said["next"])
            error = LabError(said["what"], where=said["where"], next_action=said["next"], code=said["code"])
            raise _or_full_disk(config, error)
        if not alive:
            raise _failure(config, "the lab's supervisor ended while it started")
        time.sleep(_POLL)
    raise _failure(config, f"the lab was not ready after {_START_SECONDS:.0f} s")


@contextlib.contextmanager
def _undone_on_failure(config: LabConfig) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if pid := supervisor_pid(config):
            _end(config, pid)
        end_strays(config.home)
        raise


def _end(config: LabConfig, pid: int) -> None:
    """SIGTERM and wait for the lock to be free; SIGKILL when that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while supervisor_pid(config) == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL)


def _failure(config: LabConfig, what: str) -> LabError:
    log = config.logs / "supervisor.log"
    error = LabError(what + tail(log), where=str(log), next_action="read that log; then try again", code="lab-start")
    return _or_full_disk(config, error)


def _or_full_disk(config: LabConfig, error: LabError) -> LabError:
    """Where there is no room, that is the reason, whatever noticed it first; no log could say so."""
    if shutil.disk_usage(config.home).free >= _ROOM:
        return error
    return disk_full(error.what.splitlines()[0], config.home, "POINTSMAN_STATE")
