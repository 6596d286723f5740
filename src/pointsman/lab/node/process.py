"""One local process that stands for a container: its own session, its logs, and an end that takes everything along.

The process is started in a new session (so its group is its own), asks the kernel to be killed with this node,
and is waited for through a pidfd. When it ends, whatever it left behind ends too, as it would in a pid namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from pointsman.lab.parentage import dies_with_parent

__all__ = ["Bear", "Child", "Exit", "Process", "StartError", "adopt_orphans", "run_to_end", "spare", "sweep"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_CHILD_SUBREAPER = 36
_MARK = "POINTSMAN_CONTAINER_ID"

_main_pids: set[int] = set()
"""Children that are waited for by their own Process, and must not be reaped by anybody else."""


class Child(Protocol):
    """What ``subprocess.Popen`` offers of a child that is used here."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """Where its standard output is read."""

    @property
    def stderr(self) -> IO[bytes] | None:
        """Where its standard error is read."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""

    def wait(self) -> int:
        """Its exit code, or the negative number of the signal that ended it."""


Bear = Callable[[Sequence[str], Mapping[str, str], Path], Child | None]
"""Makes the process of words, environment and directory without starting a program; None when it cannot."""


class StartError(Exception):
    """The words could not be executed; the message is for the container's status."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: exit code as a container runtime reports it (128 + signal), and the signal or 0."""

    code: int
    signal: int = 0

    @classmethod
    def of(cls, returncode: int) -> Exit:
        """From ``Popen.returncode``."""
        return cls(128 - returncode, -returncode) if returncode < 0 else cls(returncode)


def adopt_orphans() -> None:
    """Make this process the parent of every orphaned descendant, so that none can slip away."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Process:
    """A running container process. ``await exited`` gives its Exit."""

    def __init__(self, container_id: str, popen: Child, on_output: Callable[[str, bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.pid = popen.pid
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self._id = container_id
        self._popen = popen
        self._pidfd = os.pidfd_open(popen.pid)
        _main_pids.add(popen.pid)
        self._on_output = on_output
        self._open = {}
        for stream, pipe in (("stdout", popen.stdout), ("stderr", popen.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._open[stream] = pipe
            loop.add_reader(pipe.fileno(), self._readable, stream)
        loop.add_reader(self._pidfd, self._ended)

    @classmethod
    def start(
        cls,
        container_id: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        on_output: Callable[[str, bytes], None],
        bear: Bear = lambda argv, env, cwd: None,
    ) -> Process:
        """Start ``argv``, unless ``bear`` can do without; raises StartError when it cannot be executed."""
        marked = {**env, _MARK: container_id}
        if (born := bear(argv, marked, cwd)) is not None:
            return cls(container_id, born, on_output)
        try:
            popen = subprocess.Popen(
                argv,
                env=marked,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=dies_with_parent(),  # noqa: PLW1509  it is one system call
            )
        except (OSError, ValueError) as error:
            reason = "executable file not found in $PATH" if isinstance(error, FileNotFoundError) else str(error)
            raise StartError(f'failed to start the container\'s process: exec: "{argv[0]}": {reason}') from error
        return cls(container_id, popen, on_output)

    def signal(self, number: int) -> None:
        """Send a signal to the main process, as a container runtime does."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(number)

    def kill(self) -> None:
        """End the whole group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _readable(self, stream: str) -> None:
        try:
            data = os.read(self._open[stream].fileno(), 65536)
        except BlockingIOError:
            return
        if data:
            self._on_output(stream, data)
        else:
            self._shut(stream)

    def _shut(self, stream: str) -> None:
        pipe = self._open.pop(stream)
        asyncio.get_running_loop().remove_reader(pipe.fileno())
        pipe.close()

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.kill()
        returncode = self._popen.wait()
        _main_pids.discard(self.pid)
        _end_leftovers(self._id)
        for stream in list(self._open):
            self._drain(stream)
        if not self.exited.done():
            self.exited.set_result(Exit.of(returncode))

    def _drain(self, stream: str) -> None:
        while stream in self._open:
            before = self._open[stream]
            try:
                data = os.read(before.fileno(), 65536)
            except BlockingIOError:
                data = b""
            if data:
                self._on_output(stream, data)
            else:
                self._shut(stream)


async def run_to_end(
    container_id: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float
) -> tuple[int, str]:
    """Run a command beside a container (exec probe, hook): exit code and output. Raises TimeoutError, StartError."""
    output = bytearray()
    process = Process.start(f"{container_id}/exec", argv, env, cwd, lambda _stream, data: output.extend(data[:10240]))
    try:
        async with asyncio.timeout(timeout):
            ended = await asyncio.shield(process.exited)
    finally:
        if not process.exited.done():
            process.kill()
    return ended.code, bytes(output[:10240]).decode(errors="replace")


def spare(pid: int) -> None:
    """This process outlives the container that left it behind."""
    _main_pids.add(pid)


def _end_leftovers(container_id: str) -> None:
    """Kill what a container left behind and reap what died: orphans become our children (``adopt_orphans``)."""
    try:
        children = Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
    except FileNotFoundError:
        return
    for child in children:
        if int(child) in _main_pids:
            continue
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            ours = _environment(child).get(_MARK, "").partition("/")[0] == container_id
            if ours:
                os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0 if ours else os.WNOHANG)


def _environment(pid: str) -> dict[str, str]:
    try:
        raw = Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def sweep(home: Path) -> list[int]:
    """Kill container processes an earlier node of this lab left behind; returns their pids."""
    swept = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        env = _environment(entry.name)
        if env.get("POINTSMAN_LAB") == str(home) and _MARK in env:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
                swept.append(int(entry.name))
    return swept
