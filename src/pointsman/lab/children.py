"""Child processes that cannot outlive their parent, with a log each, started until ready and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.parentage import dies_with_parent
from pointsman.lab.probing import is_ready
from pointsman.lab.processes import FileProbe, ProcessSpec

__all__ = ["Child", "start_all", "stop_all", "tail"]

_START_SECONDS = 120.0
_POLL = 0.05
_CRASHES = ("panic:", "fatal error:")


class Child:
    """One process: started, watched, stopped."""

    def __init__(self, spec: ProcessSpec, logs: Path, environment: Mapping[str, str]) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self.ready = False
        self.restarts = 0
        self.started_at = 0.0
        self._environment = {**environment, **spec.environment}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process, while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process; it is not ready yet."""
        self.ready = False
        self.started_at = time.monotonic()
        if isinstance(self.spec.ready, FileProbe):
            self.spec.ready.path.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd="/",
                start_new_session=True,
                preexec_fn=dies_with_parent(self.spec.death_signal),
            )

    async def wait(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        assert self._process
        code = await self._process.wait()
        self.ready = False
        return code

    async def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        """Wait until the process is ready; an error with its last words when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(is_ready, self.spec.ready):
            if self.pid is None:
                code = self._process.returncode if self._process else None
                raise self._failure(f"{self.spec.name} ended with {_describe(code)} while it started")
            if time.monotonic() > deadline:
                raise self._failure(f"{self.spec.name} was not ready {seconds:.0f} s after its start")
            await asyncio.sleep(_POLL)
        self.ready = True

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL when the process takes longer than it may."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), self.spec.stop_seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self.ready = False

    def _failure(self, what: str) -> LabError:
        return LabError(
            what + tail(self.log), where=str(self.log), next_action="read that log; then try again", code="lab-start"
        )


async def start_all(children: Sequence[Child], changed: Callable[[], None] = lambda: None) -> None:
    """Start these together and wait until all are ready; raises the LabError of the first that ends before."""
    for child in children:
        await child.start()
    changed()

    async def follow(child: Child) -> None:
        await child.wait_ready()
        changed()

    tasks = [asyncio.create_task(follow(child)) for child in children]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stop_all(stages: Iterable[Sequence[Child]]) -> None:
    """Stop stage after stage; the children of one stage together."""
    for stage in stages:
        await asyncio.gather(*(child.stop() for child in stage))


def tail(log: Path, lines: int = 12) -> str:
    """What a log says last, indented, to be shown below a sentence. A crash is shown from its cause on."""
    with contextlib.suppress(OSError):
        written = log.read_bytes()[-65536:].decode(errors="replace").splitlines()
        crashes = [number for number, line in enumerate(written) if line.startswith(_CRASHES)]
        first = max(0, crashes[-1] - 2) if crashes else max(0, len(written) - lines)
        return "".join(f"\n  {line[:300]}" for line in written[first : first + lines])
    return ""


def _describe(code: int | None) -> str:
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
